package usermeta

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// Unknown is the state of what cannot be told from here.
const Unknown State = "unknown"

// Audit looks at what an operator should know beyond Inspect: what the service
// can start and run with, but not well. It changes nothing and locks no row; it
// reads every row of the namespace once, which takes about two seconds for a
// million.
func (s *Store) CheckData(ctx context.Context) []Finding {
	conn, err := s.db.Connx(ctx)
	if err != nil {
		return nil // Inspect has said so
	}
	defer conn.Close()
	i := inspection{conn: conn, cfg: s.cfg}
	for _, probe := range []func(context.Context) (Finding, error){i.grants, i.columns, i.collation, i.cluster, s.sharedLocks} {
		i.record(probe(ctx))
	}
	return append(i.findings, s.dataFindings(ctx)...)
}

func (i *inspection) record(f Finding, err error) {
	if err != nil {
		f.State, f.Detail = Unknown, err.Error()
		f.Advice = "see what the other findings say of the database, then check again"
	}
	i.findings = append(i.findings, f)
}

// columns checks what imports and plugins are known to lose.
func (i *inspection) columns(ctx context.Context) (Finding, error) {
	f := Finding{Name: "columns", State: OK, Detail: "as WordPress makes them"}
	var columns []struct {
		Name   string        `db:"name"`
		Type   string        `db:"type"`
		Extra  string        `db:"extra"`
		Length sql.NullInt64 `db:"length"`
	}
	err := i.conn.SelectContext(ctx, &columns, `SELECT LOWER(COLUMN_NAME) AS name, DATA_TYPE AS type, EXTRA AS extra, CHARACTER_MAXIMUM_LENGTH AS length
		FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`, i.cfg.DSN.DBName, i.cfg.UsermetaTable)
	if err != nil {
		return f, err
	}
	if len(columns) == 0 {
		return f, fmt.Errorf("no table %s that this account can see", i.cfg.UsermetaTable)
	}
	var wrong []string
	for _, c := range columns {
		switch {
		case c.Name == "umeta_id" && !strings.Contains(strings.ToLower(c.Extra), "auto_increment"):
			wrong = append(wrong, "umeta_id lost AUTO_INCREMENT")
		case c.Name == "meta_key" && c.Length.Int64 < 255:
			wrong = append(wrong, fmt.Sprintf("meta_key has %d characters, not 255", c.Length.Int64))
		case c.Name == "meta_value" && c.Length.Int64 < 1<<16-1:
			wrong = append(wrong, "meta_value is "+c.Type+", not longtext")
		}
	}
	if len(wrong) > 0 {
		f.State, f.Detail = Fail, strings.Join(wrong, ", ")
		f.Advice = "bring " + i.cfg.UsermetaTable + " back to WordPress's own definition (wp-admin/includes/schema.php), after a backup; bad imports lose it"
	}
	return f, nil
}

// collation: keys and stored values are ASCII, so any character set that holds
// ASCII as one byte will do for the service, but not for WordPress.
func (i *inspection) collation(ctx context.Context) (Finding, error) {
	f := Finding{Name: "collation", State: OK}
	var names []string
	err := i.conn.SelectContext(ctx, &names, `SELECT DISTINCT COLLATION_NAME FROM information_schema.COLUMNS
		WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND COLUMN_NAME IN ('meta_key', 'meta_value') AND COLLATION_NAME IS NOT NULL ORDER BY 1`,
		i.cfg.DSN.DBName, i.cfg.UsermetaTable)
	if err != nil {
		return f, err
	}
	f.Detail = strings.Join(names, ", ")
	for _, name := range names {
		switch {
		case strings.HasPrefix(name, "ucs2"), strings.HasPrefix(name, "utf16"), strings.HasPrefix(name, "utf32"):
			f.State = Fail
			f.Advice = "the queue cannot be read in this character set: convert " + i.cfg.UsermetaTable + " to utf8mb4, after a backup"
		case !strings.HasPrefix(name, "utf8") && f.State == OK:
			f.State = Warn
			f.Advice = "WordPress expects utf8mb4: other plugins' names and lead ids may be damaged; convert the table, after a backup"
		}
	}
	if len(names) == 0 {
		return f, fmt.Errorf("no table %s that this account can see", i.cfg.UsermetaTable)
	}
	return f, nil
}

