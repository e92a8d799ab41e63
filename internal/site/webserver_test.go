package site

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// startWebServer starts the web server in front of PHP and the service.
func (s *site) startWebServer(t *testing.T) {
	t.Helper()
	var p *process
	var err error
	if s.apache {
		p, err = startProcess(s.tools, s.dir, s.tools.apache, "-DFOREGROUND", "-f", s.writeApacheConfig(t))
	} else {
		p, err = startProcess(s.tools, s.dir, s.tools.nginx, "-e", filepath.Join(s.dir, "nginx.log"), "-p", s.dir, "-c", s.writeNginxConfig(t))
	}
	require.NoError(t, err)
	t.Cleanup(func() {
		p.stop()
		for _, name := range []string{p.log, filepath.Join(s.dir, "apache.log"), filepath.Join(s.dir, "nginx.log")} {
			if text, _ := os.ReadFile(name); t.Failed() && len(text) > 0 {
				t.Logf("%s:\n%s", filepath.Base(name), text)
			}
		}
	})
	require.NoError(t, p.waitUntil(s.isServed), "at %s", s.host)
}

// isServed reports whether the server at the site's address serves this site.
func (s *site) isServed() bool {
	client := &http.Client{Timeout: 30 * time.Second}
	res, err := client.Get(s.home + "/wp-content/whose.txt")
	if err != nil {
		return false
	}
	defer res.Body.Close()
	dir, err := io.ReadAll(res.Body)
	return err == nil && string(dir) == s.dir
}

// writeServerConfig writes a configuration of testdata with its placeholders replaced.
func (s *site) writeServerConfig(t testing.TB, name string, more ...string) (path string) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	pairs := append(more, "{dir}", s.dir, "{address}", s.host, "{root}", s.root(), "{directory}", s.directory,
		"{content}", s.content(), "{fpm}", servers.fpm(), "{config}", s.config())
	path = filepath.Join(s.dir, name)
	require.NoError(t, os.WriteFile(path, []byte(strings.NewReplacer(pairs...).Replace(string(text))), 0o600))
	return path
}

// localProxyLines adapts lines of the documentation to the addresses of this site.
func (s *site) localProxyLines(t testing.TB, lines string) string {
	t.Helper()
	service, err := url.Parse(s.service.URL)
	require.NoError(t, err)
	return strings.NewReplacer("autowebinar:8080", service.Host, "/wp-json/autowebinar/", s.directory+"/wp-json/autowebinar/").Replace(lines)
}

// writeNginxConfig writes the configuration with the lines of the documentation.
func (s *site) writeNginxConfig(t testing.TB) (path string) {
	t.Helper()
	http, server := splitLevels(proxyLines(t, "nginx", s.plainPermalinks, "../../README.md", "../../docs/operations.md"))
	rewrites := ""
	if s.multisite {
		rewrites = `if (!-e $request_filename) {
      rewrite ^/[_0-9a-zA-Z-]+(/wp-(content|admin|includes).*)$ $1 last;
      rewrite ^/[_0-9a-zA-Z-]+(/.*\.php)$ $1 last;
    }`
	}
	return s.writeServerConfig(t, "nginx.conf", "{http}", s.localProxyLines(t, http), "{server}", s.localProxyLines(t, server), "{rewrites}", rewrites)
}

// writeApacheConfig writes the configuration with the lines of the plugin's README.
func (s *site) writeApacheConfig(t testing.TB) (path string) {
	t.Helper()
	lines := proxyLines(t, "apache", s.plainPermalinks, "../../api/wordpress/README.md")
	var modules strings.Builder
	for _, name := range []string{"mpm_event", "authz_core", "mime", "dir", "alias", "headers", "rewrite", "setenvif", "proxy", "proxy_http", "proxy_fcgi"} {
		file := s.tools.find("lib/apache2/modules/mod_" + name + ".so")
		require.NotEmpty(t, file, "Apache lacks mod_%s", name)
		fmt.Fprintf(&modules, "LoadModule %s_module %s\n", name, file)
	}
	return s.writeServerConfig(t, "apache.conf", "{modules}", modules.String(), "{server}", s.localProxyLines(t, lines))
}

// proxyLines returns the proxy configuration in documents: the first code block of
// a language and, for plain permalinks, the second.
func proxyLines(t testing.TB, language string, plain bool, files ...string) string {
	t.Helper()
	var documents strings.Builder
	for _, file := range files {
		document, err := os.ReadFile(file)
		require.NoError(t, err)
		documents.Write(document)
	}
	// Blocks in lists are indented.
	text := regexp.MustCompile(`(?m)^ {3}`).ReplaceAllString(documents.String(), "")
	blocks := regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(text, -1)
	require.Len(t, blocks, 2, "%v contain lines for %s, and more for plain permalinks", files, language)
	if plain {
		return blocks[0][1] + blocks[1][1]
	}
	return blocks[0][1]
}

// splitLevels divides lines for nginx into those of the http and the server block.
func splitLevels(lines string) (http, server string) {
	for block := range directives(lines) {
		if word, _, _ := strings.Cut(strings.TrimSpace(block), " "); word == "upstream" || word == "map" {
			http += block
		} else {
			server += block
		}
	}
	return http, server
}

// directives yields the top-level directives of a configuration with their blocks.
func directives(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		depth, begun := 0, 0
		for i, c := range text {
			switch c {
			case '{':
				depth++
			case '}':
				depth--
			}
			if depth == 0 && (c == '}' || c == ';') {
				// The rest of the line may be a comment.
				end := i + 1
				if j := strings.IndexByte(text[end:], '\n'); j >= 0 && strings.HasPrefix(strings.TrimSpace(text[end:end+j]), "#") {
					end += j + 1
				}
				if begun < end && !yield(text[begun:end]) {
					return
				}
				begun = max(begun, end)
			}
		}
	}
}
