package packaging

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"autowebinar/internal/mariadbtest"
)

// composeService is the tested part of a service in compose.yaml.
type composeService struct {
	Image       string
	Build       string
	Command     []string
	EnvFile     string `yaml:"env_file"`
	Environment map[string]string
	Volumes     []string
	Ports       []string
	ReadOnly    bool     `yaml:"read_only"`
	CapDrop     []string `yaml:"cap_drop"`
	SecurityOpt []string `yaml:"security_opt"`
	Restart     string
	StopGrace   string `yaml:"stop_grace_period"`
	Healthcheck struct {
		Test                           []string
		Interval, Timeout, StartPeriod string
		Retries                        int
		Disable                        bool
		Start                          string `yaml:"start_period"`
	}
}

type composeFile struct {
	Name     string
	Services map[string]composeService
	Volumes  map[string]any
}

func compose(t testing.TB) composeFile {
	t.Helper()
	return decodeCompose(t, read(t, "deploy/compose.yaml"))
}

func decodeCompose(t testing.TB, text string) (file composeFile) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&file))
	return file
}

// newSecrets runs compose/new-secrets and returns the two env files that it writes.
func newSecrets(t testing.TB) (dotenv, site map[string]string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "compose"), 0o755))
	script := filepath.Join(dir, "compose", "new-secrets")
	require.NoError(t, os.WriteFile(script, []byte(read(t, "deploy/compose/new-secrets")), 0o755))
	output, err := run(t, os.Environ(), script)
	require.NoError(t, err, output)
	output, err = run(t, os.Environ(), script)
	require.Error(t, err, "existing files are not overwritten")
	assert.Equal(t, ".env already exists\n", output)

	load := func(name string) map[string]string {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode())
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		env := map[string]string{}
		for line := range strings.Lines(string(text)) {
			name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			require.True(t, ok, line)
			// Compose and shells would interpret these characters.
			assert.NotContains(t, value, "$")
			assert.NotContains(t, value, " ")
			env[name] = value
		}
		return env
	}
	return load(".env"), load("site.env")
}

// interpolate replaces ${NAME:-default}, ${NAME:?message} and ${NAME} like Compose.
func interpolate(t testing.TB, text string, env map[string]string) string {
	t.Helper()
	return regexp.MustCompile(`\$\{(\w+)(?::([-?])([^}]*))?\}`).ReplaceAllStringFunc(text, func(found string) string {
		m := regexp.MustCompile(`\$\{(\w+)(?::([-?])([^}]*))?\}`).FindStringSubmatch(found)
		if value := env[m[1]]; value != "" {
			return value
		}
		require.Equal(t, "-", m[2], "%s has no value", m[1])
		return m[3]
	})
}

// environment returns the environment of a container of the service.
func (s composeService) environment(t testing.TB, dotenv, site map[string]string) []string {
	t.Helper()
	env := map[string]string{}
	if s.EnvFile != "" {
		require.Equal(t, "site.env", s.EnvFile)
		maps.Copy(env, site)
	}
	for name, value := range s.Environment {
		env[name] = interpolate(t, value, dotenv)
	}
	var list []string
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}

func TestComposeServicesStartInAnyOrder(t *testing.T) {
	t.Parallel()
	file := compose(t)
	assert.ElementsMatch(t, []string{"db", "wordpress", "autowebinar", "nginx", "sink"}, slices.Collect(maps.Keys(file.Services)))
	for name, s := range file.Services {
		assert.Equal(t, "unless-stopped", s.Restart, name)
		assert.NotEqual(t, s.Healthcheck.Disable, len(s.Healthcheck.Test) > 0, "%s has a health check or disables it explicitly", name)
		for _, volume := range s.Volumes {
			source, _, _ := strings.Cut(volume, ":")
			if strings.HasPrefix(source, ".") {
				assert.FileExists(t, filepath.Join(deploy, source), name)
			} else {
				assert.Contains(t, file.Volumes, source, name)
			}
		}
	}
	for _, name := range []string{"autowebinar", "sink"} {
		s := file.Services[name]
		assert.True(t, s.ReadOnly, name)
		assert.Equal(t, []string{"ALL"}, s.CapDrop, name)
		assert.Equal(t, []string{"no-new-privileges:true"}, s.SecurityOpt, name)
	}
	assert.NotContains(t, read(t, "deploy/compose.yaml"), "depends_on")
}

