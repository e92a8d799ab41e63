package cli

import (
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"autowebinar/internal/webinar"
)

// newFlagSet returns a flag set that prints to the command's error stream. Its
// help consists of the given paragraphs and the flags.
func newFlagSet(name string, s Streams, help ...string) *flag.FlagSet {
	set := flag.NewFlagSet("autowebinar "+name, flag.ContinueOnError)
	set.SetOutput(s.Err)
	set.Usage = func() {
		fmt.Fprintf(s.Err, "usage: autowebinar %s [flags]\n", name)
		for _, paragraph := range help {
			fmt.Fprintf(s.Err, "\n%s\n", paragraph)
		}
		fmt.Fprintln(s.Err)
		set.PrintDefaults()
	}
	return set
}

// parse parses args, which must all be flags.
func parse(set *flag.FlagSet, args []string) error {
	rest, err := parseArgs(set, args)
	if err == nil && len(rest) > 0 {
		return usageErrorf(set, "unexpected argument %q", rest[0])
	}
	return err
}

// parseArgs parses flags, which may follow other arguments, and returns the other
// arguments.
func parseArgs(set *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := set.Parse(args); errors.Is(err, flag.ErrHelp) {
			return nil, err
		} else if err != nil {
			return nil, errUsage // set has printed it
		}
		if set.NArg() == 0 {
			return rest, nil
		}
		rest, args = append(rest, set.Arg(0)), set.Args()[1:]
	}
}

// usageErrorf prints what is wrong with the arguments and returns errUsage.
func usageErrorf(set *flag.FlagSet, format string, args ...any) error {
	fmt.Fprintf(set.Output(), "%s: %s; see %s -h\n", set.Name(), fmt.Sprintf(format, args...), set.Name())
	return errUsage
}

// userFlag defines a flag for a WordPress user id; 0 by default.
func userFlag(set *flag.FlagSet, name, usage string) *webinar.UserID {
	var user webinar.UserID
	set.Func(name, usage, func(value string) error {
		id, err := strconv.ParseUint(value, 10, 64)
		if err != nil || id == 0 {
			return errors.New("must be a WordPress user id, a whole number from 1")
		}
		user = webinar.UserID(id)
		return nil
	})
	return &user
}

// webinarFlag defines the flag --webinar; empty by default.
func webinarFlag(set *flag.FlagSet) *webinar.ID {
	var id webinar.ID
	set.Func("webinar", "the `webinar_id` (required)", func(value string) error {
		if !webinar.IDPattern.MatchString(value) {
			return fmt.Errorf("must be a webinar id, matching %s", webinar.IDPattern)
		}
		id = webinar.ID(value)
		return nil
	})
	return &id
}

// timeFlag defines a flag for a time in UTC; zero by default.
func timeFlag(set *flag.FlagSet, name, usage string) *time.Time {
	var at time.Time
	set.Func(name, usage, func(value string) (err error) {
		at, err = parseTime(value)
		return err
	})
	return &at
}

func parseTime(value string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.Parse(layout, value); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, errors.New("must be a time such as 2026-11-22, \"2026-11-22 10:00:00\" or 2026-11-22T10:00:00+01:00 (without a zone: UTC)")
}

// parseAge parses a duration, also in days: 7d, 36h, 90m.
func parseAge(value string) (time.Duration, error) {
	age, err := time.ParseDuration(value)
	if days, found := strings.CutSuffix(value, "d"); found {
		var n float64
		n, err = strconv.ParseFloat(days, 64)
		age = time.Duration(n * 24 * float64(time.Hour))
	}
	if err != nil || age <= 0 || age > 100*365*24*time.Hour {
		return 0, errors.New("must be an age such as 7d, 36h or 90m")
	}
	return age, nil
}
