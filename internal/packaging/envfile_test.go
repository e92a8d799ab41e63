package packaging

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/config"
)

var update = flag.Bool("update", false, "write the files that are made from the sources")

// wantEnvExample is what deploy/autowebinar.env.example should be: every setting there
// is, as the service itself describes it.
func wantEnvExample(t testing.TB) string {
	t.Helper()
	var reference, b strings.Builder
	require.NoError(t, config.Reference(&reference))
	b.WriteString(`# All settings, for "docker run --env-file", "env_file" and EnvironmentFile. Take
# the # away where the default will not do. Each X may be given as X_FILE, the
# path of a file that holds the value: do that with what is marked as secret.
`)
	row := regexp.MustCompile("^\\| `([A-Z_]+)` \\| (.*?) \\| (.*) \\|$")
	for line := range strings.Lines(reference.String()) {
		m := row.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		plain := strings.NewReplacer("`", "", `\|`, "|", "*", "")
		b.WriteString("\n# " + plain.Replace(m[3]) + "\n")
		value := plain.Replace(m[2])
		if !strings.HasPrefix(m[2], "`") || strings.ContainsAny(value, "{ ") {
			// In words, so not to be taken for a value.
			if words, required := strings.CutPrefix(value, "required"); required {
				b.WriteString("# Required" + words + ".\n")
			} else if value != "" {
				b.WriteString("# Default: " + value + ".\n")
			}
			value = ""
		}
		b.WriteString("#" + m[1] + "=" + value + "\n")
	}
	return b.String()
}

func TestEnvExampleListsEverySetting(t *testing.T) {
	t.Parallel()
	want := wantEnvExample(t)
	if *update {
		require.NoError(t, os.WriteFile(deploy+"autowebinar.env.example", []byte(want), 0o644))
	}
	assert.Equal(t, want, read(t, "deploy/autowebinar.env.example"), "go test ./internal/packaging -update writes it")

	// Its values are the defaults: with all of them in force nothing changes.
	var set, bare []string
	for line := range strings.Lines(want) {
		if name, value, ok := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "#")), "="); ok && value != "" && regexp.MustCompile(`^[A-Z_]+$`).MatchString(name) {
			set = append(set, name+"="+value)
		}
	}
	require.NotEmpty(t, set)
	bare = []string{"AUTOWEBINAR_DB_DSN=a:b@tcp(db:3306)/site", "AUTOWEBINAR_WEBHOOK_URL=off"}
	assert.Equal(t, loadConfig(t, bare).LogValue().String(), loadConfig(t, append(set, bare...)).LogValue().String())
}

func loadConfig(t testing.TB, environ []string) config.Config {
	t.Helper()
	c, err := config.Load(environ, os.ReadFile)
	require.NoError(t, err)
	return c
}
