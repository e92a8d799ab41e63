// Package cli implements the commands of autowebinar: each parses its arguments,
// calls the packages that do the work and prints the result.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"autowebinar/internal/config"
)

// Streams are the standard streams of a command.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// command is a sub-command. It returns when its work is done or ctx ends.
type command struct {
	name, summary string
	run           func(ctx context.Context, args []string, s Streams, environ []string) error
}

func commands() []command {
	return []command{
		{"serve", "run the service (the default)", runServe},
		{"check", "check database, grants, salts and receiver, and advise on problems", runCheck},
		{"outbox", "list, show, retry or drop undelivered events", runOutbox},
		{"attendance", "classify the attendance of a webinar's viewers", runAttendance},
		{"export", "write a webinar's sessions as CSV", runExport},
		{"purge", "delete the service's rows of one user, of deleted users, or all", runPurge},
		{"sink", "receive webhooks, verify and print them", runSink},
		{"health", "check that a running service is alive (for HEALTHCHECK)", runHealth},
		{"config", "print the effective settings and their origins, or the reference", runConfig},
		{"version", "print the version", runVersion},
	}
}

// Errors whose explanation has been printed already.
var (
	errSilent = errors.New("failed")
	errUsage  = errors.New("wrong usage")
)

// The exit codes.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2 // also of a check that could not run
)

// Run runs the command that args name and returns the exit code.
func Run(ctx context.Context, args []string, s Streams, environ []string) int {
	name := "serve"
	switch {
	case len(args) == 0:
	case slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]):
		printUsage(s.Err)
		return exitOK
	case !strings.HasPrefix(args[0], "-"):
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
		case !errors.Is(err, errSilent):
			fmt.Fprintln(s.Err, "autowebinar:", err)
		}
		return exitError
	}
	fmt.Fprintf(s.Err, "autowebinar: unknown command %q\n\n", name)
	printUsage(s.Err)
	return exitUsage
}

func printUsage(w io.Writer) {
	fmt.Fprint(w, "usage: autowebinar [command]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-10s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\nSettings are environment variables: autowebinar config --reference prints them all.\nautowebinar COMMAND -h explains a command.\n")
}

// loadConfig reads the settings. The error names every problem.
func loadConfig(environ []string) (config.Config, error) {
	cfg, err := config.Load(environ, os.ReadFile)
	if err != nil {
		return cfg, configError(err)
	}
	return cfg, nil
}

func configError(err error) error {
	return fmt.Errorf("the configuration is not usable:\n%w", err)
}

// printJSON writes a value as indented JSON.
func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// wrapCanceled replaces the error of an interrupted command by one that says
// so.
func wrapCanceled(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}
