package usermeta

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// ErrUnfit says that the service must not run on this table as it is.
var ErrUnsupportedDatabase = errors.New("usermeta: the table cannot be used safely")

// Finding is one thing that Inspect looked at.
type Finding struct {
	Name   string
	State  State
	Detail string // what was seen
	Advice string // what to do; empty where nothing is
}

// State is how bad a finding is.
type State string

// Unfit is a failure that serve refuses to start with; the other failures may
// pass by themselves.
const (
	OK    State = "ok"
	Warn  State = "warn"
	Fail  State = "fail"
	Fatal State = "unfit"
)

// Inspect looks at everything in the database that the service depends on. It
// changes nothing. The last finding is the one that kept it from looking on, if
// there was such a one.
func (s *Store) CheckDatabase(ctx context.Context) []Finding {
	conn, err := s.db.Connx(ctx)
	if err != nil {
		return []Finding{{"connection", Fail, err.Error(), "check host, port, account and password, and that the server runs"}}
	}
	defer conn.Close()
	i := inspection{conn: conn, cfg: s.cfg}
	defer func() {
		if i.discardConn {
			closeConn(conn)
		}
	}()
	for _, probe := range []func(context.Context) (Finding, error){
		i.version, i.isolation, i.readOnly, i.binlog, i.users, i.engine, i.indexes, i.selectGrant, i.writeGrants, i.leastPrivilege, i.clock, i.locks,
	} {
		finding, err := probe(ctx)
		if err != nil {
			finding.State, finding.Detail = Fail, err.Error()
			if lostConnection(err) || ctx.Err() != nil {
				return append(i.findings, finding)
			}
		}
		i.findings = append(i.findings, finding)
	}
	return i.findings
}

// Fit inspects the database and, if it can be used, opens the store for
// changes. The error is ErrUnfit or ErrUnavailable and names every reason.
func (s *Store) Verify(ctx context.Context) error {
	var reasons []error
	var warnings []Finding
	kind := ErrUnavailable
	for _, f := range s.CheckDatabase(ctx) {
		if f.State == Fatal {
			kind = ErrUnsupportedDatabase
		}
		if f.State == Fatal || f.State == Fail {
			reasons = append(reasons, fmt.Errorf("%s: %s; %s", f.Name, f.Detail, f.Advice))
		}
		if f.State == Warn {
			warnings = append(warnings, f)
		}
	}
	if len(reasons) > 0 {
		err := fmt.Errorf("%w: %w", kind, errors.Join(reasons...))
		s.notReady.Store(&err)
		return err
	}
	for _, f := range warnings {
		s.log.WarnContext(ctx, "the database could be in better order", "finding", f.Name, "detail", f.Detail, "advice", f.Advice)
	}
	s.ready.Store(true)
	return nil
}

// Ping tells whether the database answers and takes writes.
func (s *Store) Ping(ctx context.Context) error {
	if !s.ready.Load() {
		if why := s.notReady.Load(); why != nil {
			return *why
		}
		return errNotInspected
	}
	conn, err := s.db.Connx(ctx)
	if err != nil {
		return wrapUnavailable(err)
	}
	defer conn.Close()
	value, err := readVariable(ctx, conn, "read_only")
	if err != nil {
		return wrapUnavailable(err)
	}
	if isOn(value) {
		closeConn(conn) // the primary's name may lead to another server by now
		return fmt.Errorf("%w: read_only is %s", ErrUnavailable, value)
	}
	return nil
}

type inspection struct {
	conn     *sqlx.Conn
	cfg      Config
	findings []Finding

	engineUnknown bool // the table is not there, or not for this account
	discardConn   bool // the connection is of no more use: the primary may be another server by now, or it holds a lock
}

func (i *inspection) variable(ctx context.Context, names ...string) (string, error) {
	return readVariable(ctx, i.conn, names...)
}

