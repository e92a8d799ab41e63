package doctor

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"autowebinar/internal/wpdb"
)

// ErrUnsupportedDatabase means that the service must not run on this table,
// because its guarantees would not hold.
var ErrUnsupportedDatabase = errors.New("the database is not supported")

var errNotChecked = fmt.Errorf("%w: not checked yet", wpdb.ErrUnavailable)

// Database checks the database and its two tables.
type Database struct {
	db  *wpdb.DB
	log *slog.Logger

	notReady atomic.Pointer[error] // why the last Verify failed; nil if it succeeded
}

// NewDatabase returns the checks of a database. A nil logger discards.
func NewDatabase(db *wpdb.DB, log *slog.Logger) *Database {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	d := &Database{db: db, log: log}
	d.notReady.Store(&errNotChecked)
	return d
}

// Check checks the properties without which the service cannot run. If a check
// fails to run, its finding is the last.
func (d *Database) Check(ctx context.Context) []Finding {
	conn, err := d.db.Connx(ctx)
	if err != nil {
		return []Finding{{"connection", Fail, err.Error(), "check host, port, account and password, and that the server runs"}}
	}
	defer conn.Close()
	i := inspection{conn: conn, db: d.db}
	defer func() {
		if i.discardConn {
			wpdb.CloseConn(conn)
		}
	}()
	for _, check := range []func(context.Context) (Finding, error){
		i.version, i.isolation, i.readOnly, i.binlog, i.users, i.engine, i.indexes, i.selectGrant, i.writeGrants, i.leastPrivilege, i.clock, i.locks,
	} {
		finding, err := check(ctx)
		if err != nil {
			finding.State, finding.Detail = Fail, err.Error()
			if wpdb.IsLostConnection(err) || ctx.Err() != nil {
				return append(i.findings, finding)
			}
		}
		i.findings = append(i.findings, finding)
	}
	return i.findings
}

// Verify returns nil if the service may run on the database. The error is
// ErrUnsupportedDatabase or ErrUnavailable and names every reason.
func (d *Database) Verify(ctx context.Context) error {
	var reasons []error
	var warnings []Finding
	kind := wpdb.ErrUnavailable
	for _, f := range d.Check(ctx) {
		switch f.State {
		case Fatal:
			kind = ErrUnsupportedDatabase
			fallthrough
		case Fail:
			reasons = append(reasons, fmt.Errorf("%s: %s; %s", f.Name, f.Detail, f.Advice))
		case Warn:
			warnings = append(warnings, f)
		}
	}
	if len(reasons) > 0 {
		err := fmt.Errorf("%w: %w", kind, errors.Join(reasons...))
		d.notReady.Store(&err)
		return err
	}
	for _, f := range warnings {
		d.log.WarnContext(ctx, "database check: "+f.Name, "detail", f.Detail, "advice", f.Advice)
	}
	d.notReady.Store(nil)
	return nil
}

// Ping returns nil if the last Verify succeeded and the database responds and
// accepts writes.
func (d *Database) Ping(ctx context.Context) error {
	if reason := d.notReady.Load(); reason != nil {
		return *reason
	}
	conn, err := d.db.Connx(ctx)
	if err != nil {
		return wpdb.WrapUnavailable(err)
	}
	defer conn.Close()
	value, err := wpdb.ReadVariable(ctx, conn, "read_only")
	if err != nil {
		return wpdb.WrapUnavailable(err)
	}
	if wpdb.IsOn(value) {
		wpdb.CloseConn(conn) // the host name may lead to a new primary
		return fmt.Errorf("%w: read_only is %s", wpdb.ErrUnavailable, value)
	}
	return nil
}

type inspection struct {
	conn     *sqlx.Conn
	db       *wpdb.DB
	findings []Finding

	tableMissing bool // or not visible to this account
	discardConn  bool // close the connection: it may be to a former primary, or hold a lock
}

func (i *inspection) variable(ctx context.Context, names ...string) (string, error) {
	return wpdb.ReadVariable(ctx, i.conn, names...)
}

func (i *inspection) version(ctx context.Context) (Finding, error) {
	f := Finding{Name: "server", State: OK}
	err := i.conn.GetContext(ctx, &f.Detail, "SELECT VERSION()")
	if err == nil && tooOld(f.Detail) {
		f.State, f.Advice = Fatal, "use MySQL 8.0, MariaDB 10.6 or newer: older servers cannot skip locked rows"
	}
	return f, err
}

