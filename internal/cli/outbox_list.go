package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"autowebinar/internal/outbox"
	"autowebinar/internal/text"
)

func outboxList(ctx context.Context, args []string, s Streams, environ []string) error {
	set := newFlagSet("outbox list", s,
		"Lists the undelivered events, oldest first.",
		"  autowebinar outbox list --dead\n"+
			"  autowebinar outbox list --user 42 --event entered\n"+
			"  autowebinar outbox list --deferred --older-than 1d --json | jq .webhook_id")
	filter := filterFlags(set, outbox.Statuses()...)
	asJSON := set.Bool("json", false, "print one JSON object per line")
	if err := parse(set, args); err != nil {
		return err
	}
	env, err := openAdminEnv(s, environ)
	if err != nil {
		return err
	}
	defer env.close()
	table := newEventTable(s.Out, *asJSON)
	for page, err := range env.outbox.Rows(ctx, filter.outboxFilter(time.Now())) {
		if err != nil {
			return wrapCanceled(ctx, err)
		}
		if err := table.add(page); err != nil {
			return err
		}
	}
	return table.end()
}

// eventTable prints outbox rows as they arrive: in columns of fixed width, or one
// JSON object per line.
type eventTable struct {
	w        io.Writer
	asJSON   bool
	rows     int
	byStatus map[outbox.Status]int
	byFormat map[outbox.Format]int
}

func newEventTable(w io.Writer, asJSON bool) *eventTable {
	return &eventTable{w: w, asJSON: asJSON, byStatus: map[outbox.Status]int{}, byFormat: map[outbox.Format]int{}}
}

const eventLine = "%-10v %-8s %-10v %-22s %-16s %-20s %-9v %-20s %s\n"

func (t *eventTable) add(page []outbox.Row) error {
	var b strings.Builder
	for _, row := range page {
		if t.rows == 0 && !t.asJSON {
			fmt.Fprintf(&b, eventLine, "ROW", "STATUS", "USER", "EVENT", "WEBINAR", "OCCURRED (UTC)", "ATTEMPTS", "NEXT (UTC)", "WEBHOOK ID")
		}
		t.rows++
		t.byStatus[row.Status]++
		t.byFormat[row.Format]++
		if t.asJSON {
			line, err := json.Marshal(newEventView(row))
			if err != nil {
				return err
			}
			b.Write(append(line, '\n'))
			continue
		}
		b.WriteString(tableLine(row))
	}
	_, err := io.WriteString(t.w, b.String())
	return err
}

func tableLine(row outbox.Row) string {
	v := newEventView(row)
	if v.Format != outbox.FormatOK {
		return fmt.Sprintf(eventLine, v.Row, v.Status, v.User, "("+string(v.Format)+")", "-", "-", "-", "-", "-")
	}
	next := formatTime(v.NextAttempt)
	switch {
	case v.Status == outbox.StatusDead:
		next = "never"
	case v.NextAttempt == nil && v.Status == outbox.StatusDeferred:
		next = "after earlier events"
	case v.NextAttempt == nil:
		next = "now"
	}
	return fmt.Sprintf(eventLine, v.Row, v.Status, v.User, strings.TrimPrefix(string(v.Type), "client_webinar_"),
		v.Webinar, formatTime(v.OccurredAt), v.Attempts, next, v.WebhookID)
}

// end prints the totals.
func (t *eventTable) end() error {
	if t.asJSON {
		return nil
	}
	totals := fmt.Sprintf("%s: %d due, %d deferred, %d dead\n", text.Count(t.rows, "event"),
		t.byStatus[outbox.StatusDue], t.byStatus[outbox.StatusDeferred], t.byStatus[outbox.StatusDead])
	if n := t.byFormat[outbox.FormatUnsupported]; n > 0 {
		totals += fmt.Sprintf("unsupported version: %d (kept for a newer build)\n", n)
	}
	if n := t.byFormat[outbox.FormatCorrupt]; n > 0 {
		totals += fmt.Sprintf("corrupt: %d (show and drop only)\n", n)
	}
	_, err := io.WriteString(t.w, totals)
	return err
}
