package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"regexp"

	"github.com/go-sql-driver/mysql"

	"autowebinar/internal/mariadbtest/mariadbd"
)

// The choices of OpenDatabase; anything else is a go-sql-driver DSN.
const (
	Auto     = "auto"     // a private MariaDB where one is installed, else the embedded engine
	MariaDB  = "mariadbd" // a private throw-away MariaDB
	Embedded = "embedded" // an engine in memory: one transaction at a time, no locks to be seen
)

const databaseName = "wordpress"

// Errors of OpenDatabase.
var (
	// ErrNoDatabase says that a database has to be named by its DSN.
	ErrNoDatabase = errors.New("demo: no database")
	// ErrNotDemo says that the database named holds somebody else's users.
	ErrNotDemo = errors.New("demo: not a database for a demo")
)

// Database is what the demo runs on: WordPress's two tables under the prefix
// wp_. Seed fills them.
type Database struct {
	Name string // for people: which kind, and where
	DSN  string // in go-sql-driver's form, without parameters unless the caller gave some

	close func() error
}

// OpenDatabase opens the database of a choice (Auto, MariaDB, Embedded or a DSN)
// and makes WordPress's tables unless they are there. The context bounds the
// start only. say is told, in one sentence, about what takes long.
//
// Tables that are there already, which only a DSN can lead to, must hold no
// users but the demo's own: else ErrNotDemo, and nothing was touched.
func OpenDatabase(ctx context.Context, choice string, say func(string)) (*Database, error) {
	database, err := start(ctx, choice, say)
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, database.DSN); err != nil {
		return nil, errors.Join(err, database.Close())
	}
	return database, nil
}

// Close ends a private database, and with it all that it held.
func (d *Database) Close() error {
	if d.close == nil {
		return nil
	}
	return d.close()
}

func start(ctx context.Context, choice string, say func(string)) (*Database, error) {
	switch choice {
	case Auto:
		binary, err := mariadbd.Find(os.Getenv)
		if errors.Is(err, mariadbd.ErrNotFound) {
			return startEmbedded(ctx, say)
		}
		if err != nil {
			return nil, err
		}
		return startMariaDB(ctx, binary)
	case MariaDB:
		return startMariaDB(ctx, "")
	case Embedded:
		return startEmbedded(ctx, say)
	}
	cfg, err := mysql.ParseDSN(choice)
	if err != nil || cfg.DBName == "" {
		return nil, fmt.Errorf("%w: %s, %s, %s or a DSN such as user:password@tcp(127.0.0.1:3306)/database",
			ErrNoDatabase, Auto, MariaDB, Embedded)
	}
	return &Database{Name: "the database " + cfg.DBName + " at " + cfg.Addr, DSN: choice}, nil
}

func startMariaDB(ctx context.Context, binary string) (*Database, error) {
	server, err := mariadbd.Start(ctx, mariadbd.Config{Binary: binary})
	if err != nil {
		return nil, err
	}
	if err := execute(ctx, server.AdminDSN(""), "CREATE DATABASE "+databaseName); err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return &Database{
		Name:  "a private, throw-away MariaDB",
		DSN:   server.AdminDSN(databaseName),
		close: server.Close,
	}, nil
}

// The embedded engine prints its DSN once it listens.
var engineDSN = regexp.MustCompile(`(?m)^(\S+@tcp\(\S+)$`)

func startEmbedded(ctx context.Context, say func(string)) (*Database, error) {
	root, err := findCheckout(startFolders())
	if err == nil {
		return startEngine(ctx, root, say)
	}
	return nil, withoutEngine(err)
}

// startEngine builds the embedded engine and starts it. It is a module and a
// program of its own, so that the service neither links nor downloads it.
func startEngine(ctx context.Context, root string, say func(string)) (*Database, error) {
	say("Building the embedded database engine; the first time this takes a minute or two ...")
	binary, err := build(ctx, root, engineFolder, ".")
	if err != nil {
		return nil, withoutEngine(err)
	}
	engine, match, err := startChild(ctx, childConfig{name: "embedded engine", command: []string{binary}, started: engineDSN})
	if err != nil {
		return nil, err
	}
	return &Database{
		Name:  "the embedded engine (in memory, one transaction at a time)",
		DSN:   match[1],
		close: engine.close,
	}, nil
}

// withoutEngine adds to an error what can be done on a machine that cannot
// build the engine.
func withoutEngine(err error) error {
	if !errors.Is(err, errNoSources) {
		return err
	}
	return fmt.Errorf("%w: the embedded engine cannot be built: %w; "+
		"install MariaDB, or name a database with --db user:password@tcp(host:3306)/database", ErrNoDatabase, err)
}

func execute(ctx context.Context, dsn string, statements ...string) error {
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("demo: prepare the database: %w", err)
		}
	}
	return nil
}