// cluster: a named lock is one node's, so all replicas must use the same node.
func (i *inspection) cluster(ctx context.Context) (Finding, error) {
	f := Finding{Name: "cluster", State: OK, Detail: "a single server, as far as can be seen"}
	var rows []struct {
		Name  string `db:"Variable_name"`
		Value string `db:"Value"`
	}
	err := i.conn.SelectContext(ctx, &rows, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('wsrep_on', 'wsrep_cluster_name', 'group_replication_group_name')")
	if err != nil {
		return f, err
	}
	values := map[string]string{}
	for _, r := range rows {
		values[strings.ToLower(r.Name)] = r.Value
	}
	return clusterFinding(f, values), nil
}

func clusterFinding(f Finding, values map[string]string) Finding {
	switch {
	case values["wsrep_on"] == "ON":
		f.State, f.Detail = Warn, "Galera cluster "+values["wsrep_cluster_name"]
	case values["group_replication_group_name"] != "":
		f.State, f.Detail = Warn, "group replication "+values["group_replication_group_name"]
	default:
		return f
	}
	f.Advice = "named locks are a node's own: point all replicas and WordPress at one node at a time; else set AUTOWEBINAR_DISPATCH=on for one replica and off for the others"
	return f
}

// sharedLocks asks on two connections: a proxy or a cluster that spreads them
// over servers has two locks of one name.
func (s *Store) sharedLocks(ctx context.Context) (Finding, error) {
	f := Finding{Name: "shared locks", State: OK, Detail: "connections exclude each other"}
	first, err := s.db.Connx(ctx)
	if err != nil {
		return f, err
	}
	defer closeConn(first) // frees the lock
	second, err := s.db.Connx(ctx)
	if err != nil {
		return f, err
	}
	defer closeConn(second)
	name := s.cfg.lockName("check:" + rand.Text())
	var got, other sql.NullBool
	if err := first.GetContext(ctx, &got, "SELECT GET_LOCK(?, 1)", name); err != nil {
		return f, err
	}
	if err := second.GetContext(ctx, &other, "SELECT GET_LOCK(?, 0)", name); err != nil {
		return f, err
	}
	if got.Bool && other.Bool {
		f.State, f.Detail = Fail, "two connections were granted the same lock: they reach different servers"
		f.Advice = "point the service at one server, past the proxy or balancer; else viewers' first entries may be doubled and two replicas send"
	}
	return f, nil
}

// contents says what is odd about the rows themselves.
func (s *Store) dataFindings(ctx context.Context) []Finding {
	began := time.Now()
	h, err := s.Usage(ctx, 0)
	if err != nil {
		return []Finding{{"rows", Unknown, err.Error(), "see what the other findings say of the database, then check again"}}
	}
	rows := Finding{"rows", OK, fmt.Sprintf("%d, of viewers: %d; counted in %s", h.Rows, len(h.Users), time.Since(began).Round(time.Millisecond)), ""}
	orphans := Finding{"orphans", OK, "none", ""}
	if h.Orphans > 0 {
		orphans = Finding{"orphans", Warn, fmt.Sprintf("rows of users whom WordPress no longer has: %d", h.Orphans), "autowebinar purge --orphans lists them, and with --yes removes them"}
	}
	duplicates := Finding{"duplicates", OK, "none", ""}
	if h.Duplicates > 0 {
		duplicates = Finding{"duplicates", Warn, fmt.Sprintf("rows beyond the first of their key: %d", h.Duplicates),
			"they do no harm here (the lowest umeta_id counts, all are written alike), but some PHP code writes autowebinar_ keys: switch it off"}
	}
	return []Finding{rows, orphans, duplicates, outboxFinding(h)}
}

func outboxFinding(h Usage) Finding {
	f := Finding{"outbox", OK, fmt.Sprintf("events that wait: %d, dead: %d", h.Waiting, h.Dead), ""}
	if h.Dead > 0 {
		f.State, f.Advice = Warn, "autowebinar outbox list --dead shows them; then outbox retry or outbox drop"
	}
	return f
}
