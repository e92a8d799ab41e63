package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"autowebinar/internal/config"
)

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// command is one sub-command. It returns when its work is done or ctx ends.
type command struct {
	name, summary string
	run           func(ctx context.Context, args []string, s streams, environ []string) error
}

func commands() []command {
	return []command{
		{"serve", "run the service (the default)", serve},
		{"demo", "show everything on this machine: database, service, sink, page", demonstrate},
		{"check", "look at database, grants, salts and sink, and say what to do", check},
		{"sink", "receive webhooks, verify and print them", receive},
		{"health", "ask a running service whether it is alive (for HEALTHCHECK)", health},
		{"config", "print the reference of all settings", reference},
		{"version", "print the version", printVersion},
	}
}

// errReported ends a command whose output already says what is wrong.
var errReported = errors.New("")

// The exit codes.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

// run is the whole program, but for the process around it.
func run(ctx context.Context, args []string, s streams, environ []string) int {
	name := "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	for _, c := range commands() {
		if c.name != name {
			continue
		}
		err := c.run(ctx, args, s, environ)
		switch {
		case err == nil, errors.Is(err, flag.ErrHelp):
			return exitOK
		case errors.Is(err, errUsage):
			return exitUsage
		case !errors.Is(err, errReported):
			fmt.Fprintln(s.err, "autowebinar:", err)
		}
		return exitError
	}
	usage(s.err)
	if name == "help" {
		return exitOK
	}
	return exitUsage
}

func usage(w io.Writer) {
	fmt.Fprint(w, "usage: autowebinar [command]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-8s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\nSettings are environment variables: autowebinar config prints them all.\n")
}

var errUsage = errors.New("wrong usage")

// flags makes a flag set that prints to the command's own stream.
func flags(name string, s streams) *flag.FlagSet {
	set := flag.NewFlagSet("autowebinar "+name, flag.ContinueOnError)
	set.SetOutput(s.err)
	return set
}

// parse parses args and refuses words that are no flags.
func parse(set *flag.FlagSet, args []string) error {
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage
	}
	if set.NArg() > 0 {
		fmt.Fprintf(set.Output(), "unexpected argument %q\n", set.Arg(0))
		return errUsage
	}
	return nil
}

// loadConfig reads the settings; the error names every problem.
func loadConfig(environ []string) (config.Config, error) {
	cfg, err := config.Load(environ, os.ReadFile)
	if err != nil {
		return cfg, fmt.Errorf("the configuration is not usable:\n%w", err)
	}
	return cfg, nil
}

func reference(_ context.Context, args []string, s streams, _ []string) error {
	if err := parse(flags("config", s), args); err != nil {
		return err
	}
	return config.Reference(s.out)
}
