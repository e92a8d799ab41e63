package packaging

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// codeBlocks returns the code blocks of a document in a language.
func codeBlocks(document, language string) string {
	// Blocks in lists are indented.
	text := regexp.MustCompile(`(?m)^ {3}`).ReplaceAllString(document, "")
	var lines strings.Builder
	for _, block := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(text, -1) {
		lines.WriteString(block[1])
	}
	return lines.String()
}

// normalizeConfig removes comments and layout from a configuration.
func normalizeConfig(text string) string {
	text = regexp.MustCompile(`(?m)(^|\s)#.*$`).ReplaceAllString(text, "")
	return strings.Join(strings.Fields(text), " ")
}

// splitByLevel separates nginx's directives of the http level from those of the
// server level.
func splitByLevel(text string) (http, server []string) {
	depth, start := 0, 0
	for i, c := range text {
		switch c {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth == 0 && (c == '}' || c == ';') {
			directive := strings.TrimSpace(text[start : i+1])
			start = i + 1
			if word, _, _ := strings.Cut(directive, " "); word == "upstream" || word == "map" {
				http = append(http, directive)
			} else {
				server = append(server, directive)
			}
		}
	}
	return http, server
}

func TestWebServerFilesMatchDocuments(t *testing.T) {
	t.Parallel()
	http, server := splitByLevel(normalizeConfig(codeBlocks(read(t, "README.md")+read(t, "docs/operations.md"), "nginx")))
	require.NotEmpty(t, http)
	assert.Equal(t, strings.Join(http, " "), normalizeConfig(read(t, "deploy/nginx/autowebinar-http.conf")))
	assert.Equal(t, strings.Join(server, " "), normalizeConfig(read(t, "deploy/nginx/autowebinar-locations.conf")))
	assert.Equal(t, normalizeConfig(codeBlocks(read(t, "api/wordpress/README.md"), "apache")), normalizeConfig(read(t, "deploy/apache/autowebinar.conf")))

	composed, _ := splitByLevel(normalizeConfig(read(t, "deploy/compose/nginx.conf")))
	for _, directive := range http {
		if strings.HasPrefix(directive, "map ") {
			assert.Contains(t, composed, directive)
		}
	}
}

// withLocalAddresses replaces host names that resolve only in the network of
// the containers.
func withLocalAddresses(text string) string {
	return regexp.MustCompile(`\b(autowebinar|wordpress):(\d)`).ReplaceAllString(text, "127.0.0.1:$2")
}

func TestNginxConfigIsValid(t *testing.T) {
	t.Parallel()
	tools, err := webServers()
	require.NoError(t, err)
	sites := map[string]string{
		"existing site": withLocalAddresses(read(t, "deploy/nginx/autowebinar-http.conf")) +
			"server { listen 127.0.0.1:8000; include {dir}/autowebinar-locations.conf; }",
		// Debian's nginx may not support "resolve".
		"compose": strings.NewReplacer(" resolve;", ";", "/etc/nginx/autowebinar-locations.conf", "{dir}/autowebinar-locations.conf",
			"listen 80", "listen 127.0.0.1:8000", "include fastcgi_params", "include {dir}/fastcgi_params").
			Replace(withLocalAddresses(read(t, "deploy/compose/nginx.conf"))),
	}
	for name, site := range sites {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write := func(name, text string) string {
				path := filepath.Join(dir, name)
				require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(text, "{dir}", dir)), 0o600))
				return path
			}
			write("autowebinar-locations.conf", withLocalAddresses(read(t, "deploy/nginx/autowebinar-locations.conf")))
			write("fastcgi_params", "fastcgi_param QUERY_STRING $query_string;\n")
			tempPaths := ""
			for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
				tempPaths += kind + "_temp_path {dir}/" + kind + ";\n"
			}
			config := write("nginx.conf", "pid {dir}/pid; events {} http { access_log off;\n"+tempPaths+site+"}")
			output, err := run(t, tools.environment(), tools.find(t, "sbin/nginx"), "-t", "-e", dir+"/log", "-p", dir, "-c", config)
			assert.NoError(t, err, output)
			assert.NotContains(t, output, "[warn]")
		})
	}
}

func TestApacheConfigIsValid(t *testing.T) {
	t.Parallel()
	tools, err := webServers()
	require.NoError(t, err)
	dir := t.TempDir()
	var config strings.Builder
	config.WriteString("ServerName site\nServerRoot " + dir + "\nErrorLog " + dir + "/log\nPidFile " + dir + "/pid\nListen 127.0.0.1:8000\n")
	for _, name := range []string{"mpm_event", "authz_core", "headers", "rewrite", "proxy", "proxy_http"} {
		config.WriteString("LoadModule " + name + "_module " + tools.find(t, "lib/apache2/modules/mod_"+name+".so") + "\n")
	}
	path, err := filepath.Abs(deploy + "apache/autowebinar.conf")
	require.NoError(t, err)
	config.WriteString("<VirtualHost *>\nInclude " + path + "\n</VirtualHost>\n")
	file := filepath.Join(dir, "apache.conf")
	require.NoError(t, os.WriteFile(file, []byte(config.String()), 0o600))
	output, err := run(t, tools.environment(), tools.find(t, "sbin/apache2"), "-t", "-f", file)
	assert.NoError(t, err, output)
	assert.Contains(t, output, "Syntax OK")
}
