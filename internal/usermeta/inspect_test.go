package usermeta_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/usermeta"
)

// inspected is a store that has not been opened for changes.
func inspected(t testing.TB, cfg usermeta.Config) *usermeta.Store {
	t.Helper()
	pool, err := usermeta.Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { pool.Close() })
	return usermeta.New(pool, cfg, slog.New(slog.DiscardHandler), nil)
}

// states is the golden form of findings: a line each, name and state.
func states(findings []usermeta.Finding) string {
	var lines []string
	for _, f := range findings {
		lines = append(lines, f.Name+": "+string(f.State))
	}
	return strings.Join(lines, "\n")
}

const allWell = `server: ok
isolation: ok
writable: ok
binary log: ok
users table: ok
engine: ok
indexes: ok
read grants: ok
write grants: ok
least privilege: ok
clock: ok
named locks: ok`

// with is allWell but for some states.
func with(states map[string]usermeta.State) string {
	lines := strings.Split(allWell, "\n")
	for i, line := range lines {
		name, _, _ := strings.Cut(line, ":")
		if state, ok := states[name]; ok {
			lines[i] = name + ": " + string(state)
		}
	}
	return strings.Join(lines, "\n")
}

func TestAnInspectionSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		damage  string                     // statement; {account} is the service's
		states  map[string]usermeta.State  // unlike allWell
		advice  map[string]string          // part of it, by finding
		err     error                      // of Fit
		changes func(cfg *usermeta.Config) // what the operator configured
		admin   bool                       // the service runs as administrator

		users    int // WordPress has, with a nickname each
		nickname func(id int) string
	}{
		"a good table": {},
		"MyISAM": {
			damage: "ALTER TABLE wp_usermeta ENGINE=MyISAM",
			states: map[string]usermeta.State{"engine": usermeta.Fatal},
			advice: map[string]string{"engine": "ALTER TABLE wp_usermeta ENGINE=InnoDB"},
			err:    usermeta.ErrUnsupportedDatabase,
		},
		"no index user_id": {
			damage: "ALTER TABLE wp_usermeta DROP INDEX user_id",
			states: map[string]usermeta.State{"indexes": usermeta.Fatal},
			advice: map[string]string{"indexes": "must exist on wp_usermeta"},
			err:    usermeta.ErrUnsupportedDatabase,
		},
		"no index meta_key": {
			damage: "ALTER TABLE wp_usermeta DROP INDEX meta_key",
			states: map[string]usermeta.State{"indexes": usermeta.Fatal},
			advice: map[string]string{"indexes": "must exist on wp_usermeta"},
			err:    usermeta.ErrUnsupportedDatabase,
		},
		"an index of the name on another column": {
			damage: "ALTER TABLE wp_usermeta DROP INDEX user_id, ADD INDEX user_id (umeta_id)",
			states: map[string]usermeta.State{"indexes": usermeta.Fatal},
			err:    usermeta.ErrUnsupportedDatabase,
		},
		"no usermeta table": { // being restored, or not yet there
			damage: "DROP TABLE wp_usermeta",
			states: map[string]usermeta.State{"engine": usermeta.Fail, "indexes": usermeta.Fail, "read grants": usermeta.Fail, "write grants": usermeta.Fail},
			advice: map[string]string{"engine": "check the table prefix"},
			err:    usermeta.ErrUnavailable,
		},
		"no users table": {
			damage: "DROP TABLE wp_users",
			states: map[string]usermeta.State{"users table": usermeta.Fail, "write grants": usermeta.Fail},
			advice: map[string]string{"users table": "check the table prefix"},
			err:    usermeta.ErrUnavailable,
		},
		"another prefix": {
			changes: func(cfg *usermeta.Config) { cfg.UsersTable, cfg.UsermetaTable = "site_users", "site_usermeta" },
			states: map[string]usermeta.State{
				"users table": usermeta.Fail, "engine": usermeta.Fail, "indexes": usermeta.Fail, "read grants": usermeta.Fail, "write grants": usermeta.Fail,
			},
			advice: map[string]string{"users table": "WORDPRESS_TABLE_PREFIX", "engine": "check the table prefix"},
			err:    usermeta.ErrUnavailable,
		},
		"users deleted by hand, or an old copy of their table": {
			damage: rowsOf(11, 20),
			states: map[string]usermeta.State{"users table": usermeta.Warn},
			advice: map[string]string{"users table": "AUTOWEBINAR_USERS_TABLE"},
		},
		"few of them": {
			damage: rowsOf(11, 19),
		},
		"another site's users": {
			users: 40, nickname: func(id int) string { return map[bool]string{true: "viewer1"}[id == 1] }, // both have an admin
			states: map[string]usermeta.State{"users table": usermeta.Warn},
			advice: map[string]string{"users table": "not of one site"},
		},
		"another site's users, the account may read but three columns": {
			users: 40, nickname: func(int) string { return "x" },
			damage: "REVOKE SELECT ON wp_users FROM {account}; GRANT SELECT (ID, user_login, user_pass) ON wp_users TO {account}",
		},
		"users with nicknames of their own": {
			users: 40, nickname: func(id int) string {
				return [...]string{"x", "y", "z", fmt.Sprintf("VIEWER%d", id), "v"}[id%5]
			},
		},
		"few users with nicknames of their own": {
			users: 19, nickname: func(int) string { return "x" },
		},
		"SELECT only": {
			damage: "REVOKE INSERT, UPDATE, DELETE ON wp_usermeta FROM {account}",
			states: map[string]usermeta.State{"write grants": usermeta.Fail},
			advice: map[string]string{"write grants": "GRANT INSERT, UPDATE, DELETE on wp_usermeta"},
			err:    usermeta.ErrUnavailable,
		},
		"no DELETE": {
			damage: "REVOKE DELETE ON wp_usermeta FROM {account}",
			states: map[string]usermeta.State{"write grants": usermeta.Fail},
			advice: map[string]string{"write grants": "GRANT INSERT, UPDATE, DELETE on wp_usermeta"},
			err:    usermeta.ErrUnavailable,
		},
		"no grant on the users table": {
			damage: "REVOKE SELECT ON wp_users FROM {account}",
			states: map[string]usermeta.State{"users table": usermeta.Fail, "write grants": usermeta.Fail},
			advice: map[string]string{"users table": "GRANT SELECT on wp_users"},
			err:    usermeta.ErrUnavailable,
		},
		"too many grants": {
			damage: "GRANT UPDATE ON wp_users TO {account}",
			states: map[string]usermeta.State{"least privilege": usermeta.Warn},
			advice: map[string]string{"least privilege": "an account of its own"},
		},
		"the administrator": {
			admin:  true,
			states: map[string]usermeta.State{"least privilege": usermeta.Warn},
			advice: map[string]string{"least privilege": "migrations-none.md"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := mariadbtest.New(t)
			for id := 1; id <= test.users; id++ {
				db.AddUser(t, uint64(id), fmt.Sprintf("viewer%d", id), "")
				db.SetMeta(t, uint64(id), "nickname", test.nickname(id))
			}
			for statement := range strings.SplitSeq(test.damage, "; ") {
				if statement != "" {
					_, err := db.SQL.ExecContext(t.Context(), strings.ReplaceAll(statement, "{account}", "'"+db.Name+"'@'%'"))
					require.NoError(t, err)
				}
			}
			cfg := config(t, db.DSN)
			if test.admin {
				cfg = config(t, db.AdminDSN)
			}
			if test.changes != nil {
				test.changes(&cfg)
			}
			before := db.Checksum(t)
			store := inspected(t, cfg)
			findings := store.CheckDatabase(t.Context())
			assert.Equal(t, with(test.states), states(findings), "%+v", findings)
			for _, f := range findings {
				assert.NotEmpty(t, f.Detail, f.Name)
				assert.Equal(t, f.State == usermeta.OK, f.Advice == "", "advice where there is something to do: %+v", f)
				assert.Contains(t, f.Advice, test.advice[f.Name])
			}
			require.ErrorIs(t, store.Ping(t.Context()), usermeta.ErrUnavailable, "not before it is found fit")
			checkFit(t, store, test.err, test.states)
			assert.Equal(t, before, db.Checksum(t), "an inspection changes nothing")
		})
	}
}

