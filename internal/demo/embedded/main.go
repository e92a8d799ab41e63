// Command embedded promises the demo a database where no server is installed:
// an in-memory engine that speaks the MySQL protocol on a loopback port, holds
// one empty database called wordpress, and is gone when its stdin closes.
//
// It prints one line on stdout, the go-sql-driver DSN, once it accepts
// connections. It is for demonstrations only: nothing is stored, no password is
// asked, and transactions run one at a time, so nothing that works here says
// anything about locking.
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
	logrus.SetLevel(logrus.ErrorLevel) // the engine warns of every refused statement; its client is told anyway
	signal.Ignore(os.Interrupt)        // a terminal sends it to parent and child alike; the parent is not done with us
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "embedded database:", err)
		os.Exit(1)
	}
}

// run serves until in ends. The parent holds the other end of in and never
// writes to it, so the engine cannot outlive its parent, however that ends.
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
