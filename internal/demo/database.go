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

// The choices of OpenDatabase. Any other value is a go-sql-driver DSN.
const (
	Auto     = "auto"     // a private MariaDB if one is installed, otherwise the embedded engine
	MariaDB  = "mariadbd" // a private, temporary MariaDB
	Embedded = "embedded" // an in-memory engine that runs one transaction at a time
)

const databaseName = "wordpress"

// Errors of OpenDatabase.
var (
	// ErrNoDatabase means that no database can be started, so that a DSN is
	// needed.
	ErrNoDatabase = errors.New("demo: no database")
	// ErrForeignUsers means that the database has users other than the demo's.
	ErrForeignUsers = errors.New("demo: the database belongs to another site")
)

// Database has WordPress's two tables under the prefix wp_. Seed fills them.
type Database struct {
	Name string // for display: kind and address
	DSN  string // in the form of go-sql-driver

	close func() error
}

// OpenDatabase opens the database of a choice (Auto, MariaDB, Embedded or a DSN)
// and creates WordPress's tables unless they exist. The context limits the start
// only. OpenDatabase calls progress before each slow step.
//
// If existing tables contain users other than the demo's, OpenDatabase changes
// nothing and returns ErrForeignUsers.
func OpenDatabase(ctx context.Context, choice string, progress func(string)) (*Database, error) {
	database, err := startDatabase(ctx, choice, progress)
	if err != nil {
		return nil, err
	}
	if err := prepareTables(ctx, database.DSN); err != nil {
		return nil, errors.Join(err, database.Close())
	}
	return database, nil
}

// Close stops a private database and deletes its data.
func (d *Database) Close() error {
	if d.close == nil {
		return nil
	}
	return d.close()
}

func startDatabase(ctx context.Context, choice string, progress func(string)) (*Database, error) {
	switch choice {
	case Auto:
		binary, err := mariadbd.Find(os.Getenv)
		if errors.Is(err, mariadbd.ErrNotFound) {
			return startEmbedded(ctx, progress)
		}
		if err != nil {
			return nil, err
		}
		return startMariaDB(ctx, binary)
	case MariaDB:
		return startMariaDB(ctx, "")
	case Embedded:
		return startEmbedded(ctx, progress)
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
	if err := execAll(ctx, server.AdminDSN(""), "CREATE DATABASE "+databaseName); err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return &Database{
		Name:  "a private, temporary MariaDB",
		DSN:   server.AdminDSN(databaseName),
		close: server.Close,
	}, nil
}

// The embedded engine prints its DSN once it listens.
var engineDSN = regexp.MustCompile(`(?m)^(\S+@tcp\(\S+)$`)

func startEmbedded(ctx context.Context, progress func(string)) (*Database, error) {
	root, err := findCheckout(startFolders())
	if err == nil {
		return startEngine(ctx, root, progress)
	}
	return nil, withoutEngine(err)
}

// startEngine builds the embedded engine and starts it. It is a separate
// module, so that building the service does not download it.
func startEngine(ctx context.Context, root string, progress func(string)) (*Database, error) {
	progress("Building the embedded database engine; the first time this takes a minute or two ...")
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

// withoutEngine adds the alternatives to an error on a machine that cannot build
// the engine.
func withoutEngine(err error) error {
	if !errors.Is(err, errNoSources) {
		return err
	}
	return fmt.Errorf("%w: the embedded engine cannot be built: %w; "+
		"install MariaDB, or name a database with --db user:password@tcp(host:3306)/database", ErrNoDatabase, err)
}

func execAll(ctx context.Context, dsn string, statements ...string) error {
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