// readVariable is the value of the server's variable that has one of the names.
func readVariable(ctx context.Context, q sqlx.QueryerContext, names ...string) (value string, err error) {
	query, args, err := sqlx.In("SHOW VARIABLES WHERE Variable_name IN (?)", names)
	if err != nil {
		return "", err
	}
	var name string
	err = q.QueryRowxContext(ctx, query, args...).Scan(&name, &value)
	return value, err
}

func isOn(value string) bool { return value != "OFF" && value != "0" }

func (i *inspection) version(ctx context.Context) (Finding, error) {
	f := Finding{Name: "server", State: OK}
	err := i.conn.GetContext(ctx, &f.Detail, "SELECT VERSION()")
	if err == nil && tooOld(f.Detail) {
		f.State, f.Advice = Fatal, "MySQL 8.0 or MariaDB 10.6 is the oldest that can skip locked rows"
	}
	return f, err
}

// tooOld tells from a server's version whether it lacks NOWAIT and SKIP LOCKED.
// Old MariaDB servers put "5.5.5-" in front of theirs.
func tooOld(version string) bool {
	version = strings.TrimPrefix(version, "5.5.5-")
	var major, minor int
	if n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor); n < 2 {
		return false // a proxy with a name of its own: let it try
	}
	if strings.Contains(version, "MariaDB") {
		return major < 10 || major == 10 && minor < 6
	}
	return major < 8
}

func (i *inspection) isolation(ctx context.Context) (Finding, error) {
	f := Finding{Name: "isolation", State: OK}
	// Two names for one thing: MySQL 8 has the first, MariaDB 10 the second.
	level, err := i.variable(ctx, "transaction_isolation", "tx_isolation")
	f.Detail = level
	if err == nil && level != "READ-COMMITTED" {
		f.State, f.Advice = Fatal, "the server or a proxy does not let the session run at READ COMMITTED; WordPress's own writes would stall"
	}
	return f, err
}

func (i *inspection) engine(ctx context.Context) (Finding, error) {
	f := Finding{Name: "engine", State: OK}
	var engine sql.NullString
	err := i.conn.GetContext(ctx, &engine,
		"SELECT ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?", i.cfg.DSN.DBName, i.cfg.UsermetaTable)
	f.Detail = engine.String
	switch {
	case errors.Is(err, sql.ErrNoRows):
		err, i.engineUnknown = nil, true
		f.State, f.Detail = Fail, "no table "+i.cfg.UsermetaTable+" that this account can see"
		f.Advice = "check the table prefix and the grants, and that WordPress is installed"
	case err == nil && !strings.EqualFold(engine.String, "InnoDB"):
		f.State = Fatal
		f.Advice = "only InnoDB has transactions: ALTER TABLE " + i.cfg.UsermetaTable + " ENGINE=InnoDB, after a backup"
	}
	return f, err
}

// indexes checks the two stock indexes, which the statements name.
func (i *inspection) indexes(ctx context.Context) (Finding, error) {
	f := Finding{Name: "indexes", State: OK, Detail: "user_id, meta_key"}
	var names []string
	err := i.conn.SelectContext(ctx, &names,
		"SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND SEQ_IN_INDEX = 1 AND INDEX_NAME IN ('user_id', 'meta_key') AND COLUMN_NAME = INDEX_NAME",
		i.cfg.DSN.DBName, i.cfg.UsermetaTable)
	if err == nil && len(names) < 2 {
		f.State, f.Detail = Fatal, fmt.Sprintf("only %q", names)
		if i.engineUnknown {
			f.State = Fail // there is no such table, yet
		}
		f.Advice = "WordPress's own indexes user_id and meta_key must exist on " + i.cfg.UsermetaTable + "; plugins that tune indexes replace them"
	}
	return f, err
}

