// Package storetest provides a store, an outbox and a real database, and
// commands that change viewers, for the tests of the storage packages.
package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/mariadbtest/mariadbd"
	"autowebinar/internal/outbox"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

// Rules are the rules of the commands. The webinars a, b and c last 1000 s
// each.
var Rules = webinar.Rules{Heartbeat: 10, Durations: map[webinar.ID]int64{"a": 1000, "b": 1000, "c": 1000}}

// Fixture is a store that uses an account with the privileges of production, on
// a separate database with the viewers 1, 2 and 3.
type Fixture struct {
	DB     *mariadbtest.DB
	Store  *usermeta.Store
	Outbox *outbox.Queue
	Wakes  chan struct{} // receives a value for each commit with events
}

// New returns a fixture on the shared server.
func New(t testing.TB) *Fixture {
	t.Helper()
	return newOn(t, mariadbtest.New(t))
}

// NewWithServer returns a fixture on a separate server, whose settings the test
// may change.
func NewWithServer(t testing.TB, args ...string) *Fixture {
	t.Helper()
	db, _ := mariadbtest.NewWithServer(t, mariadbd.Config{Args: args})
	return newOn(t, db)
}

func newOn(t testing.TB, db *mariadbtest.DB) *Fixture {
	t.Helper()
	for id := uint64(1); id <= 3; id++ {
		db.AddUser(t, id, fmt.Sprintf("viewer%d", id), "$P$Bxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")
	}
	f := &Fixture{DB: db, Wakes: make(chan struct{}, 100)}
	f.Store, f.Outbox = f.Replica(t)
	return f
}

// Config is the configuration of a database.
func Config(t testing.TB, dsn string) wpdb.Config {
	t.Helper()
	parsed, err := mysql.ParseDSN(dsn)
	require.NoError(t, err)
	return wpdb.Config{DSN: parsed, UsersTable: "wp_users", UsermetaTable: "wp_usermeta"}
}

// Open opens a pool for the duration of a test.
func Open(t testing.TB, cfg wpdb.Config) *wpdb.DB {
	t.Helper()
	db, err := wpdb.Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

// Replica returns another instance of the service on the same table.
func (f *Fixture) Replica(t testing.TB) (*usermeta.Store, *outbox.Queue) {
	t.Helper()
	db := Open(t, Config(t, f.DB.DSN))
	store := usermeta.New(db, usermeta.Options{OnEvents: func() {
		select {
		case f.Wakes <- struct{}{}:
		default:
		}
	}})
	store.SetReady()
	return store, outbox.New(db, outbox.Options{LeadMetaKey: "crm_lead"})
}

// Change runs a command that must succeed.
func (f *Fixture) Change(t testing.TB, user webinar.UserID, command webinar.Command) webinar.Result {
	t.Helper()
	result, err := f.Store.Change(t.Context(), user, command)
	require.NoError(t, err)
	return result
}

// ViewerQueue reads the messages of a viewer.
func (f *Fixture) ViewerQueue(t testing.TB, user webinar.UserID) outbox.ViewerQueue {
	t.Helper()
	v, err := f.Outbox.ViewerQueue(t.Context(), user)
	require.NoError(t, err)
	return v
}

// Exec runs a statement as the administrator.
func (f *Fixture) Exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	_, err := f.DB.SQL.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err)
}

// Rows returns the rows of a viewer by key without the prefix. It joins the
// values of one key by spaces, and replaces times by "time" and outbox values by
// their event type.
func (f *Fixture) Rows(t testing.TB, user uint64) map[string]string {
	t.Helper()
	rows := map[string]string{}
	for key, values := range f.DB.Meta(t, user) {
		for i, value := range values {
			if _, err := time.Parse(time.DateTime, value); err == nil {
				values[i] = "time"
			}
			if strings.HasPrefix(key, "autowebinar_outbox") {
				values[i] = strings.Split(value, "|")[1]
			}
		}
		rows[strings.TrimPrefix(key, "autowebinar_")] = strings.Join(values, " ")
	}
	return rows
}

// Enter returns the command of an entry.
func Enter(id webinar.ID, session webinar.SessionID) webinar.Command {
	return func(v webinar.Viewer, now time.Time) (webinar.Result, error) { return Rules.Enter(v, id, session, now) }
}

// Progress returns the command of a report.
func Progress(id webinar.ID, position int64) webinar.Command {
	return func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return Rules.Progress(v, webinar.SessionRef{Webinar: id}, webinar.Report{Position: position}, now)
	}
}

// Exit returns the command of an exit without a position.
func Exit(id webinar.ID) webinar.Command {
	return func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return Rules.Exit(v, webinar.SessionRef{Webinar: id}, nil, webinar.UserExit, now)
	}
}

// Register returns the command of a registration for a live webinar.
func Register(id webinar.ID) webinar.Command {
	return func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return Rules.Register(v, webinar.Registration{Webinar: id, Type: webinar.Live, SlotID: "слот", Source: "página/1"}, now)
	}
}

// Evaluate returns the command of an explicit evaluation.
func Evaluate(id webinar.ID, evaluation uuid.UUID) webinar.Command {
	return func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return Rules.Evaluate(v, id, evaluation, now)
	}
}