// rowsOf is a statement that gives a row to users who need not exist.
func rowsOf(first, last int) string {
	var rows []string
	for id := first; id <= last; id++ {
		rows = append(rows, fmt.Sprintf("(%d, 'k')", id))
	}
	return "INSERT INTO wp_usermeta (user_id, meta_key) VALUES " + strings.Join(rows, ", ")
}

// checkFit: the verdict is one of two, names every reason, and opens the store.
func checkFit(t *testing.T, store *usermeta.Store, want error, states map[string]usermeta.State) {
	t.Helper()
	err := store.Verify(t.Context())
	_, _, readErr := store.Read(t.Context(), 99)
	if want == nil {
		require.NoError(t, err)
		require.NoError(t, store.Ping(t.Context()))
		require.ErrorIs(t, readErr, usermeta.ErrUnknownUser)
		return
	}
	require.ErrorIs(t, err, want)
	for _, other := range []error{usermeta.ErrUnsupportedDatabase, usermeta.ErrUnavailable} {
		if other != want {
			require.NotErrorIs(t, err, other)
		}
	}
	for name, state := range states {
		if state != usermeta.Warn {
			assert.ErrorContains(t, err, name+": ")
		}
	}
	require.ErrorIs(t, readErr, usermeta.ErrUnavailable, "the store stays closed")
}

func TestInspectionOfNoServerSaysWhatToCheck(t *testing.T) {
	t.Parallel()
	store := inspected(t, config(t, "nobody:nothing@tcp(127.0.0.1:1)/wordpress"))
	findings := store.CheckDatabase(t.Context())
	require.Len(t, findings, 1)
	assert.Equal(t, "connection: fail", states(findings))
	assert.Contains(t, findings[0].Advice, "host, port, account and password")
}

func TestInspectionWithAWrongPasswordIsTheConnections(t *testing.T) {
	t.Parallel()
	cfg := config(t, mariadbtest.New(t).DSN)
	cfg.DSN.Passwd += "x"
	began := time.Now()
	store := inspected(t, cfg)
	assert.Equal(t, "connection: fail", states(store.CheckDatabase(t.Context())))
	require.ErrorIs(t, store.Verify(t.Context()), usermeta.ErrUnavailable)
	assert.Less(t, time.Since(began), 5*time.Second)
}
