package site

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// tools are the programs that serve a site and the releases of WordPress.
type tools struct {
	dir        string
	nginx      string
	apache     string
	fpm, php   string
	phpOptions []string // command-line options of PHP, instead of an ini file
	releases   []release
}

// release is an unpacked WordPress.
type release struct {
	version string // such as 6.1.9
	docroot string
}

// sharedTools finds the tools once for all tests.
var sharedTools = sync.OnceValues(findTools)

func findTools() (*tools, error) {
	var stderr bytes.Buffer
	script := exec.Command("../../.ci/wordpress")
	script.Stderr = &stderr
	out, err := script.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, stderr.String())
	}
	w := &tools{dir: strings.TrimSpace(string(out))}
	w.nginx, w.apache = w.find("sbin/nginx"), w.find("sbin/apache2")
	w.fpm, w.php = w.find("sbin/php-fpm?*"), w.find("bin/php?.?")
	modules := filepath.Dir(w.find("lib/php/2*/mysqli.so"))
	if w.nginx == "" || w.apache == "" || w.fpm == "" || w.php == "" || modules == "." {
		return nil, fmt.Errorf("nginx, Apache or PHP is neither in %s nor installed: remove that directory, .ci/wordpress fills it again", w.dir)
	}
	w.phpOptions = findPHPOptions(modules)
	if w.releases, err = findReleases(w.dir); err != nil {
		return nil, err
	}
	return w, w.printVersions()
}

// find returns the last match below usr/ of the directory or of the machine.
func (w *tools) find(pattern string) string {
	for _, root := range []string{w.dir + "/packages/usr/", "/usr/"} {
		if found, _ := filepath.Glob(root + pattern); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	return ""
}

// findPHPOptions returns the options that load the extensions Debian enables.
func findPHPOptions(modules string) []string {
	settings := []string{"-n", "-d", "extension_dir=" + modules, "-d", "zend_extension=opcache", "-d", "opcache.enable_cli=0"}
	for _, name := range []string{"mysqlnd", "mysqli", "mbstring", "xml", "dom", "simplexml", "xmlreader", "xmlwriter", "ctype", "iconv", "tokenizer", "fileinfo", "exif", "posix", "json", "phar", "sockets"} {
		if _, err := os.Stat(filepath.Join(modules, name+".so")); err == nil {
			settings = append(settings, "-d", "extension="+name)
		}
	}
	return settings
}

var versionLine = regexp.MustCompile(`\$wp_version = '([0-9.]+)`)

// findReleases returns the releases of WordPress, the newest first.
func findReleases(dir string) ([]release, error) {
	var releases []release
	files, _ := filepath.Glob(dir + "/wordpress/*/usr/share/wordpress/wp-includes/version.php")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		version := versionLine.FindSubmatch(text)
		if version == nil {
			return nil, fmt.Errorf("%s contains no version", file)
		}
		releases = append(releases, release{version: string(version[1]), docroot: filepath.Dir(filepath.Dir(file))})
	}
	if len(releases) != 2 {
		return nil, errors.New("not two releases of WordPress in " + dir + ": remove it, .ci/wordpress fills it again")
	}
	if newer(releases[1].version, releases[0].version) {
		releases[0], releases[1] = releases[1], releases[0]
	}
	return releases, nil
}

func newer(a, b string) bool {
	var left, right [2]int
	fmt.Sscanf(a, "%d.%d", &left[0], &left[1])
	fmt.Sscanf(b, "%d.%d", &right[0], &right[1])
	return left[0] > right[0] || left[0] == right[0] && left[1] > right[1]
}

// printVersions prints what the tests run on.
func (w *tools) printVersions() error {
	version := func(name string, args ...string) string {
		cmd := exec.Command(name, args...)
		cmd.Env = w.environment()
		out, err := cmd.CombinedOutput()
		if err != nil {
			return name + ": " + err.Error()
		}
		line, _, _ := strings.Cut(string(out), "\n")
		return strings.TrimSpace(line)
	}
	_, err := fmt.Fprintf(os.Stderr, "sites of WordPress %s and %s on %s, %s, %s\n", w.releases[0].version, w.releases[1].version,
		version(w.php, append(w.phpOptions, "-v")...), version(w.nginx, "-v"), version(w.apache, "-v"))
	return err
}

// environment returns the environment in which unpacked programs find their libraries.
func (w *tools) environment() []string {
	return append(os.Environ(), "LD_LIBRARY_PATH="+w.dir+"/libraries")
}

// requireTools fails the test if a program is missing.
func requireTools(t testing.TB) *tools {
	t.Helper()
	w, err := sharedTools()
	require.NoError(t, err, "a whole site needs nginx, Apache, PHP and WordPress, which .ci/wordpress fetches")
	return w
}

// eachRelease runs a test on every release.
func eachRelease(t *testing.T, test func(t *testing.T, r release)) {
	for _, r := range requireTools(t).releases {
		t.Run("WordPress "+r.version, func(t *testing.T) {
			t.Parallel()
			test(t, r)
		})
	}
}

// newest returns the current release, and oldest the other one.
func newest(t testing.TB) release { return requireTools(t).releases[0] }
func oldest(t testing.TB) release { return requireTools(t).releases[1] }
