package cli

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/storetest"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

var update = flag.Bool("update", false, "update the golden files")

// golden compares with a file, after replacing what differs between runs.
func golden(t *testing.T, name, got string) {
	t.Helper()
	for _, r := range []struct{ pattern, replacement string }{
		{`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ?`, "TIME"},
		{`\|1[789]\d{8}\|`, "|UNIX|"},
		{`127\.0\.0\.1:\d+`, "HOST"},
		{`aw_[a-z0-9]+_\d+`, "DATABASE"},
		{`\d+\.\d+\.\d+-MariaDB[^\s"]*`, "VERSION"},
		{`(counted in )[0-9.]+m?s`, "${1}TIME"},
		{`differs by -?\d+s`, "differs by SKEW"},
		{`\(autowebinar \S+, `, "(autowebinar BUILD, "},
		{`"version": "[^"]*"`, `"version": "BUILD"`},
	} {
		got = regexp.MustCompile(r.pattern).ReplaceAllString(got, r.replacement)
	}
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// fixture is a database with viewers.
type fixture struct {
	*mariadbtest.DB
	env   []string // of the commands
	store *usermeta.Store
}

func newFixture(t *testing.T, viewers int) fixture {
	t.Helper()
	db := mariadbtest.New(t)
	for id := 1; id <= viewers; id++ {
		db.AddUser(t, uint64(id), fmt.Sprintf("viewer.%d", id), "")
	}
	store := usermeta.New(storetest.Open(t, storetest.Config(t, db.DSN)), usermeta.Options{})
	store.SetReady()
	return fixture{DB: db, env: testEnv(db, "http://127.0.0.1:1/hook"), store: store}
}

// change changes a viewer as the service would.
func (f fixture) change(t *testing.T, user webinar.UserID, command webinar.Command) {
	t.Helper()
	_, err := f.store.Change(t.Context(), user, command)
	require.NoError(t, err)
}

func (f fixture) enter(t *testing.T, user webinar.UserID, id webinar.ID) {
	t.Helper()
	session := webinar.SessionID(fmt.Sprintf("session-%d-%s", user, id))
	f.change(t, user, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return webinar.Rules{}.Enter(v, id, session, now)
	})
}

func (f fixture) complete(t *testing.T, user webinar.UserID, id webinar.ID) {
	t.Helper()
	f.change(t, user, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return webinar.Rules{}.Progress(v, webinar.SessionRef{Webinar: id}, webinar.Report{Position: 600, Duration: 600, Ended: true}, now)
	})
}

func (f fixture) exit(t *testing.T, user webinar.UserID, id webinar.ID) {
	t.Helper()
	f.change(t, user, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return webinar.Rules{}.Exit(v, webinar.SessionRef{Webinar: id}, nil, webinar.UserExit, now)
	})
}

func (f fixture) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	_, err := f.SQL.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err, statement)
}

// count counts rows of wp_usermeta.
func (f fixture) count(t *testing.T, where string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, f.SQL.GetContext(t.Context(), &n, "SELECT COUNT(*) FROM wp_usermeta WHERE "+where, args...))
	return n
}
