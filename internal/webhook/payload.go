package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"autowebinar/internal/webinar"
)

// Reasons for which a body cannot be made.
var (
	ErrNoLead       = errors.New("webhook: no lead id is known")
	ErrUnknownEvent = errors.New("webhook: not a canonical event")
)

// envelope is the body of a webhook: what happened, when, to whom.
type envelope struct {
	Type      webinar.EventType `json:"type"`
	Timestamp timestamp         `json:"timestamp"`
	Data      any               `json:"data"`
}

// The six payloads. Fields and their order are the contract's.
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
	left struct {
		LeadID      string              `json:"lead_id"`
		WebinarID   webinar.ID          `json:"webinar_id"`
		WebinarType webinar.Type        `json:"webinar_type"`
		SessionID   webinar.SessionID   `json:"session_id"`
		LeftAt      timestamp           `json:"left_at"`
		LeaveReason webinar.LeaveReason `json:"leave_reason"`
	}
	completed struct {
		LeadID      string            `json:"lead_id"`
		WebinarID   webinar.ID        `json:"webinar_id"`
		WebinarType webinar.Type      `json:"webinar_type"`
		SessionID   webinar.SessionID `json:"session_id"`
		CompletedAt timestamp         `json:"completed_at"`
	}
	formSubmitted struct {
		LeadID      string            `json:"lead_id"`
		WebinarID   webinar.ID        `json:"webinar_id"`
		WebinarType webinar.Type      `json:"webinar_type"`
		SessionID   webinar.SessionID `json:"session_id"`
		SubmittedAt timestamp         `json:"submitted_at"`
		FormID      string            `json:"form_id"`
		FormPayload json.RawMessage   `json:"form_payload"`
	}
	attendanceClassified struct {
		LeadID    string     `json:"lead_id"`
		WebinarID webinar.ID `json:"webinar_id"`
		Attended  bool       `json:"attended"`
		Timestamp timestamp  `json:"timestamp"`
	}
)

// Body is the JSON body of an event: the same event and lead id give the same
// bytes. It fails with ErrNoLead when leadID is empty and the contract wants
// one (all events but entered), and with ErrUnknownEvent.
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

func payload(e webinar.Event, lead string) (any, error) {
	at := timestamp(e.At)
	switch e.Type {
	case webinar.EventRegistered:
		p := registered{LeadID: lead, WebinarID: e.Webinar, WebinarType: e.WebinarType, RegisteredAt: at, Source: e.Source}
		if e.WebinarType == webinar.Live {
			p.SlotID = e.SlotID
		}
		return p, nil
	case webinar.EventEntered:
		return entered{lead, e.Webinar, at}, nil
	case webinar.EventLeft:
		return left{lead, e.Webinar, e.WebinarType, e.Session, at, e.LeaveReason}, nil
	case webinar.EventCompleted:
		return completed{lead, e.Webinar, e.WebinarType, e.Session, at}, nil
	case webinar.EventFormSubmitted:
		return formSubmitted{lead, e.Webinar, e.WebinarType, e.Session, at, e.FormID, e.FormPayload}, nil
	case webinar.EventAttendanceClassified:
		return attendanceClassified{lead, e.Webinar, e.Attended, at}, nil
	}
	return nil, fmt.Errorf("%w: %q", ErrUnknownEvent, e.Type)
}

// stamp is a time as the wire has it: RFC 3339, UTC, whole seconds.
type timestamp time.Time

// MarshalJSON writes "2026-11-21T10:00:00Z".
func (s timestamp) MarshalJSON() ([]byte, error) {
	return []byte(`"` + time.Time(s).UTC().Format("2006-01-02T15:04:05Z") + `"`), nil
}
