package packaging

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/cli"
	"autowebinar/internal/config"
	"autowebinar/internal/telemetry"
	"autowebinar/internal/webinar"
)

// generatedParts returns the generated parts of the documents, which are
// between "<!-- generated: name -->" and "<!-- end -->", by document and name.
func generatedParts(t testing.TB) map[string]map[string]string {
	t.Helper()
	var settings strings.Builder
	require.NoError(t, config.Reference(&settings))
	example := read(t, "internal/webhook/example_receiver_test.go")
	handler := regexp.MustCompile(`(?ms)^// eventHandler .*?^func \(h \*eventHandler\) ServeHTTP.*?^}\n`).FindString(example)
	require.NotEmpty(t, handler)
	return map[string]map[string]string{
		"docs/configuration.md": {"settings": "\n" + settings.String() + "\n"},
		"docs/events.md": {
			"example event":    "\n```json\n" + read(t, "api/events/client_webinar_entered.example.json") + "```\n\n",
			"example receiver": "\n```go\n" + handler + "```\n\n",
		},
	}
}

func TestGeneratedPartsOfDocumentsAreCurrent(t *testing.T) {
	t.Parallel()
	for name, parts := range generatedParts(t) {
		text := read(t, name)
		want := text
		for part, content := range parts {
			before, rest, ok := strings.Cut(want, "<!-- generated: "+part+" -->\n")
			require.True(t, ok, "%s has no part %q", name, part)
			_, after, ok := strings.Cut(rest, "<!-- end -->\n")
			require.True(t, ok, "%s: the part %q has no end", name, part)
			want = before + "<!-- generated: " + part + " -->\n" + content + "<!-- end -->\n" + after
		}
		if *update {
			require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(want), 0o644))
			continue
		}
		assert.Equal(t, want, text, "make docs writes %s", name)
	}
}

// docsPages returns the documents that describe the service as a whole.
func docsPages(t testing.TB) []string {
	t.Helper()
	return slices.DeleteFunc(markdownFiles(t), func(name string) bool {
		return strings.HasPrefix(name, "api/") || strings.HasPrefix(name, "deploy/")
	})
}

// outsideCode returns a document without its code blocks.
func outsideCode(t testing.TB, name string) string {
	t.Helper()
	return fencedCode.ReplaceAllString(read(t, name), "")
}

func TestReadmeIsShort(t *testing.T) {
	t.Parallel()
	assert.LessOrEqual(t, strings.Count(read(t, "README.md"), "\n"), 200)
}

func TestDocumentedAccountsAreEqual(t *testing.T) {
	t.Parallel()
	account := codeBlocks(read(t, "README.md"), "sql")
	assert.NotEmpty(t, account)
	assert.True(t, strings.HasPrefix(codeBlocks(read(t, "migrations-none.md"), "sql"), account))
}

