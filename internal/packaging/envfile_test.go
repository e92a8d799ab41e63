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

var update = flag.Bool("update", false, "write the generated files")

// wantEnvExample generates deploy/autowebinar.env.example from the service's own
// description of its settings.
func wantEnvExample(t testing.TB) string {
	t.Helper()
	var reference, b strings.Builder
	require.NoError(t, config.Reference(&reference))
	b.WriteString(`# All settings, for "docker run --env-file", "env_file" and EnvironmentFile. Remove
# the # to change a default. Instead of a value, NAME_FILE may name a file that
# contains it; use that for settings marked as secret.
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
			// A default in words is a comment, not a value.
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

	// The values are the defaults: setting all of them changes nothing.
	var set []string
	for line := range strings.Lines(want) {
		if name, value, ok := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "#")), "="); ok && value != "" && regexp.MustCompile(`^[A-Z_]+$`).MatchString(name) {
			set = append(set, name+"="+value)
		}
	}
	require.NotEmpty(t, set)
	minimal := []string{"AUTOWEBINAR_DB_DSN=a:b@tcp(db:3306)/site", "AUTOWEBINAR_WEBHOOK_URL=off"}
	assert.Equal(t, loadConfig(t, minimal).LogValue().String(), loadConfig(t, append(set, minimal...)).LogValue().String())
}

func loadConfig(t testing.TB, environ []string) config.Config {
	t.Helper()
	c, err := config.Load(environ, os.ReadFile)
	require.NoError(t, err)
	return c
}
