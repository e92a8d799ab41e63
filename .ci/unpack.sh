# Functions for scripts that unpack Debian packages into folders of their own;
# to be sourced. Nothing is installed, and the machine's apt is not touched.

# packages DIR NAME…: what the machine lacks of packages and all they need, in
# the versions of its own suite, unpacked into DIR.
packages() {
  local dir=$1 debs
  shift
  debs=$(mktemp -d)
  mkdir -p "$dir" "$debs/partial"
  local fetch=(apt-get install -qq -y --download-only --no-install-recommends -o Dir::Cache::archives="$debs"
    -o Debug::NoLocking=1 -o APT::Sandbox::User=root "$@")
  "${fetch[@]}" >/dev/null 2>&1 || { apt-get update -qq && "${fetch[@]}" >/dev/null; } || { rm -rf "$debs"; return 1; }
  unpack "$debs" "$dir" || { rm -rf "$debs"; return 1; }
  rm -rf "$debs"
}

# unpack DEBS DIR: all packages of a folder, into DIR.
unpack() {
  local deb
  for deb in "$1"/*.deb; do
    [ ! -e "$deb" ] || dpkg-deb -x "$deb" "$2" || return 1
  done
}

# libraries DIR: DIR/libraries with a link to every shared library that was
# unpacked into DIR/packages, for LD_LIBRARY_PATH.
libraries() {
  mkdir -p "$1/libraries"
  find "$1/packages/usr/lib" -mindepth 2 -maxdepth 2 -name '*.so.*' -exec ln -st "$1/libraries" -r {} + 2>/dev/null || true
}

# wordpress SUITE DIR CONFIG: the WordPress of a suite of Debian, and the
# libraries that Debian puts beside it, unpacked into DIR with CONFIG as its
# wp-config.php. apt works on a state of its own.
wordpress() {
  local suite=$1 dir=$2 config=$3 state mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
  [ -n "$mirror" ] || { apt-get update -qq &&
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1); }
  [ -n "$mirror" ] || return 1
  state=$(mktemp -d)
  rm -rf "$dir"
  mkdir -p "$state"/{lists/partial,cache/archives/partial,debs} "$dir"
  : >"$state/status"
  echo "deb $mirror $suite main" >"$state/sources.list"
  cat >"$state/conf" <<CONF
Dir::Etc::sourcelist "$state/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State::lists "$state/lists";
Dir::State::status "$state/status";
Dir::Cache "$state/cache";
APT::Sandbox::User "root";
CONF
  if APT_CONFIG=$state/conf apt-get update -qq &&
    (cd "$state/debs" && APT_CONFIG=$state/conf apt-get download -qq \
      wordpress libphp-phpmailer php-getid3 libjs-underscore libjs-lodash libjs-cropper libjs-jquery-ui) &&
    unpack "$state/debs" "$dir"; then
    # Debian's own configuration looks into /etc.
    rm -f "$dir"/usr/share/wordpress/{wp-config.php,.htaccess}
    echo "$config" >"$dir/usr/share/wordpress/wp-config.php"
    rm -rf "$state"
  else
    rm -rf "$state"
    return 1
  fi
}
