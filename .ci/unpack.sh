# Functions for scripts that fetch Debian packages; to be sourced.

# refresh_lists fetches the package lists of the machine, once for a script and
# the scripts that it runs. Old lists name packages that the mirrors have removed,
# or browsers that are too old. A list that cannot be fetched, such as that of a
# foreign repository, does not prevent the installation of what the others name.
refresh_lists() {
  [ -z "${LISTS_REFRESHED:-}" ] || return 0
  export LISTS_REFRESHED=1
  local errors
  for _ in {1..60}; do
    errors=$(LC_ALL=C apt-get update -qq 2>&1 >/dev/null) && return 0
    [[ $errors == *'Could not get lock'* ]] || break # another apt is running
    sleep 5
  done
  echo "$0: apt-get update failed: $errors" >&2
}

# packages DIR NAME…: unpacks the named packages and their dependencies into
# DIR, except those that are installed, in the versions of the machine's suite.
# Nothing is installed.
packages() {
  local dir=$1 debs
  shift
  refresh_lists
  debs=$(mktemp -d)
  mkdir -p "$dir" "$debs/partial"
  apt-get install -qq -y --download-only --no-install-recommends -o Dir::Cache::archives="$debs" \
    -o Debug::NoLocking=1 -o APT::Sandbox::User=root "$@" >/dev/null &&
    unpack "$debs" "$dir" || { rm -rf "$debs"; return 1; }
  rm -rf "$debs"
}

# unpack DEBS DIR: unpacks all packages of a folder into DIR.
unpack() {
  local deb
  for deb in "$1"/*.deb; do
    [ ! -e "$deb" ] || dpkg-deb -x "$deb" "$2" || return 1
  done
}

# libraries DIR: makes DIR/libraries, for LD_LIBRARY_PATH, with a link to every
# shared library that was unpacked into DIR/packages.
libraries() {
  mkdir -p "$1/libraries"
  find "$1/packages/usr/lib" -mindepth 2 -maxdepth 2 -name '*.so.*' -exec ln -st "$1/libraries" -r {} + 2>/dev/null || true
}

# wordpress SUITE DIR CONFIG: unpacks the WordPress of a suite of Debian, and the
# libraries that Debian packages separately, into DIR with CONFIG as its
# wp-config.php. apt gets separate lists, because the suite is not the machine's.
wordpress() {
  local suite=$1 dir=$2 config=$3 state mirror
  refresh_lists
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
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
    # Debian's wp-config.php reads the configuration in /etc.
    rm -f "$dir"/usr/share/wordpress/{wp-config.php,.htaccess}
    echo "$config" >"$dir/usr/share/wordpress/wp-config.php"
    rm -rf "$state"
  else
    rm -rf "$state"
    return 1
  fi
}
