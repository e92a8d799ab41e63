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

// codeBlocks are the lines that a document shows in a language.
func codeBlocks(document, language string) string {
	// Blocks of a list are indented.
	text := regexp.MustCompile(`(?m)^ {3}`).ReplaceAllString(document, "")
	var lines strings.Builder
	for _, block := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(text, -1) {
		lines.WriteString(block[1])
	}
	return lines.String()
}

// normalizeConfig are the directives of a configuration: no comments, no layout.
func normalizeConfig(text string) string {
	text = regexp.MustCompile(`(?m)(^|\s)#.*$`).ReplaceAllString(text, "")
	return strings.Join(strings.Fields(text), " ")
}

// splitByLevel sorts nginx's directives as nginx wants them: those of the http level
// first.
func splitByLevel(text string) (http, server []string) {
	depth, begun := 0, 0
	for i, c := range text {
		switch c {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth == 0 && (c == '}' || c == ';') {
			directive := strings.TrimSpace(text[begun : i+1])
			begun = i + 1
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
	http, server := splitByLevel(normalizeConfig(codeBlocks(read(t, "README.md"), "nginx")))
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

// The names of containers are known to their network only.
func withLocalAddresses(text string) string {
	return regexp.MustCompile(`\b(autowebinar|wordpress):(\d)`).ReplaceAllString(text, "127.0.0.1:$2")
}

func TestNginxConfigIsValid(t *testing.T) {
	t.Parallel()
	tools, err := webServers()
	require.NoError(t, err)
	sites := map[string]string{
		"a site of one's own": withLocalAddresses(read(t, "deploy/nginx/autowebinar-http.conf")) +
			"server { listen 127.0.0.1:8000; include {dir}/autowebinar-locations.conf; }",
		// Debian's nginx may be older than "resolve".
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
			temporary := ""
			for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
				temporary += kind + "_temp_path {dir}/" + kind + ";\n"
			}
			config := write("nginx.conf", "pid {dir}/pid; events {} http { access_log off;\n"+temporary+site+"}")
			said, err := run(t, tools.environment(), tools.find(t, "sbin/nginx"), "-t", "-e", dir+"/log", "-p", dir, "-c", config)
			assert.NoError(t, err, said)
			assert.NotContains(t, said, "[warn]")
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
	said, err := run(t, tools.environment(), tools.find(t, "sbin/apache2"), "-t", "-f", file)
	assert.NoError(t, err, said)
	assert.Contains(t, said, "Syntax OK")
}
