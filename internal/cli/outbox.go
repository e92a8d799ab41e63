package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/outbox"
	"autowebinar/internal/webinar"
)

const outboxHelp = `usage: autowebinar outbox list|show|retry|drop [flags]

The outbox holds the events that the receiver has not accepted yet. An event is due (sent
as soon as possible), deferred (retried automatically) or dead (its retries are exhausted:
retry or drop it).

  autowebinar outbox list --dead                     list the dead events
  autowebinar outbox show 4711                       show an event, by row or webhook id
  autowebinar outbox retry --dead --event left       retry dead events
  autowebinar outbox drop --user 42 --older-than 7d  list what --yes would drop

autowebinar outbox list -h explains the flags.
`

// runOutbox implements the command outbox.
func runOutbox(ctx context.Context, args []string, s Streams, environ []string) error {
	verbs := map[string]func(context.Context, []string, Streams, []string) error{
		"list": outboxList, "show": outboxShow, "retry": outboxRetry, "drop": outboxDrop,
	}
	if len(args) == 0 {
		fmt.Fprint(s.Err, outboxHelp)
		return errUsage
	}
	verb, known := verbs[args[0]]
	switch {
	case known:
		return verb(ctx, args[1:], s, environ)
	case args[0] == "help" || strings.HasPrefix(args[0], "-h") || strings.HasPrefix(args[0], "--h"):
		fmt.Fprint(s.Err, outboxHelp)
		return nil
	}
	fmt.Fprintf(s.Err, "autowebinar outbox: unexpected %q\n\n%s", args[0], outboxHelp)
	return errUsage
}

// eventFilter contains the flags that select events.
type eventFilter struct {
	user      *webinar.UserID
	statuses  []outbox.Status         // that may be selected
	status    map[outbox.Status]*bool // whether one is
	all       *bool                   // nil for a command that selects all events by default
	eventType webinar.EventType
	eventID   uuid.UUID
	age       time.Duration
}

// filterFlags defines the flags to select events with one of the given statuses.
func filterFlags(set *flag.FlagSet, statuses ...outbox.Status) *eventFilter {
	f := &eventFilter{
		user:     userFlag(set, "user", "only events of this WordPress `user`"),
		statuses: statuses, status: map[outbox.Status]*bool{},
	}
	for _, status := range statuses {
		f.status[status] = set.Bool(string(status), false, "only "+string(status)+" events")
	}
	set.Func("event", "only events of this `type` (left or client_webinar_left), or the event with this webhook id", f.parseEvent)
	set.Func("older-than", "only events that occurred longer ago than this `age`: 7d, 36h, 90m", func(value string) (err error) {
		f.age, err = parseAge(value)
		return err
	})
	return f
}

func (f *eventFilter) parseEvent(value string) error {
	if id, err := uuid.Parse(value); err == nil {
		f.eventID = id
		return nil
	}
	short := strings.TrimPrefix(value, "client_webinar_")
	known := []string{"registered", "entered", "left", "completed", "attendance_classified"}
	if !slices.Contains(known, short) {
		return errors.New("must be a webhook id or one of " + strings.Join(known, ", "))
	}
	f.eventType = webinar.EventType("client_webinar_" + short)
	return nil
}

func (f *eventFilter) outboxFilter(now time.Time) outbox.Filter {
	filter := outbox.Filter{User: *f.user, Statuses: f.selected(), Type: f.eventType, EventID: f.eventID}
	if len(filter.Statuses) == 0 {
		filter.Statuses = f.statuses
	}
	if f.age > 0 {
		filter.OlderThan = now.Add(-f.age)
	}
	return filter
}

func (f *eventFilter) selected() []outbox.Status {
	return slices.DeleteFunc(slices.Clone(f.statuses), func(s outbox.Status) bool { return !*f.status[s] })
}

// requireFilter returns an error if no flag selects events, so that a command
// does not change all events by mistake.
func (f *eventFilter) requireFilter(set *flag.FlagSet) error {
	filtered := *f.user != 0 || len(f.selected()) > 0 || f.eventType != "" || f.eventID != uuid.Nil || f.age > 0
	switch {
	case filtered && *f.all:
		return usageErrorf(set, "--all cannot be combined with a filter")
	case !filtered && !*f.all:
		flags := "--user, --event, --older-than"
		for _, status := range f.statuses {
			flags += ", --" + string(status)
		}
		return usageErrorf(set, "select events with %s or --all", flags)
	}
	return nil
}