// tooOld reports whether a server version lacks NOWAIT and SKIP LOCKED. Old
// MariaDB servers prefix theirs with "5.5.5-".
func tooOld(version string) bool {
	version = strings.TrimPrefix(version, "5.5.5-")
	var major, minor int
	if n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor); n < 2 {
		return false // not a version, such as the name of a proxy
	}
	if strings.Contains(version, "MariaDB") {
		return major < 10 || major == 10 && minor < 6
	}
	return major < 8
}

func (i *inspection) isolation(ctx context.Context) (Finding, error) {
	f := Finding{Name: "isolation", State: OK}
	// MySQL 8 has the first name, MariaDB 10 the second.
	level, err := i.variable(ctx, "transaction_isolation", "tx_isolation")
	f.Detail = level
	if err == nil && level != "READ-COMMITTED" {
		f.State, f.Advice = Fatal, "the server or a proxy prevents READ COMMITTED; at another level WordPress's own writes would stall"
	}
	return f, err
}

func (i *inspection) engine(ctx context.Context) (Finding, error) {
	f := Finding{Name: "engine", State: OK}
	var engine sql.NullString
	err := i.conn.GetContext(ctx, &engine,
		"SELECT ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?", i.db.Config.DSN.DBName, i.db.Config.UsermetaTable)
	f.Detail = engine.String
	switch {
	case errors.Is(err, sql.ErrNoRows):
		err, i.tableMissing = nil, true
		f.State, f.Detail = Fail, "no table "+i.db.Config.UsermetaTable+" that this account can see"
		f.Advice = "check the table prefix and the grants, and that WordPress is installed"
	case err == nil && !strings.EqualFold(engine.String, "InnoDB"):
		f.State = Fatal
		f.Advice = "only InnoDB has transactions: ALTER TABLE " + i.db.Config.UsermetaTable + " ENGINE=InnoDB, after a backup"
	}
	return f, err
}

// indexes checks WordPress's own indexes. The statements name user_id and meta_key.
// Inserts update the row with the same umeta_id, so a missing primary key would
// multiply rows, and a further unique key would make rows replace each other.
func (i *inspection) indexes(ctx context.Context) (Finding, error) {
	table := i.db.Config.UsermetaTable
	f := Finding{Name: "indexes", State: OK, Detail: "PRIMARY, user_id, meta_key"}
	var indexes []struct {
		Name      string `db:"name"`
		NonUnique bool   `db:"non_unique"`
		Columns   string `db:"columns"`
	}
	err := i.conn.SelectContext(ctx, &indexes, `
		SELECT LOWER(INDEX_NAME) AS name, MIN(NON_UNIQUE) AS non_unique,
		       COALESCE(LOWER(GROUP_CONCAT(COLUMN_NAME ORDER BY SEQ_IN_INDEX)), '') AS columns
		FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? GROUP BY INDEX_NAME ORDER BY INDEX_NAME`,
		i.db.Config.DSN.DBName, table)
	if err != nil {
		return f, err
	}
	columns := map[string][]string{} // of each index
	var missing, unique []string
	for _, index := range indexes {
		columns[index.Name] = strings.Split(index.Columns, ",")
		if !index.NonUnique && !slices.Contains(columns[index.Name], "umeta_id") {
			unique = append(unique, fmt.Sprintf("%s (%s)", index.Name, index.Columns))
		}
	}
	for _, name := range []string{"user_id", "meta_key"} {
		if len(columns[name]) == 0 || columns[name][0] != name {
			missing = append(missing, name)
		}
	}
	switch {
	case len(missing) > 0:
		f.State, f.Detail = Fatal, "missing: "+strings.Join(missing, ", ")
		f.Advice = "WordPress's own indexes user_id and meta_key must exist on " + table + "; plugins that tune indexes replace them"
		if i.tableMissing {
			f.State = Fail // the table may not exist yet
		}
	case !slices.Equal(columns["primary"], []string{"umeta_id"}):
		f.State, f.Detail = Fatal, "the primary key is not umeta_id"
		f.Advice = "restore the primary key, after a backup: ALTER TABLE " + table + " ADD PRIMARY KEY (umeta_id); bad imports lose it"
	case len(unique) > 0:
		f.State, f.Detail = Fatal, "unique key "+strings.Join(unique, ", ")
		f.Advice = "drop the unique key: WordPress allows several rows with one user and key, and so does the outbox"
	}
	return f, nil
}

func (i *inspection) selectGrant(ctx context.Context) (Finding, error) {
	f := Finding{Name: "read grants", State: OK, Detail: "SELECT on " + i.db.Config.UsermetaTable}
	_, err := i.conn.ExecContext(ctx, i.db.Expand("SELECT umeta_id, user_id, meta_key, meta_value FROM {usermeta} LIMIT 0"))
	if err != nil {
		f.Advice = "GRANT SELECT on " + i.db.Config.UsermetaTable
	}
	return f, err
}