// Tests that the documents name must exist.
func TestDocumentedTestsExist(t *testing.T) {
	t.Parallel()
	var sources bytes.Buffer
	for _, pattern := range []string{"api/*_test.go", "internal/*/*_test.go"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			sources.Write(text)
		}
	}
	named := 0
	for _, name := range docsPages(t) {
		if name == "CONTRIBUTING.md" { // examples of good names
			continue
		}
		for _, m := range regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z]\\w+)`").FindAllStringSubmatch(outsideCode(t, name), -1) {
			named++
			assert.True(t, bytes.Contains(sources.Bytes(), []byte("func "+m[1]+"(")), "%s names %s", name, m[1])
		}
	}
	assert.NotZero(t, named)
}

func TestDocumentedMetricsAndAlertsExist(t *testing.T) {
	t.Parallel()
	known := metricLabels(t)
	var rules []string
	for _, rule := range alerts(t) {
		rules = append(rules, rule.Alert)
	}
	text := outsideCode(t, "docs/operations.md")
	metrics := regexp.MustCompile("`(autowebinar_[a-z_]+)`").FindAllStringSubmatch(text, -1)
	require.NotEmpty(t, metrics)
	for _, m := range metrics {
		if strings.HasPrefix(m[1], "autowebinar_outbox_wait") || m[1] == "autowebinar_unavailable" { // a key, a code
			continue
		}
		_, counter := known[m[1]]
		_, histogram := known[m[1]+"_bucket"]
		assert.True(t, counter || histogram, "unknown metric %s", m[1])
	}
	named := regexp.MustCompile("`(Autowebinar[A-Z]\\w+)`").FindAllStringSubmatch(text, -1)
	for _, m := range named {
		assert.Contains(t, rules, m[1])
	}
	for _, rule := range alerts(t) {
		if rule.Labels["severity"] == "critical" {
			assert.True(t, strings.Contains(text, "`"+rule.Alert+"`"), "the alert %s is not documented", rule.Alert)
		}
	}
}

// section returns a section of a document, up to the next heading.
func section(t testing.TB, name, title string) string {
	t.Helper()
	_, rest, ok := strings.Cut(read(t, name), "\n"+title+"\n")
	require.True(t, ok, "%s has no section %q", name, title)
	text, _, _ := strings.Cut(rest, "\n#")
	return text
}

func TestDocumentedLogMessagesExist(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join(root, "internal/*/*.go"))
	require.NoError(t, err)
	var sources strings.Builder
	for _, path := range paths {
		if !strings.HasSuffix(path, "_test.go") {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			sources.Write(text)
		}
	}
	composed := map[string]string{
		"database check: …":     `"database check: "+`,
		"outbox reads failing":  `"outbox "+string(op)+" failing"`,
		"outbox writes failing": `"outbox "+string(op)+" failing"`,
	}
	rows := regexp.MustCompile("(?m)^\\| (`.*?`) \\|").FindAllStringSubmatch(section(t, "docs/operations.md", "### Log"), -1)
	require.NotEmpty(t, rows)
	for _, row := range rows {
		for message := range strings.SplitSeq(strings.Trim(row[1], "`"), "`, `") {
			source, ok := composed[message]
			if !ok {
				source = `"` + message + `"`
			}
			assert.True(t, strings.Contains(sources.String(), source), "no message %q", message)
		}
	}
}

func TestDocumentedStatusMembersExist(t *testing.T) {
	t.Parallel()
	members := map[string]bool{"ok": true, "warning": true, "critical": true}
	for _, part := range []any{telemetry.Status{}, telemetry.Problem{}} {
		for _, field := range reflect.VisibleFields(reflect.TypeOf(part)) {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			members[name] = true
		}
	}
	paragraph := regexp.MustCompile("(?s)In `/status.json`, (.*?)\n\n").FindString(read(t, "docs/operations.md"))
	names := regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(paragraph, -1)
	require.NotEmpty(t, names)
	for _, m := range names {
		assert.True(t, members[m[1]], "no member %s", m[1])
	}
}

// runCLI runs a command of the service and returns its output.
func runCLI(t testing.TB, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	cli.Run(t.Context(), args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &out}, nil)
	return out.String()
}

