package doctor

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"autowebinar/internal/text"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/wpdb"
)

// CheckData checks the rows of the service, and properties of the database that
// need attention but do not prevent the service from starting. It locks no row.
// It reads every row of the namespace once, which takes about two seconds for a
// million rows.
func (d *Database) CheckData(ctx context.Context, store *usermeta.Store) []Finding {
	conn, err := d.db.Connx(ctx)
	if err != nil {
		return nil // Check reports a failure to connect
	}
	defer conn.Close()
	i := inspection{conn: conn, db: d.db}
	for _, check := range []func(context.Context) (Finding, error){i.grants, i.columns, i.collation, i.cluster, i.sharedLocks} {
		i.record(check(ctx))
	}
	return append(i.findings, rowFindings(ctx, store)...)
}

const checkAgain = "fix the other findings of the database, then check again"

func (i *inspection) record(f Finding, err error) {
	if err != nil {
		f.State, f.Detail, f.Advice = Unknown, err.Error(), checkAgain
	}
	i.findings = append(i.findings, f)
}

// columns checks the definitions that imports and plugins are known to damage.
func (i *inspection) columns(ctx context.Context) (Finding, error) {
	f := Finding{Name: "columns", State: OK, Detail: "as WordPress creates them"}
	var columns []struct {
		Name   string        `db:"name"`
		Type   string        `db:"type"`
		Extra  string        `db:"extra"`
		Length sql.NullInt64 `db:"length"`
	}
	err := i.conn.SelectContext(ctx, &columns, `SELECT LOWER(COLUMN_NAME) AS name, DATA_TYPE AS type, EXTRA AS extra, CHARACTER_MAXIMUM_LENGTH AS length
		FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`, i.db.Config.DSN.DBName, i.db.Config.UsermetaTable)
	if err != nil {
		return f, err
	}
	if len(columns) == 0 {
		return f, fmt.Errorf("no table %s that this account can see", i.db.Config.UsermetaTable)
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
		f.Advice = "restore WordPress's definition of " + i.db.Config.UsermetaTable + " (wp-admin/includes/schema.php), after a backup; failed imports lose it"
	}
	return f, nil
}

// collation checks the character set. Keys and values of the service are ASCII, so
// any character set that stores ASCII in one byte works for them, but not for
// WordPress.
func (i *inspection) collation(ctx context.Context) (Finding, error) {
	f := Finding{Name: "collation", State: OK}
	var names []string
	err := i.conn.SelectContext(ctx, &names, `SELECT DISTINCT COLLATION_NAME FROM information_schema.COLUMNS
		WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND COLUMN_NAME IN ('meta_key', 'meta_value') AND COLLATION_NAME IS NOT NULL ORDER BY 1`,
		i.db.Config.DSN.DBName, i.db.Config.UsermetaTable)
	if err != nil {
		return f, err
	}
	f.Detail = strings.Join(names, ", ")
	for _, name := range names {
		switch {
		case strings.HasPrefix(name, "ucs2"), strings.HasPrefix(name, "utf16"), strings.HasPrefix(name, "utf32"):
			f.State = Fail
			f.Advice = "the queue cannot be read in this character set: convert " + i.db.Config.UsermetaTable + " to utf8mb4, after a backup"
		case !strings.HasPrefix(name, "utf8") && f.State == OK:
			f.State = Warn
			f.Advice = "WordPress expects utf8mb4: other plugins' names and lead ids may be damaged; convert the table, after a backup"
		}
	}
	if len(names) == 0 {
		return f, fmt.Errorf("no table %s that this account can see", i.db.Config.UsermetaTable)
	}
	return f, nil
}

// cluster warns that named locks are local to a node, so that all replicas must
// use the same node.
func (i *inspection) cluster(ctx context.Context) (Finding, error) {
	f := Finding{Name: "cluster", State: OK, Detail: "none detected"}
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
	f.Advice = "named locks are local to a node: point all replicas and WordPress at one node at a time; else set AUTOWEBINAR_DISPATCH=on for one replica and off for the others"
	return f
}

// sharedLocks requests the same lock on two connections. Both succeed if a proxy
// or a cluster distributes connections over several servers.
func (i *inspection) sharedLocks(ctx context.Context) (Finding, error) {
	f := Finding{Name: "shared locks", State: OK, Detail: "connections share locks"}
	first, err := i.db.Connx(ctx)
	if err != nil {
		return f, err
	}
	defer wpdb.CloseConn(first) // releases the lock
	second, err := i.db.Connx(ctx)
	if err != nil {
		return f, err
	}
	defer wpdb.CloseConn(second)
	name := i.db.LockName("check:" + rand.Text())
	var got, other sql.NullBool
	if err := first.GetContext(ctx, &got, "SELECT GET_LOCK(?, 1)", name); err != nil {
		return f, err
	}
	if err := second.GetContext(ctx, &other, "SELECT GET_LOCK(?, 0)", name); err != nil {
		return f, err
	}
	if got.Bool && other.Bool {
		f.State, f.Detail = Fail, "two connections were granted the same lock: they reach different servers"
		f.Advice = "connect the service to one server, without the proxy or load balancer; otherwise first entries may be duplicated and two replicas may deliver"
	}
	return f, nil
}

// rowFindings checks the rows of the service.
func rowFindings(ctx context.Context, store *usermeta.Store) []Finding {
	began := time.Now()
	usage, err := store.Usage(ctx, 0)
	if err != nil {
		return []Finding{{"rows", Unknown, err.Error(), checkAgain}}
	}
	rows := Finding{"rows", OK, fmt.Sprintf("%s of %s; counted in %s", text.Count(usage.Rows, "row"), text.Count(len(usage.Users), "viewer"), time.Since(began).Round(time.Millisecond)), ""}
	orphans := Finding{"orphans", OK, "none", ""}
	if usage.Orphans > 0 {
		orphans = Finding{"orphans", Warn, text.Count(usage.Orphans, "row") + " of users who are deleted in WordPress",
			"autowebinar purge --orphans lists them, and with --yes deletes them"}
	}
	duplicates := Finding{"duplicates", OK, "none", ""}
	if usage.Duplicates > 0 {
		duplicates = Finding{"duplicates", Warn, text.Count(usage.Duplicates, "row") + " beyond the first of a key",
			"they do no harm (the service reads the lowest umeta_id and writes all), but some PHP code writes autowebinar_ keys: disable it"}
	}
	return []Finding{rows, orphans, duplicates, outboxFinding(usage)}
}

func outboxFinding(usage usermeta.Usage) Finding {
	f := Finding{"outbox", OK, fmt.Sprintf("undelivered events: %d, dead: %d", usage.Pending, usage.Dead), ""}
	if usage.Dead > 0 {
		f.State, f.Advice = Warn, "autowebinar outbox list --dead shows them; then outbox retry or outbox drop"
	}
	return f
}
