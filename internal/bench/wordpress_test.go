package bench

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest/mariadbd"
)

var errNoTools = errors.New("nginx, PHP-FPM and WordPress are not in BENCH_TOOLS; .ci/bench fetches them on Debian")

// wordPressVariant stores reports as a plugin would: a REST route of WordPress
// behind nginx that calls update_user_meta.
func wordPressVariant(b *testing.B, o options, server *mariadbd.Server) (*variant, error) {
	wp, err := findWordPress(o)
	if err != nil {
		return nil, err
	}
	s := createDatabase(b, server, "wordpress")
	wp.install(b, s)
	s.addViewers(b, reportViewers, true)
	pids := wp.serve(b, s)
	logins, url := writeLogins(b, s.viewers), wp.url+"/wp-json/bench/v1/progress"
	requireAccepted(b, url, s.viewers[0], s.reservePositions())
	load := func(d time.Duration) (sample, error) { return wrk(o, 32, d, url, logins, s.reservePositions()) }
	_, err = load(time.Second) // compiles the scripts
	require.NoError(b, err)
	return &variant{
		name: fmt.Sprintf("e  %s, PHP-FPM and nginx, 32 connections", wp.version),
		site: s, pids: pids, load: load, autocommit: true,
	}, nil
}

// wordPress is an unpacked WordPress and the programs that serve it.
type wordPress struct {
	tools           options
	docroot         string
	nginx, fpm, php string
	modules         string // folder of PHP's extensions
	settings        []string
	version         string
	address, url    string
}

func findWordPress(o options) (*wordPress, error) {
	wp := &wordPress{tools: o, docroot: o.tools + "/wordpress/usr/share/wordpress"}
	if o.tools == "" || !isFile(wp.docroot+"/wp-load.php") {
		return nil, errNoTools
	}
	var err error
	if wp.nginx, err = o.find("sbin/nginx"); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoTools, err)
	}
	wp.fpm, wp.php = o.glob("sbin/php-fpm?*"), o.glob("bin/php?.?")
	wp.modules = filepath.Dir(o.glob("lib/php/2*/mysqli.so"))
	if wp.fpm == "" || wp.php == "" || wp.modules == "." {
		return nil, errNoTools
	}
	// Without an ini file, enable what Debian enables and nothing else.
	wp.settings = []string{"-n", "-d", "extension_dir=" + wp.modules, "-d", "zend_extension=opcache", "-d", "opcache.enable_cli=0"}
	for _, name := range []string{"mysqlnd", "mysqli", "mbstring", "xml", "dom", "simplexml", "xmlreader", "xmlwriter", "ctype", "iconv", "tokenizer", "fileinfo", "exif", "posix"} {
		if isFile(wp.modules + "/" + name + ".so") {
			wp.settings = append(wp.settings, "-d", "extension="+name)
		}
	}
	return wp, nil
}

// glob returns the last match below usr/ of the tools or of the machine.
func (o options) glob(pattern string) string {
	for _, root := range []string{o.tools + "/packages/usr/", "/usr/"} {
		if found, _ := filepath.Glob(root + pattern); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	return ""
}

// environment returns the variables that testdata/wordpress/config.php reads.
func (wp *wordPress) environment(b *testing.B, s *site) []string {
	content, err := filepath.Abs("testdata/wordpress")
	require.NoError(b, err)
	return append(append(wp.tools.environment(), saltVariables()...),
		"BENCH_CONTENT="+content, "BENCH_SOCKET="+s.server.Socket(), "BENCH_URL="+wp.url)
}

// install makes WordPress create its tables.
func (wp *wordPress) install(b *testing.B, s *site) {
	b.Helper()
	wp.address = freeAddress(b)
	wp.url = "http://" + wp.address
	cmd := exec.Command(wp.php, append(wp.settings, "-d", "log_errors=1", "-d", "error_log=/dev/stderr", "testdata/setup.php", wp.docroot)...)
	cmd.Env = wp.environment(b, s)
	out, err := cmd.CombinedOutput()
	require.NoError(b, err, string(out))
	_, version, found := strings.Cut(string(out), "installed: ")
	require.True(b, found, string(out))
	wp.version = strings.TrimSpace(version)
}

// serve starts nginx and PHP-FPM and returns their process ids.
func (wp *wordPress) serve(b *testing.B, s *site) []int {
	b.Helper()
	home := b.TempDir()
	socket := filepath.Join(filepath.Dir(s.server.Socket()), "fpm") // a short path
	placeholders := strings.NewReplacer("{home}", home, "{socket}", socket, "{address}", wp.address, "{docroot}", wp.docroot)
	for _, name := range []string{"nginx.conf", "php-fpm.conf"} {
		text, err := os.ReadFile("testdata/" + name)
		require.NoError(b, err)
		require.NoError(b, os.WriteFile(filepath.Join(home, name), []byte(placeholders.Replace(string(text))), 0o600))
	}
	environment := wp.environment(b, s)
	pids := []int{
		startProcess(b, environment, wp.fpm, append(wp.settings, "--nodaemonize", "--allow-to-run-as-root", "--fpm-config", filepath.Join(home, "php-fpm.conf"))...),
		startProcess(b, environment, wp.nginx, "-e", "stderr", "-p", home, "-c", filepath.Join(home, "nginx.conf")),
	}
	require.Eventually(b, func() bool {
		conn, err := net.Dial("tcp", wp.address)
		if err == nil {
			conn.Close()
		}
		return err == nil && exists(socket)
	}, time.Minute, 10*time.Millisecond, "nginx and PHP-FPM do not respond")
	return pids
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// startProcess runs a program until the benchmark ends and returns its process id.
func startProcess(b *testing.B, environment []string, name string, args ...string) int {
	b.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = environment
	cmd.Stderr = io.Discard
	if testing.Verbose() {
		cmd.Stderr = os.Stderr
	}
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // both programs then end their children
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}