// Compose does not build the image, because a release contains no sources.
func TestComposeUsesImageFromReadme(t *testing.T) {
	t.Parallel()
	readme := read(t, "deploy/README.md")
	m := regexp.MustCompile(`(?m)^echo (\w+)=(\S+) >>\.env$`).FindStringSubmatch(readme)
	require.NotNil(t, m)
	assert.Equal(t, "autowebinar:VERSION", m[2], "the tag in the archive that make image writes")
	for _, name := range []string{"autowebinar", "sink"} {
		s := compose(t).Services[name]
		assert.Empty(t, s.Build, name)
		assert.Equal(t, m[2], interpolate(t, s.Image, map[string]string{m[1]: m[2]}), name)
		assert.Contains(t, readme, "`docker build -t "+interpolate(t, s.Image, nil)+" .`", name)
	}
}

func TestComposeConfiguresService(t *testing.T) {
	t.Parallel()
	file := compose(t)
	dotenv, site := newSecrets(t)
	s := file.Services["autowebinar"]
	c := loadConfig(t, s.environment(t, dotenv, site))
	assert.Len(t, c.Salts, 8)
	assert.Len(t, c.WebhookSecrets, 1)
	assert.Equal(t, "http://sink:9000/", c.WebhookURL.String())
	assert.Equal(t, ":8080", c.Listen, "the address in nginx.conf")
	assert.Equal(t, "autowebinar", s.Environment["WORDPRESS_DB_USER"])

	wordpress := file.Services["wordpress"]
	for _, line := range wordpress.environment(t, dotenv, site) {
		name, value, _ := strings.Cut(line, "=")
		assert.NotEqual(t, dotenv["AUTOWEBINAR_DB_PASSWORD"], value, name)
		assert.NotEqual(t, dotenv["AUTOWEBINAR_SERVICE_KEYS"], value, name)
	}
	for _, line := range s.environment(t, dotenv, site) {
		_, value, _ := strings.Cut(line, "=")
		assert.NotEqual(t, dotenv["WORDPRESS_DB_PASSWORD"], value, "the service does not use WordPress's account")
	}
	assert.Equal(t, dotenv["AUTOWEBINAR_WEBHOOK_SECRET"], site["AUTOWEBINAR_WEBHOOK_SECRET"])
}

// Uncommenting two lines publishes the status page on this machine only.
func TestComposeCanPublishStatusPage(t *testing.T) {
	t.Parallel()
	assert.Empty(t, compose(t).Services["autowebinar"].Ports)
	text := read(t, "deploy/compose.yaml")
	file := decodeCompose(t, regexp.MustCompile(`(?m)^( +)#(AUTOWEBINAR_ADMIN_LISTEN: |ports: )`).ReplaceAllString(text, "$1$2"))
	s := file.Services["autowebinar"]
	assert.Equal(t, []string{"127.0.0.1:9090:9090"}, s.Ports)
	dotenv, site := newSecrets(t)
	assert.Equal(t, ":9090", loadConfig(t, s.environment(t, dotenv, site)).AdminListen)
	assert.Contains(t, read(t, "docs/operations.md"), "`-e AUTOWEBINAR_ADMIN_LISTEN=:9090 -p "+s.Ports[0]+"`", "with docker run")
}

// The account is created with the database, before the tables exist.
func TestComposeAccountHasLeastPrivileges(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	_, err := db.SQL.Exec("DROP TABLE wp_users, wp_usermeta")
	require.NoError(t, err)
	account := db.Name + "_account"
	t.Cleanup(func() { _, _ = db.SQL.Exec("DROP USER IF EXISTS '" + account + "'@'%'") })

	// The MariaDB image defines this function and sources the script.
	script := "docker_process_sql() { cat; }; . " + deploy + "compose/account.sh"
	env := []string{"PATH=" + os.Getenv("PATH"), "MARIADB_DATABASE=" + db.Name, "AUTOWEBINAR_DB_USER=" + account, "AUTOWEBINAR_DB_PASSWORD=secret"}
	statements, err := run(t, env, "bash", "-euc", script)
	require.NoError(t, err, statements)
	for statement := range strings.SplitSeq(strings.TrimSpace(statements), ";\n") {
		_, err := db.SQL.Exec(strings.TrimSuffix(statement, ";"))
		require.NoError(t, err, statement)
	}

	var grants []string
	require.NoError(t, db.SQL.Select(&grants, "SHOW GRANTS FOR '"+account+"'@'%'"))
	require.Len(t, grants, 3, "%q", grants)
	assert.Contains(t, grants[0], "GRANT USAGE ON *.*")
	for table, want := range map[string]string{"wp_users": "SELECT", "wp_usermeta": "SELECT, INSERT, UPDATE, DELETE"} {
		line := "GRANT " + want + " ON `" + db.Name + "`.`" + table + "` TO `" + account + "`@`%`"
		assert.Contains(t, grants, line)
	}
}