// Every documented command and flag exists, and every command is documented.
func TestDocumentedCommandsExist(t *testing.T) {
	t.Parallel()
	operations := read(t, "docs/operations.md")
	var commands []string
	for _, m := range regexp.MustCompile(`(?m)^  (\w+) +\S`).FindAllStringSubmatch(runCLI(t, "help"), -1) {
		commands = append(commands, m[1])
		documented := strings.Contains(operations, "`"+m[1]+"`") || strings.Contains(operations, "`autowebinar "+m[1])
		assert.True(t, documented, "the command %s is not documented", m[1])
	}
	require.NotEmpty(t, commands)
	call := regexp.MustCompile("(?m)/?\\bautowebinar ([a-z]+)( (?:list|show|retry|drop)\\b)?([^`#|\n]*)")
	flag := regexp.MustCompile(` --?([a-z][a-z-]*)`)
	for _, name := range markdownFiles(t) {
		for _, span := range slices.Concat(inlineCode.FindAllString(read(t, name), -1), fencedCode.FindAllString(read(t, name), -1)) {
			for _, m := range call.FindAllStringSubmatch(span, -1) {
				if !slices.Contains(commands, m[1]) {
					continue
				}
				help := runCLI(t, append(strings.Fields(m[1]+m[2]), "-h")...)
				for _, f := range flag.FindAllStringSubmatch(m[3], -1) {
					known := regexp.MustCompile(`(?m)^  -` + f[1] + `\b`).MatchString(help)
					assert.True(t, known, "%s: autowebinar %s%s%s", name, m[1], m[2], m[3])
				}
			}
		}
	}
}

// declares reports whether a package declares a function, a method, a field or
// another name.
func declares(t testing.TB, pkg, name string) bool {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "internal", pkg, "*.go"))
	require.NoError(t, err)
	declaration := regexp.MustCompile(`(?m)^(func (\([^)]*\) )?|type |var |const |\t)` + name + `\b`)
	return slices.ContainsFunc(paths, func(path string) bool {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		return declaration.Match(text)
	})
}

func TestDocumentedEventIDs(t *testing.T) {
	t.Parallel()
	text := read(t, "docs/events.md")
	assert.Contains(t, text, "`"+webinar.EventNamespace.String()+"`")
	rows := regexp.MustCompile("`(client_webinar_[a-z_]+\\\\\\|[^`]+)` \\| `([0-9a-f-]{36})`").FindAllStringSubmatch(text, -1)
	require.Len(t, rows, 7)
	for _, m := range rows {
		parts := strings.ReplaceAll(m[1], `\|`, "|")
		assert.Equal(t, uuid.NewSHA1(webinar.EventNamespace, []byte(parts)).String(), m[2], parts)
	}
}

// The documents name each error code of the contract, each package and each finding.
func TestDocumentsAreComplete(t *testing.T) {
	t.Parallel()
	api := read(t, "docs/rest-api.md")
	for _, code := range regexp.MustCompile(`\b(?:const|enum|code): '?((?:rest|autowebinar)_[a-z_]+)`).FindAllStringSubmatch(read(t, "api/openapi.yaml"), -1) {
		assert.True(t, strings.Contains(api, "`"+code[1]+"`"), "the code %s is not documented", code[1])
	}
	architecture := read(t, "docs/architecture.md")
	paths, err := filepath.Glob(filepath.Join(root, "internal/*"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		name := filepath.Base(path)
		documented := strings.Contains(architecture, "`internal/"+name+"`") || strings.Contains(architecture, "`"+name+"`")
		assert.True(t, documented, "the package %s is not documented", name)
	}
	for _, m := range regexp.MustCompile("`internal/(\\w+)`").FindAllStringSubmatch(architecture, -1) {
		assert.DirExists(t, filepath.Join(root, "internal", m[1]))
	}
	for _, m := range regexp.MustCompile("`(\\w+)\\.([A-Z]\\w+)(?:\\.([A-Z]\\w+))?[(`]").FindAllStringSubmatch(architecture, -1) {
		for _, name := range m[2:] {
			assert.True(t, name == "" || declares(t, m[1], name), "internal/%s does not declare %s", m[1], name)
		}
	}
	sources, err := filepath.Glob(filepath.Join(root, "internal/doctor/*.go"))
	require.NoError(t, err)
	operations := read(t, "docs/operations.md")
	for _, path := range sources {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`Finding\{(?:Name: )?"([a-z ]+)"`).FindAllStringSubmatch(string(text), -1) {
			assert.True(t, strings.Contains(operations, "`"+m[1]+"`"), "the finding %s is not documented", m[1])
		}
	}
}
