package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"autowebinar/internal/failpoint"
	"autowebinar/internal/webinar"
)

// Errors of Body.
var (
	ErrNoLead       = errors.New("webhook: no lead id known")
	ErrUnknownEvent = errors.New("webhook: not a canonical event")
)

// envelope is the body of a webhook.
type envelope struct {
	Type      webinar.EventType `json:"type"`
	Timestamp timestamp         `json:"timestamp"`
	Data      any               `json:"data"`
}

// The payloads of the six canonical events, three of which are about a session. The
// contract defines their fields and the order of these.
type (
	registered struct {
		LeadID       string       `json:"lead_id"`
		WebinarID    webinar.ID   `json:"webinar_id"`
		WebinarType  webinar.Type `json:"webinar_type"`
		SlotID       string       `json:"slot_id,omitempty"`
		RegisteredAt timestamp    `json:"registered_at"`
		Source       string       `json:"source"`
	}
	entered struct {
		LeadID    string     `json:"lead_id,omitempty"`
		WebinarID webinar.ID `json:"webinar_id"`
		Timestamp timestamp  `json:"timestamp"`
	}
	session struct {
		LeadID      string            `json:"lead_id"`
		WebinarID   webinar.ID        `json:"webinar_id"`
		WebinarType webinar.Type      `json:"webinar_type"`
		SessionID   webinar.SessionID `json:"session_id"`
	}
	left struct {
		session
		LeftAt      timestamp           `json:"left_at"`
		LeaveReason webinar.LeaveReason `json:"leave_reason"`
	}
	completed struct {
		session
		CompletedAt timestamp `json:"completed_at"`
	}
	formSubmitted struct {
		session
		SubmittedAt timestamp       `json:"submitted_at"`
		FormID      string          `json:"form_id"`
		FormPayload json.RawMessage `json:"form_payload"`
	}
	attendanceClassified struct {
		LeadID    string     `json:"lead_id"`
		WebinarID webinar.ID `json:"webinar_id"`
		Attended  bool       `json:"attended"`
		Timestamp timestamp  `json:"timestamp"`
	}
)

// Body returns the JSON body of an event. The same event and lead id give the
// same bytes. It returns ErrNoLead if leadID is empty and the event requires one
// (all events except entered), and ErrUnknownEvent for other event types.
func Body(e webinar.Event, leadID string) ([]byte, error) {
	data, err := payload(e, leadID)
	if err != nil {
		return nil, err
	}
	if leadID == "" && e.Type != webinar.EventEntered {
		return nil, ErrNoLead
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(envelope{Type: e.Type, Timestamp: timestamp(e.At), Data: data}); err != nil {
		return nil, fmt.Errorf("webhook: body of %s: %w", e.Type, err)
	}
	return bytes.TrimSuffix(body.Bytes(), []byte("\n")), nil
}

func payload(e webinar.Event, leadID string) (any, error) {
	at := timestamp(e.At)
	if failpoint.Enabled(failpoint.AttemptTime) {
		at = timestamp(time.Now())
	}
	of := session{leadID, e.Webinar, e.WebinarType, e.Session}
	switch e.Type {
	case webinar.EventRegistered:
		p := registered{LeadID: leadID, WebinarID: e.Webinar, WebinarType: e.WebinarType, RegisteredAt: at, Source: e.Source}
		if e.WebinarType == webinar.Live {
			p.SlotID = e.SlotID
		}
		return p, nil
	case webinar.EventEntered:
		return entered{leadID, e.Webinar, at}, nil
	case webinar.EventLeft:
		return left{of, at, e.LeaveReason}, nil
	case webinar.EventCompleted:
		return completed{of, at}, nil
	case webinar.EventFormSubmitted:
		return formSubmitted{of, at, e.FormID, e.FormPayload}, nil
	case webinar.EventAttendanceClassified:
		return attendanceClassified{leadID, e.Webinar, e.Attended, at}, nil
	}
	return nil, fmt.Errorf("%w: %q", ErrUnknownEvent, e.Type)
}

// timestamp is a time that is encoded as RFC 3339 in UTC with whole seconds.
type timestamp time.Time

// MarshalJSON encodes the time like "2026-11-21T10:00:00Z".
func (t timestamp) MarshalJSON() ([]byte, error) {
	return []byte(`"` + time.Time(t).UTC().Format("2006-01-02T15:04:05Z") + `"`), nil
}
