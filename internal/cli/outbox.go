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

The outbox holds the events that the scenario engine has not accepted: due (to be
sent now), waiting (tried, and tried again by themselves) and dead (given up: you
decide).

  autowebinar outbox list --dead                     what was given up
  autowebinar outbox show 4711                       one event whole, by row or webhook id
  autowebinar outbox retry --dead --event left       try again what was given up
  autowebinar outbox drop --user 42 --older-than 7d  what would be dropped; --yes drops it

autowebinar outbox list -h explains the flags.
`

// outbox is the operator's hand in the queue.
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

// choice is the flags that say which events are meant.
type eventFilter struct {
	user               *webinar.UserID
	due, waiting, dead *bool
	all                *bool // nil: none given means all
	eventType          webinar.EventType
	eventID            uuid.UUID
	age                time.Duration
}

func choiceFlags(set *flag.FlagSet) *eventFilter {
	c := &eventFilter{
		user:    userFlag(set, "user", "only events of this WordPress `user`"),
		due:     set.Bool("due", false, "only events that are to be sent now"),
		waiting: set.Bool("waiting", false, "only events that wait for another attempt"),
		dead:    set.Bool("dead", false, "only events that were given up"),
	}
	set.Func("event", "only events of this `type` (left, or client_webinar_left), or the one of this webhook id", c.parseEvent)
	set.Func("older-than", "only events that happened longer ago than this `age`: 7d, 36h, 90m", func(text string) (err error) {
		c.age, err = parseAge(text)
		return err
	})
	return c
}

func (c *eventFilter) parseEvent(text string) error {
	if id, err := uuid.Parse(text); err == nil {
		c.eventID = id
		return nil
	}
	short := strings.TrimPrefix(text, "client_webinar_")
	known := []string{"registered", "entered", "left", "completed", "attendance_classified"}
	if !slices.Contains(known, short) {
		return errors.New("must be a webhook id or one of " + strings.Join(known, ", "))
	}
	c.eventType = webinar.EventType("client_webinar_" + short)
	return nil
}

func (c *eventFilter) selection(now time.Time) outbox.Filter {
	selection := outbox.Filter{User: *c.user, Type: c.eventType, EventID: c.eventID}
	if c.age > 0 {
		selection.OlderThan = now.Add(-c.age)
	}
	for _, place := range []struct {
		chosen bool
		place  outbox.Status
	}{{*c.due, outbox.StatusDue}, {*c.waiting, outbox.StatusDeferred}, {*c.dead, outbox.StatusDead}} {
		if place.chosen {
			selection.Statuses = append(selection.Statuses, place.place)
		}
	}
	return selection
}

// mustChoose refuses to change everything by an oversight.
func (c *eventFilter) mustChoose(set *flag.FlagSet) error {
	chosen := *c.user != 0 || *c.due || *c.waiting || *c.dead || c.eventType != "" || c.eventID != uuid.Nil || c.age > 0
	switch {
	case chosen && *c.all:
		return usageErrorf(set, "--all goes with no other choice")
	case !chosen && !*c.all:
		return usageErrorf(set, "say which events: --user, --event, --older-than, --waiting, --dead, or --all")
	}
	return nil
}
