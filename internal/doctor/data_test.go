package doctor_test

import (
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/doctor"
	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/storetest"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/wpdb"
)

const healthyData = `grants: ok
columns: ok
collation: ok
cluster: ok
shared locks: ok
rows: ok
orphans: ok
duplicates: ok
outbox: ok`

func TestCheckData(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		damage  []string // statements; {account} is the service's
		finding string
		state   doctor.State
		detail  string
		advice  string
		admin   bool
	}{
		"healthy": {},
		"all grants on the database": {
			damage: []string{"GRANT ALL ON {db}.* TO {account}"}, finding: "grants", state: doctor.Warn, detail: "ALL PRIVILEGES on {db}.*", advice: "REVOKE"},
		"excess privilege": {
			damage: []string{"GRANT INSERT ON wp_users TO {account}"}, finding: "grants", state: doctor.Warn, detail: "INSERT on {db}.wp_users", advice: "REVOKE"},
		"grant on another table": {
			damage: []string{"GRANT SELECT ON wp_options TO {account}"}, finding: "grants", state: doctor.Warn, detail: "SELECT on {db}.wp_options", advice: "migrations-none.md"},
		"administrator account": {admin: true, finding: "grants", state: doctor.Warn, detail: "on *.*", advice: "its own account"},
		"no AUTO_INCREMENT": {
			damage: []string{"ALTER TABLE wp_usermeta MODIFY umeta_id bigint unsigned NOT NULL"}, finding: "columns", state: doctor.Fail, detail: "umeta_id lost AUTO_INCREMENT", advice: "schema.php"},
		"short keys": {
			damage: []string{"ALTER TABLE wp_usermeta MODIFY meta_key varchar(191)"}, finding: "columns", state: doctor.Fail, detail: "meta_key has 191 characters", advice: "schema.php"},
		"short values": {
			damage: []string{"ALTER TABLE wp_usermeta MODIFY meta_value varchar(500)"}, finding: "columns", state: doctor.Fail, detail: "meta_value is varchar", advice: "schema.php"},
		"latin1": {
			damage: []string{"ALTER TABLE wp_usermeta CONVERT TO CHARACTER SET latin1"}, finding: "collation", state: doctor.Warn, detail: "latin1_swedish_ci", advice: "utf8mb4"},
		"two-byte character set": {
			damage: []string{"ALTER TABLE wp_usermeta CONVERT TO CHARACTER SET ucs2"}, finding: "collation", state: doctor.Fail, detail: "ucs2_general_ci", advice: "convert wp_usermeta to utf8mb4"},
		"deleted user": {
			damage: []string{"INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (77, 'autowebinar_completed', '1'), (77, 'nickname', 'x')"}, finding: "orphans", state: doctor.Warn, detail: "1 row of users who are deleted", advice: "purge --orphans"},
		"duplicate key": {
			damage:  []string{"INSERT INTO wp_users (ID, user_registered) VALUES (1, '2026-01-02 03:04:05')", "INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (1, 'autowebinar_completed', '1'), (1, 'autowebinar_completed', '1'), (1, 'nickname', 'x'), (1, 'nickname', 'x')"},
			finding: "duplicates", state: doctor.Warn, detail: "1 row beyond the first of a key", advice: "PHP"},
		"dead event": {
			damage:  []string{"INSERT INTO wp_users (ID, user_registered) VALUES (1, '2026-01-02 03:04:05')", "INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (1, 'autowebinar_outbox_dead', 'x'), (1, 'autowebinar_outbox', 'x')"},
			finding: "outbox", state: doctor.Warn, detail: "undelivered events: 1, dead: 1", advice: "outbox list --dead"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := mariadbtest.New(t)
			names := strings.NewReplacer("{account}", "'"+db.Name+"'@'%'", "{db}", db.Name)
			for _, statement := range test.damage {
				_, err := db.SQL.ExecContext(t.Context(), names.Replace(statement))
				require.NoError(t, err)
			}
			dsn := db.DSN
			if test.admin {
				dsn = db.AdminDSN
			}
			before := db.Checksum(t)
			findings := checkData(t, storetest.Config(t, dsn))
			assert.Equal(t, before, db.Checksum(t), "the checks change nothing")
			want := healthyData
			if test.finding != "" {
				want = strings.Replace(want, test.finding+": ok", test.finding+": "+string(test.state), 1)
			}
			assert.Equal(t, want, states(findings), "%+v", findings)
			for _, f := range findings {
				assert.NotEmpty(t, f.Detail)
				assert.Equal(t, f.State == doctor.OK, f.Advice == "", "%+v", f)
				if f.Name == test.finding {
					assert.Contains(t, f.Detail, names.Replace(test.detail))
					assert.Contains(t, f.Advice, test.advice)
				}
			}
		})
	}
}

// Behind a load balancer two connections may reach different servers, which both
// grant the same lock.
func TestCheckDataFindsConnectionsToDifferentServers(t *testing.T) {
	t.Parallel()
	first, second := storetest.NewWithServer(t), storetest.NewWithServer(t)
	addresses := []string{storetest.Config(t, first.DB.DSN).DSN.Addr, storetest.Config(t, second.DB.DSN).DSN.Addr}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	var connections atomic.Int64
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", addresses[connections.Add(1)%2])
			if err != nil {
				client.Close()
				continue
			}
			go func() { defer server.Close(); _, _ = io.Copy(server, client) }()
			go func() { defer client.Close(); _, _ = io.Copy(client, server) }()
		}
	}()
	cfg := storetest.Config(t, first.DB.DSN)
	cfg.DSN.Addr = listener.Addr().String()
	for _, f := range checkData(t, cfg) {
		if f.Name == "shared locks" {
			assert.Equal(t, doctor.Fail, f.State)
			assert.Contains(t, f.Advice, "one server")
			return
		}
	}
	t.Fatal("no finding of shared locks")
}

func TestCheckDataWithoutServer(t *testing.T) {
	t.Parallel()
	assert.Empty(t, checkData(t, storetest.Config(t, "user:password@tcp(127.0.0.1:1)/wordpress")))
}

func checkData(t *testing.T, cfg wpdb.Config) []doctor.Finding {
	t.Helper()
	db := storetest.Open(t, cfg)
	return doctor.NewDatabase(db, nil).CheckData(t.Context(), usermeta.New(db, usermeta.Options{}))
}
