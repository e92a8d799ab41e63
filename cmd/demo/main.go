// Command demo demonstrates the service on one machine: it starts a database,
// the service and a receiver of webhooks, and serves a page with a video. It
// runs from a checkout; make demo calls it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"autowebinar/internal/demo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return
	case !errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(1)
}

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	options := demo.Options{Out: out, Progress: errs}
	set := flag.NewFlagSet("demo", flag.ContinueOnError)
	set.SetOutput(errs)
	set.StringVar(&options.Database, "db", demo.Auto, "auto, mariadbd, embedded, or the `DSN` of an empty database")
	set.StringVar(&options.Listen, "listen", "127.0.0.1:8080", "`address` of the page; another port is used if it is taken")
	set.StringVar(&options.Service, "service", "", "`path` of the service's binary (default: built from this checkout)")
	verbose := set.Bool("v", false, "print the service's log")
	if err := set.Parse(args); err != nil {
		return err
	}
	if set.NArg() > 0 {
		return fmt.Errorf("demo: unexpected argument %q", set.Arg(0))
	}
	if *verbose {
		options.Log = errs
	}
	return demo.Run(ctx, options)
}