func (i *inspection) selectGrant(ctx context.Context) (Finding, error) {
	f := Finding{Name: "read grants", State: OK, Detail: "SELECT on " + i.cfg.UsermetaTable}
	_, err := i.conn.ExecContext(ctx, i.cfg.expandTables("SELECT umeta_id, user_id, meta_key, meta_value FROM {usermeta} LIMIT 0"))
	if err != nil {
		f.Advice = "GRANT SELECT on " + i.cfg.UsermetaTable
	}
	return f, err
}

// writing tries each kind of statement on no row at all: the server checks the
// grant before it looks for rows.
func (i *inspection) writeGrants(ctx context.Context) (Finding, error) {
	f := Finding{Name: "write grants", State: OK, Detail: "INSERT, UPDATE, DELETE on " + i.cfg.UsermetaTable}
	for _, statement := range []string{
		"INSERT INTO {usermeta} (user_id) SELECT ID FROM {users} WHERE 1 = 0",
		"UPDATE {usermeta} SET meta_value = '' WHERE 1 = 0",
		"DELETE FROM {usermeta} WHERE 1 = 0",
	} {
		if _, err := i.conn.ExecContext(ctx, i.cfg.expandTables(statement)); err != nil {
			f.Advice = "GRANT INSERT, UPDATE, DELETE on " + i.cfg.UsermetaTable + ", and use the primary server"
			return f, err
		}
	}
	return f, nil
}

// restraint warns of an account that may do more than the service needs.
func (i *inspection) leastPrivilege(ctx context.Context) (Finding, error) {
	f := Finding{Name: "least privilege", State: OK, Detail: "the account cannot write to " + i.cfg.UsersTable}
	_, err := i.conn.ExecContext(ctx, i.cfg.expandTables("UPDATE {users} SET user_status = 0 WHERE 1 = 0"))
	var sqlErr *mysql.MySQLError
	switch {
	case err == nil:
		f.State, f.Detail = Warn, "the account can write to "+i.cfg.UsersTable
		f.Advice = "give the service an account of its own with the grants of migrations-none.md"
	case !errors.As(err, &sqlErr):
		return f, err
	}
	return f, nil
}

func (i *inspection) readOnly(ctx context.Context) (Finding, error) {
	f := Finding{Name: "writable", State: OK, Detail: "the server takes writes"}
	value, err := i.variable(ctx, "read_only")
	if err == nil && isOn(value) {
		i.discardConn = true
		f.State, f.Detail, f.Advice = Fail, "read_only is "+value, "connect to the primary server"
	}
	return f, err
}

// binlog: at READ COMMITTED a server that logs statements refuses every write.
func (i *inspection) binlog(ctx context.Context) (Finding, error) {
	f := Finding{Name: "binary log", State: OK, Detail: "off"}
	on, err := i.variable(ctx, "log_bin")
	if err != nil || on == "OFF" {
		return f, err
	}
	f.Detail, err = i.variable(ctx, "binlog_format")
	if errors.Is(err, sql.ErrNoRows) {
		f.Detail, err = "ROW", nil // servers that know no other format have no such variable
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
	at, err := time.Parse(datetime, now)
	off := time.Since(at).Round(time.Second)
	f.Detail = fmt.Sprintf("the database is %s from this machine", off)
	if off.Abs() > 5*time.Second {
		f.State, f.Advice = Warn, "synchronise both clocks: sessions follow the database's, webhook signatures this machine's"
	}
	return f, err
}

func (i *inspection) locks(ctx context.Context) (Finding, error) {
	f := Finding{Name: "named locks", State: OK, Detail: "GET_LOCK works", Advice: "GET_LOCK must work: use one node of a cluster, and no proxy that spreads statements over connections"}
	var got, mine, released sql.NullBool
	// Nobody else's: what another replica left locked is no fault of this one.
	name := i.cfg.lockName("check:" + rand.Text())
	spoilt := i.discardConn
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
		f.State, f.Detail = Fail, "a lock taken is not held"
		return f, nil
	}
	i.discardConn = spoilt
	f.Advice = ""
	return f, nil
}
