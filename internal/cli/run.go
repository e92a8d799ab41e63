package cli

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

// Streams are the standard streams of a command.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// command is one sub-command. It returns when its work is done or ctx ends.
type command struct {
	name, summary string
	run           func(ctx context.Context, args []string, s Streams, environ []string) error
}

func commands() []command {
	return []command{
		{"serve", "run the service (the default)", runServe},
		{"check", "look at database, grants, salts and sink, and say what to do", runCheck},
		{"outbox", "list, show, retry or drop the events that are not delivered", runOutbox},
		{"attendance", "classify the attendance of a webinar's viewers", runAttendance},
		{"export", "write a webinar's sessions as CSV", runExport},
		{"purge", "delete the service's rows of a viewer, of deleted users, or all", runPurge},
		{"sink", "receive webhooks, verify and print them", runSink},
		{"health", "ask a running service whether it is alive (for HEALTHCHECK)", runHealth},
		{"config", "print the settings in force and where they came from, or all there are", runConfig},
		{"version", "print the version", printVersion},
	}
}

// errReported ends a command whose output already says what is wrong.
var errSilent = errors.New("")

// The exit codes.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2 // also: nothing could be told
)

// Run runs the command that args name and returns the exit code.
func Run(ctx context.Context, args []string, s Streams, environ []string) int {
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
		case !errors.Is(err, errSilent):
			fmt.Fprintln(s.Err, "autowebinar:", err)
		}
		return exitError
	}
	usage(s.Err)
	if name == "help" {
		return exitOK
	}
	return exitUsage
}

func usage(w io.Writer) {
	fmt.Fprint(w, "usage: autowebinar [command]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-10s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\nSettings are environment variables: autowebinar config --reference prints them all.\nautowebinar COMMAND -h explains a command.\n")
}

var errUsage = errors.New("wrong usage")

// flags makes a flag set that prints to the command's own stream. Its help is
// the given text, then the flags.
func flags(name string, s Streams, help ...string) *flag.FlagSet {
	set := flag.NewFlagSet("autowebinar "+name, flag.ContinueOnError)
	set.SetOutput(s.Err)
	set.Usage = func() {
		fmt.Fprintf(s.Err, "usage: autowebinar %s [flags]\n", name)
		for _, text := range help {
			fmt.Fprintf(s.Err, "\n%s\n", text)
		}
		fmt.Fprintln(s.Err)
		set.PrintDefaults()
	}
	return set
}

// parse parses args and refuses words that are no flags.
func parse(set *flag.FlagSet, args []string) error {
	words, err := parseWords(set, args)
	if err == nil && len(words) > 0 {
		return usageErrorf(set, "unexpected argument %q", words[0])
	}
	return err
}

// parseWords parses args and returns the words among them that are no flags.
func parseWords(set *flag.FlagSet, args []string) (words []string, err error) {
	for {
		if err := set.Parse(args); errors.Is(err, flag.ErrHelp) {
			return nil, err
		} else if err != nil {
			return nil, errUsage // it is printed already
		}
		if set.NArg() == 0 {
			return words, nil
		}
		words, args = append(words, set.Arg(0)), set.Args()[1:]
	}
}

// misused says what is wrong with the command line.
func usageErrorf(set *flag.FlagSet, format string, args ...any) error {
	fmt.Fprintf(set.Output(), "%s: %s; see %s -h\n", set.Name(), fmt.Sprintf(format, args...), set.Name())
	return errUsage
}

// loadConfig reads the settings; the error names every problem.
func loadConfig(environ []string) (config.Config, error) {
	cfg, err := config.Load(environ, os.ReadFile)
	if err != nil {
		return cfg, fmt.Errorf("the configuration is not usable:\n%w", err)
	}
	return cfg, nil
}
