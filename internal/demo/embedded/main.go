// Command embedded is the demo's database on a machine without MariaDB: an
// in-memory engine that speaks the MySQL protocol on a loopback port and has one
// empty database, wordpress. It exits when its stdin closes.
//
// It prints one line, the go-sql-driver DSN, once it accepts connections. It is
// for demonstrations only: it stores nothing, checks no password, and runs one
// transaction at a time, so it cannot be used to test locking.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/sirupsen/logrus"
)

func main() {
	logrus.SetLevel(logrus.ErrorLevel) // the engine warns about every failed statement, which its client sees anyway
	signal.Ignore(os.Interrupt)        // a terminal interrupts the parent, too, which still uses the database
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "embedded database:", err)
		os.Exit(1)
	}
}

// run serves until in ends. The parent has the other end of in and never writes
// to it, so the engine cannot outlive its parent.
func run(in io.Reader, out io.Writer) (err error) {
	db, err := listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := fmt.Fprintln(out, db.DSN()); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	return err
}
