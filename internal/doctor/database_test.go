package doctor_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/doctor"
	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/storetest"
	"autowebinar/internal/wpdb"
)

func newDatabase(t testing.TB, cfg wpdb.Config) *doctor.Database {
	t.Helper()
	return doctor.NewDatabase(storetest.Open(t, cfg), nil)
}

// states formats findings: name and state, one per line.
func states(findings []doctor.Finding) string {
	var lines []string
	for _, f := range findings {
		lines = append(lines, f.Name+": "+string(f.State))
	}
	return strings.Join(lines, "\n")
}

const healthyDatabase = `server: ok
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

// withStates returns healthyDatabase with some states replaced.
func withStates(states map[string]doctor.State) string {
	lines := strings.Split(healthyDatabase, "\n")
	for i, line := range lines {
		name, _, _ := strings.Cut(line, ":")
		if state, ok := states[name]; ok {
			lines[i] = name + ": " + string(state)
		}
	}
	return strings.Join(lines, "\n")
}

func TestCheckAndVerify(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		damage string                  // statements to run first; {account} is the service's account
		states map[string]doctor.State // the states that differ from healthyDatabase
		advice map[string]string       // expected parts of the advice, by finding
		err    error                   // the error of Verify
		config func(cfg *wpdb.Config)  // changes the settings
		admin  bool                    // check with the administrator's account

		users    int // number of users of WordPress, each with a nickname
		nickname func(id int) string
	}{
		"healthy": {},
		"MyISAM": {
			damage: "ALTER TABLE wp_usermeta ENGINE=MyISAM",
			states: map[string]doctor.State{"engine": doctor.Fatal},
			advice: map[string]string{"engine": "ALTER TABLE wp_usermeta ENGINE=InnoDB"},
			err:    doctor.ErrUnsupportedDatabase,
		},
		"no index user_id": {
			damage: "ALTER TABLE wp_usermeta DROP INDEX user_id",
			states: map[string]doctor.State{"indexes": doctor.Fatal},
			advice: map[string]string{"indexes": "must exist on wp_usermeta"},
			err:    doctor.ErrUnsupportedDatabase,
		},
		"no index meta_key": {
			damage: "ALTER TABLE wp_usermeta DROP INDEX meta_key",
			states: map[string]doctor.State{"indexes": doctor.Fatal},
			advice: map[string]string{"indexes": "must exist on wp_usermeta"},
			err:    doctor.ErrUnsupportedDatabase,
		},
		"a further unique key": {
			damage: "ALTER TABLE wp_usermeta ADD UNIQUE KEY user_meta (user_id, meta_key(191))",
			states: map[string]doctor.State{"indexes": doctor.Fatal},
			advice: map[string]string{"indexes": "drop the unique key"},
			err:    doctor.ErrUnsupportedDatabase,
		},
		"a further unique key that includes umeta_id": {
			damage: "ALTER TABLE wp_usermeta ADD UNIQUE KEY user_row (user_id, umeta_id)",
		},
		"no primary key": {
			damage: "ALTER TABLE wp_usermeta DROP PRIMARY KEY, ADD KEY umeta_id (umeta_id)",
			states: map[string]doctor.State{"indexes": doctor.Fatal},
			advice: map[string]string{"indexes": "ADD PRIMARY KEY (umeta_id)"},
			err:    doctor.ErrUnsupportedDatabase,
		},
		"a primary key of several columns": {
			damage: "ALTER TABLE wp_usermeta DROP PRIMARY KEY, ADD PRIMARY KEY (umeta_id, user_id)",
			states: map[string]doctor.State{"indexes": doctor.Fatal},
			err:    doctor.ErrUnsupportedDatabase,
		},
		"index user_id on another column": {
			damage: "ALTER TABLE wp_usermeta DROP INDEX user_id, ADD INDEX user_id (umeta_id)",
			states: map[string]doctor.State{"indexes": doctor.Fatal},
			err:    doctor.ErrUnsupportedDatabase,
		},
		"no usermeta table": { // not created or restored yet
			damage: "DROP TABLE wp_usermeta",
			states: map[string]doctor.State{"engine": doctor.Fail, "indexes": doctor.Fail, "read grants": doctor.Fail, "write grants": doctor.Fail},
			advice: map[string]string{"engine": "check the table prefix"},
			err:    wpdb.ErrUnavailable,
		},
		"no users table": {
			damage: "DROP TABLE wp_users",
			states: map[string]doctor.State{"users table": doctor.Fail, "write grants": doctor.Fail},
			advice: map[string]string{"users table": "check the table prefix"},
			err:    wpdb.ErrUnavailable,
		},
		"other prefix": {
			config: func(cfg *wpdb.Config) { cfg.UsersTable, cfg.UsermetaTable = "site_users", "site_usermeta" },
			states: map[string]doctor.State{
				"users table": doctor.Fail, "engine": doctor.Fail, "indexes": doctor.Fail, "read grants": doctor.Fail, "write grants": doctor.Fail,
			},
			advice: map[string]string{"users table": "WORDPRESS_TABLE_PREFIX", "engine": "check the table prefix"},
			err:    wpdb.ErrUnavailable,
		},
		"most users missing": {
			damage: rowsOf(11, 20),
			states: map[string]doctor.State{"users table": doctor.Warn},
			advice: map[string]string{"users table": "AUTOWEBINAR_USERS_TABLE"},
		},
		"few users missing": {
			damage: rowsOf(11, 19),
		},
		"users of another site": {
			users: 40, nickname: func(id int) string { return map[bool]string{true: "viewer1"}[id == 1] }, // both sites have this user
			states: map[string]doctor.State{"users table": doctor.Warn},
			advice: map[string]string{"users table": "different sites"},
		},
		"users of another site, other columns unreadable": {
			users: 40, nickname: func(int) string { return "x" },
			damage: "REVOKE SELECT ON wp_users FROM {account}; GRANT SELECT (ID, user_login, user_pass) ON wp_users TO {account}",
		},
		"most nicknames changed": {
			users: 40, nickname: func(id int) string {
				return [...]string{"x", "y", "z", fmt.Sprintf("VIEWER%d", id), "v"}[id%5]
			},
		},
		"few users with changed nicknames": {
			users: 19, nickname: func(int) string { return "x" },
		},
		"SELECT only": {
			damage: "REVOKE INSERT, UPDATE, DELETE ON wp_usermeta FROM {account}",
			states: map[string]doctor.State{"write grants": doctor.Fail},
			advice: map[string]string{"write grants": "GRANT INSERT, UPDATE, DELETE on wp_usermeta"},
			err:    wpdb.ErrUnavailable,
		},
		"no DELETE": {
			damage: "REVOKE DELETE ON wp_usermeta FROM {account}",
			states: map[string]doctor.State{"write grants": doctor.Fail},
			advice: map[string]string{"write grants": "GRANT INSERT, UPDATE, DELETE on wp_usermeta"},
			err:    wpdb.ErrUnavailable,
		},
		"no grant on the users table": {
			damage: "REVOKE SELECT ON wp_users FROM {account}",
			states: map[string]doctor.State{"users table": doctor.Fail, "write grants": doctor.Fail},
			advice: map[string]string{"users table": "GRANT SELECT on wp_users"},
			err:    wpdb.ErrUnavailable,
		},
		"excess grants": {
			damage: "GRANT UPDATE ON wp_users TO {account}",
			states: map[string]doctor.State{"least privilege": doctor.Warn},
			advice: map[string]string{"least privilege": "its own account"},
		},
		"administrator account": {
			admin:  true,
			states: map[string]doctor.State{"least privilege": doctor.Warn},
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
			cfg := storetest.Config(t, db.DSN)
			if test.admin {
				cfg = storetest.Config(t, db.AdminDSN)
			}
			if test.config != nil {
				test.config(&cfg)
			}
			before := db.Checksum(t)
			database := newDatabase(t, cfg)
			findings := database.Check(t.Context())
			assert.Equal(t, withStates(test.states), states(findings), "%+v", findings)
			for _, f := range findings {
				assert.NotEmpty(t, f.Detail, f.Name)
				assert.Equal(t, f.State == doctor.OK, f.Advice == "", "exactly the other states have advice: %+v", f)
				assert.Contains(t, f.Advice, test.advice[f.Name])
			}
			require.ErrorIs(t, database.Ping(t.Context()), wpdb.ErrUnavailable, "Ping fails before Verify")
			checkVerify(t, database, test.err, test.states)
			assert.Equal(t, before, db.Checksum(t), "the checks change nothing")
		})
	}
}

// rowsOf returns a statement that inserts one row for each user id.
func rowsOf(first, last int) string {
	var rows []string
	for id := first; id <= last; id++ {
		rows = append(rows, fmt.Sprintf("(%d, 'k')", id))
	}
	return "INSERT INTO wp_usermeta (user_id, meta_key) VALUES " + strings.Join(rows, ", ")
}

// checkVerify checks the kind of the error and that it names every reason.
func checkVerify(t *testing.T, database *doctor.Database, want error, states map[string]doctor.State) {
	t.Helper()
	err := database.Verify(t.Context())
	if want == nil {
		require.NoError(t, err)
		require.NoError(t, database.Ping(t.Context()))
		return
	}
	require.ErrorIs(t, err, want)
	for _, other := range []error{doctor.ErrUnsupportedDatabase, wpdb.ErrUnavailable} {
		if other != want {
			require.NotErrorIs(t, err, other)
		}
	}
	for name, state := range states {
		if state != doctor.Warn {
			assert.ErrorContains(t, err, name+": ")
		}
	}
	require.ErrorIs(t, database.Ping(t.Context()), want)
}

func TestCheckWithoutServer(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, storetest.Config(t, "user:password@tcp(127.0.0.1:1)/wordpress"))
	findings := database.Check(t.Context())
	require.Len(t, findings, 1)
	assert.Equal(t, "connection: fail", states(findings))
	assert.Contains(t, findings[0].Advice, "host, port, account and password")
}

func TestCheckWithWrongPassword(t *testing.T) {
	t.Parallel()
	cfg := storetest.Config(t, mariadbtest.New(t).DSN)
	cfg.DSN.Passwd += "x"
	began := time.Now()
	database := newDatabase(t, cfg)
	assert.Equal(t, "connection: fail", states(database.Check(t.Context())))
	require.ErrorIs(t, database.Verify(t.Context()), wpdb.ErrUnavailable)
	assert.Less(t, time.Since(began), 5*time.Second)
}

// The finding must name the read-only server, not a lost connection.
func TestReadOnlyServer(t *testing.T) {
	t.Parallel()
	f := storetest.NewWithServer(t)
	f.Exec(t, "SET GLOBAL read_only = 1")
	database := newDatabase(t, storetest.Config(t, f.DB.DSN))
	findings := database.Check(t.Context())
	var found bool
	for _, f := range findings {
		if f.Name == "writable" {
			found = true
			assert.Equal(t, doctor.Fail, f.State)
			assert.Equal(t, "connect to the primary server", f.Advice)
		}
	}
	assert.True(t, found, "%+v", findings)
	require.ErrorIs(t, database.Verify(t.Context()), wpdb.ErrUnavailable)
	require.ErrorContains(t, database.Ping(t.Context()), "read_only is ON", "the reason is reported")
	f.Exec(t, "SET GLOBAL read_only = 0")
	require.NoError(t, database.Verify(t.Context()))
	require.NoError(t, database.Ping(t.Context()))

	// As after a fail-over while the service runs.
	f.Exec(t, "SET GLOBAL read_only = 1")
	err := database.Ping(t.Context())
	require.ErrorIs(t, err, wpdb.ErrUnavailable)
	require.ErrorContains(t, err, "read_only is ON")
	f.Exec(t, "SET GLOBAL read_only = 0")
	require.NoError(t, database.Ping(t.Context()))
}

// After a fail-over the host name resolves to another server. The old one still
// runs and is read-only, but there is no write that it could reject.
func TestReconnectsToNewPrimary(t *testing.T) {
	t.Parallel()
	first, second := storetest.NewWithServer(t), storetest.NewWithServer(t)
	first.Exec(t, "SET GLOBAL read_only = 1")
	cfg, proxy := storetest.NewProxy(t, first.DB.DSN)
	database := newDatabase(t, cfg)
	require.ErrorContains(t, database.Verify(t.Context()), "read_only is ON")
	proxy.Redirect(t, second.DB.DSN)
	require.NoError(t, database.Verify(t.Context()), "the old connection is closed")

	second.Exec(t, "SET GLOBAL read_only = 1")
	first.Exec(t, "SET GLOBAL read_only = 0")
	require.ErrorContains(t, database.Ping(t.Context()), "read_only is ON")
	proxy.Redirect(t, first.DB.DSN)
	require.NoError(t, database.Ping(t.Context()))
}

// A server that logs statements rejects every write at READ COMMITTED.
func TestStatementBinaryLogIsUnsupported(t *testing.T) {
	t.Parallel()
	f := storetest.NewWithServer(t, "--log-bin", "--server-id=1", "--binlog-format=ROW")
	for format, want := range map[string]map[string]doctor.State{
		"STATEMENT": {"binary log": doctor.Fatal, "write grants": doctor.Fail},
		"MIXED":     {},
		"ROW":       {},
	} {
		f.Exec(t, "SET GLOBAL binlog_format = '"+format+"'")
		database := newDatabase(t, storetest.Config(t, f.DB.DSN))
		assert.Equal(t, withStates(want), states(database.Check(t.Context())), format)
		err := database.Verify(t.Context())
		assert.Equal(t, format == "STATEMENT", errors.Is(err, doctor.ErrUnsupportedDatabase), "%v", err)
	}
}
