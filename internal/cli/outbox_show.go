package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/outbox"
	"autowebinar/internal/text"
	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

func outboxShow(ctx context.Context, args []string, s Streams, environ []string) error {
	set := newFlagSet("outbox show", s,
		"Shows events in full, with the body that would be sent now. An event is given by its\n"+
			"row (the first column of the list) or its webhook id.",
		"  autowebinar outbox show 4711\n"+
			"  autowebinar outbox show --json bf5e09eb-94f1-5986-8021-33d9866cd0b8")
	asJSON := set.Bool("json", false, "print one JSON object per line")
	refs, err := parseArgs(set, args)
	if err != nil {
		return err
	}
	filters, err := parseEventRefs(set, refs)
	if err != nil {
		return err
	}
	env, err := openAdminEnv(s, environ)
	if err != nil {
		return err
	}
	defer env.close()
	for i, filter := range filters {
		found := false
		for page, err := range env.outbox.Rows(ctx, filter) {
			if err != nil {
				return wrapCanceled(ctx, err)
			}
			for _, row := range page {
				found = true
				if err := env.showEvent(ctx, s.Out, row, *asJSON); err != nil {
					return err
				}
			}
		}
		if !found {
			return fmt.Errorf("event %s is not in the outbox: delivered, dropped or unknown", refs[i])
		}
	}
	return nil
}

// parseEventRefs returns a filter for each row or webhook id.
func parseEventRefs(set *flag.FlagSet, refs []string) ([]outbox.Filter, error) {
	if len(refs) == 0 {
		return nil, usageErrorf(set, "give at least one row or webhook id")
	}
	var filters []outbox.Filter
	for _, ref := range refs {
		if row, err := strconv.ParseUint(ref, 10, 64); err == nil && row > 0 {
			filters = append(filters, outbox.Filter{RowIDs: []uint64{row}})
		} else if id, err := uuid.Parse(ref); err == nil {
			filters = append(filters, outbox.Filter{EventID: id})
		} else {
			return nil, usageErrorf(set, "%q is neither a row nor a webhook id", ref)
		}
	}
	return filters, nil
}

// showEvent prints an event with its body.
func (env *adminEnv) showEvent(ctx context.Context, w io.Writer, row outbox.Row, asJSON bool) error {
	v := newEventView(row)
	v.Value = row.Value
	exists, err := env.store.Exists(ctx, row.User)
	if err != nil {
		return err
	}
	v.UserExists = &exists
	if row.Format == outbox.FormatOK {
		lead, err := env.outbox.LeadID(ctx, row.User)
		if err != nil {
			return err
		}
		body, err := webhook.Body(row.Message.Event, lead)
		switch {
		case errors.Is(err, webhook.ErrNoLead):
			v.BodyError = "the viewer has no lead id: the event is sent once there is one"
		case err != nil:
			v.BodyError = err.Error()
		}
		v.Body = body
	}
	if asJSON {
		return json.NewEncoder(w).Encode(v)
	}
	return v.print(w)
}

// eventView is the output for an outbox row.
type eventView struct {
	Row          uint64            `json:"row"`
	User         webinar.UserID    `json:"user_id"`
	UserExists   *bool             `json:"user_exists,omitempty"`
	Status       outbox.Status     `json:"status"`
	Format       outbox.Format     `json:"format"`
	Type         webinar.EventType `json:"type,omitempty"`
	WebhookID    string            `json:"webhook_id,omitempty"`
	OccurredAt   *time.Time        `json:"occurred_at,omitempty"`
	Webinar      webinar.ID        `json:"webinar_id,omitempty"`
	Session      webinar.SessionID `json:"session_id,omitempty"`
	Attempts     int               `json:"attempts"`
	FirstAttempt *time.Time        `json:"first_attempt_at,omitempty"`
	NextAttempt  *time.Time        `json:"next_attempt_at,omitempty"`
	Body         json.RawMessage   `json:"body,omitempty"`
	BodyError    string            `json:"body_error,omitempty"`
	Value        string            `json:"value,omitempty"`
}

// newEventView returns the view of a row. It has the stored value only if the row
// cannot be decoded.
func newEventView(row outbox.Row) eventView {
	v := eventView{Row: row.RowID, User: row.User, Status: row.Status, Format: row.Format}
	if row.Format != outbox.FormatOK {
		v.Value = row.Value
		return v
	}
	m := row.Message
	v.Type, v.WebhookID, v.OccurredAt = m.Event.Type, m.Event.ID.String(), timePtr(m.Event.At)
	v.Webinar, v.Session = m.Event.Webinar, m.Event.Session
	v.Attempts, v.FirstAttempt, v.NextAttempt = m.Attempts, timePtr(m.FirstAttempt), timePtr(m.NextAttempt)
	return v
}

func timePtr(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func formatTime(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format(time.DateTime)
}

func (v eventView) print(w io.Writer) error {
	deleted := ""
	if v.UserExists != nil && !*v.UserExists {
		deleted = " (not in the users table: the event is discarded unless the user has a nickname)"
	}
	_, err := fmt.Fprintf(w, `row            %d
user           %d%s
status         %s
format         %s
type           %s
webhook id     %s
webinar        %s
session        %s
occurred       %s
attempts       %d
first attempt  %s
next attempt   %s
body           %s
stored value   %s

`, v.Row, v.User, deleted, v.Status, v.Format, cmp.Or(string(v.Type), "-"), cmp.Or(v.WebhookID, "-"), cmp.Or(string(v.Webinar), "-"),
		cmp.Or(text.StripControl(string(v.Session)), "-"), formatTime(v.OccurredAt), v.Attempts, formatTime(v.FirstAttempt), formatTime(v.NextAttempt),
		cmp.Or(string(v.Body), v.BodyError, "-"), text.StripControl(v.Value))
	return err
}
