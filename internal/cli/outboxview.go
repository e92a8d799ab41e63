package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"autowebinar/internal/outbox"
	"autowebinar/internal/webinar"
)

// entryView is an outbox row as it is printed.
type entryView struct {
	Row          uint64            `json:"row"`
	User         webinar.UserID    `json:"user_id"`
	UserExists   *bool             `json:"user_exists,omitempty"`
	Place        outbox.Status     `json:"place"`
	Reading      outbox.Format     `json:"reading"`
	Type         webinar.EventType `json:"type,omitempty"`
	WebhookID    string            `json:"webhook_id,omitempty"`
	Happened     *time.Time        `json:"happened,omitempty"`
	Webinar      webinar.ID        `json:"webinar_id,omitempty"`
	Session      webinar.SessionID `json:"session_id,omitempty"`
	Attempts     int               `json:"attempts"`
	FirstAttempt *time.Time        `json:"first_attempt,omitempty"`
	NextAttempt  *time.Time        `json:"next_attempt,omitempty"`
	Body         json.RawMessage   `json:"body,omitempty"`
	Unsendable   string            `json:"unsendable,omitempty"`
	Value        string            `json:"value,omitempty"`
}

func viewEntry(e outbox.Row) entryView {
	v := entryView{Row: e.RowID, User: e.User, Place: e.Status, Reading: e.Format}
	if e.Format != outbox.FormatOK {
		v.Value = e.Value
		return v
	}
	m := e.Message
	v.Type, v.WebhookID, v.Happened = m.Event.Type, m.Event.ID.String(), moment(m.Event.At)
	v.Webinar, v.Session = m.Event.Webinar, m.Event.Session
	v.Attempts, v.FirstAttempt, v.NextAttempt = m.Attempts, moment(m.FirstAttempt), moment(m.NextAttempt)
	return v
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func shown(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format(time.DateTime)
}

func (v entryView) print(w io.Writer) error {
	exists := ""
	if v.UserExists != nil && !*v.UserExists {
		exists = " (WordPress has no such user: unless the nickname is still there, the event will be withdrawn)"
	}
	_, err := fmt.Fprintf(w, `row            %d
user           %d%s
place          %s
reading        %s
type           %s
webhook id     %s
webinar        %s
session        %s
happened       %s
attempts       %d
first attempt  %s
next attempt   %s
body           %s%s
stored value   %s

`, v.Row, v.User, exists, v.Place, v.Reading, orDash(string(v.Type)), orDash(v.WebhookID), orDash(string(v.Webinar)),
		orDash(stripControl(string(v.Session))), shown(v.Happened), v.Attempts, shown(v.FirstAttempt), shown(v.NextAttempt),
		v.Body, v.Unsendable, stripControl(v.Value))
	return err
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
