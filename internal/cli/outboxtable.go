package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"autowebinar/internal/outbox"
)

// entryTable prints outbox rows as they come: columns of fixed width, or one
// JSON object a line.
type entryTable struct {
	w      io.Writer
	asJSON bool
	places map[outbox.Status]int
	odd    map[outbox.Format]int
	rows   int
}

func newEntryTable(w io.Writer, asJSON bool) *entryTable {
	return &entryTable{w: w, asJSON: asJSON, places: map[outbox.Status]int{}, odd: map[outbox.Format]int{}}
}

const entryLine = "%-10v %-8s %-10v %-22s %-16s %-20s %-9v %-20s %s\n"

func (t *entryTable) add(page []outbox.Row) error {
	var b strings.Builder
	for _, e := range page {
		if t.rows == 0 && !t.asJSON {
			fmt.Fprintf(&b, entryLine, "ROW", "PLACE", "USER", "EVENT", "WEBINAR", "HAPPENED (UTC)", "ATTEMPTS", "NEXT (UTC)", "WEBHOOK ID")
		}
		t.rows++
		t.places[e.Status]++
		if e.Format != outbox.FormatOK {
			t.odd[e.Format]++
		}
		if t.asJSON {
			line, err := json.Marshal(viewEntry(e))
			if err != nil {
				return err
			}
			b.Write(append(line, '\n'))
			continue
		}
		b.WriteString(entryRow(e))
	}
	_, err := io.WriteString(t.w, b.String())
	return err
}

func entryRow(e outbox.Row) string {
	v := viewEntry(e)
	if e.Format != outbox.FormatOK {
		return fmt.Sprintf(entryLine, v.Row, v.Place, v.User, "("+string(v.Reading)+")", "-", "-", "-", "-", "-")
	}
	next := shown(v.NextAttempt)
	switch {
	case e.Status == outbox.StatusDead:
		next = "never"
	case v.NextAttempt == nil && e.Status == outbox.StatusDeferred:
		next = "in its turn"
	case v.NextAttempt == nil:
		next = "now"
	}
	return fmt.Sprintf(entryLine, v.Row, v.Place, v.User, strings.TrimPrefix(string(v.Type), "client_webinar_"),
		v.Webinar, shown(v.Happened), v.Attempts, next, v.WebhookID)
}

// end prints how many there were.
func (t *entryTable) end() error {
	if t.asJSON {
		return nil
	}
	line := fmt.Sprintf("%s: %d due, %d waiting, %d dead\n", count(t.rows, "event"),
		t.places[outbox.StatusDue], t.places[outbox.StatusDeferred], t.places[outbox.StatusDead])
	if n := t.odd[outbox.FormatUnsupported]; n > 0 {
		line += fmt.Sprintf("%d of another version: kept for a build that can read them\n", n)
	}
	if n := t.odd[outbox.FormatCorrupt]; n > 0 {
		line += fmt.Sprintf("%d damaged: they can only be looked at and dropped\n", n)
	}
	_, err := io.WriteString(t.w, line)
	return err
}