// writeGrants tries each kind of statement without matching a row: the server
// checks the grant before it looks for rows.
func (i *inspection) writeGrants(ctx context.Context) (Finding, error) {
	f := Finding{Name: "write grants", State: OK, Detail: "INSERT, UPDATE, DELETE on " + i.db.Config.UsermetaTable}
	for _, statement := range []string{
		"INSERT INTO {usermeta} (user_id) SELECT ID FROM {users} WHERE 1 = 0",
		"UPDATE {usermeta} SET meta_value = '' WHERE 1 = 0",
		"DELETE FROM {usermeta} WHERE 1 = 0",
	} {
		if _, err := i.conn.ExecContext(ctx, i.db.Expand(statement)); err != nil {
			f.Advice = "GRANT INSERT, UPDATE, DELETE on " + i.db.Config.UsermetaTable + ", and use the primary server"
			return f, err
		}
	}
	return f, nil
}

// leastPrivilege warns if the account has more privileges than the service
// needs.
func (i *inspection) leastPrivilege(ctx context.Context) (Finding, error) {
	f := Finding{Name: "least privilege", State: OK, Detail: "the account cannot write to " + i.db.Config.UsersTable}
	_, err := i.conn.ExecContext(ctx, i.db.Expand("UPDATE {users} SET user_status = 0 WHERE 1 = 0"))
	var sqlErr *mysql.MySQLError
	switch {
	case err == nil:
		f.State, f.Detail = Warn, "the account can write to "+i.db.Config.UsersTable
		f.Advice = "give the service its own account with the grants of migrations-none.md"
	case !errors.As(err, &sqlErr):
		return f, err
	}
	return f, nil
}

func (i *inspection) readOnly(ctx context.Context) (Finding, error) {
	f := Finding{Name: "writable", State: OK, Detail: "the server accepts writes"}
	value, err := i.variable(ctx, "read_only")
	if err == nil && wpdb.IsOn(value) {
		i.discardConn = true
		f.State, f.Detail, f.Advice = Fail, "read_only is "+value, "connect to the primary server"
	}
	return f, err
}

// binlog checks the format of the binary log: a server that logs statements
// rejects every write at READ COMMITTED.
func (i *inspection) binlog(ctx context.Context) (Finding, error) {
	f := Finding{Name: "binary log", State: OK, Detail: "off"}
	on, err := i.variable(ctx, "log_bin")
	if err != nil || on == "OFF" {
		return f, err
	}
	f.Detail, err = i.variable(ctx, "binlog_format")
	if errors.Is(err, sql.ErrNoRows) {
		f.Detail, err = "ROW", nil // the only format of servers without this variable
	}
	if f.Detail == "STATEMENT" {
		f.State, f.Advice = Fatal, "set binlog_format to ROW or MIXED"
	}
	return f, err
}

func (i *inspection) clock(ctx context.Context) (Finding, error) {
	f := Finding{Name: "clock", State: OK}
	var now string
	err := i.conn.GetContext(ctx, &now, "SELECT SYSDATE()")
	if err != nil {
		return f, err
	}
	at, err := time.Parse(time.DateTime, now)
	off := time.Since(at).Round(time.Second)
	f.Detail = fmt.Sprintf("the database clock differs by %s", off)
	if off.Abs() > 5*time.Second {
		f.State, f.Advice = Warn, "synchronize both clocks: sessions follow the database's, webhook signatures this machine's"
	}
	return f, err
}

func (i *inspection) locks(ctx context.Context) (Finding, error) {
	f := Finding{Name: "named locks", State: OK, Detail: "GET_LOCK works", Advice: "GET_LOCK must work: use one node of a cluster, and no proxy that spreads statements over connections"}
	var got, mine, released sql.NullBool
	// Use a unique name so that locks of other replicas do not interfere.
	name := i.db.LockName("check:" + rand.Text())
	discard := i.discardConn
	i.discardConn = true
	if err := i.conn.GetContext(ctx, &got, "SELECT GET_LOCK(?, 1)", name); err != nil {
		return f, err
	}
	if err := i.conn.GetContext(ctx, &mine, "SELECT IS_USED_LOCK(?) = CONNECTION_ID()", name); err != nil {
		return f, err
	}
	if err := i.conn.GetContext(ctx, &released, "SELECT RELEASE_LOCK(?)", name); err != nil {
		return f, err
	}
	if !got.Bool || !mine.Bool || !released.Bool {
		f.State, f.Detail = Fail, "a granted lock was lost"
		return f, nil
	}
	i.discardConn = discard
	f.Advice = ""
	return f, nil
}
