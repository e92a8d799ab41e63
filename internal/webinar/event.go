package webinar

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// EventType is the name of an event in webhooks.
type EventType string

// The six types of events.
const (
	EventRegistered           EventType = "client_webinar_registered"
	EventEntered              EventType = "client_webinar_entered"
	EventLeft                 EventType = "client_webinar_left"
	EventCompleted            EventType = "client_webinar_completed"
	EventFormSubmitted        EventType = "client_webinar_form_submitted"
	EventAttendanceClassified EventType = "client_webinar_attendance_classified"
)

// Event is something that happened to one viewer. The fields in the second
// group are set only for the types named there.
type Event struct {
	ID          uuid.UUID // the webhook-id; see EventID
	Type        EventType
	User        UserID
	At          time.Time
	Webinar     ID
	WebinarType Type
	Session     SessionID // empty for registered

	LeaveReason LeaveReason     // left
	Attended    bool            // attendance_classified
	SlotID      string          // registered
	Source      string          // registered
	FormID      string          // form_submitted
	FormPayload json.RawMessage // form_submitted
}

// EventNamespace is the UUIDv5 namespace of event ids: UUIDv5 of the DNS
// namespace and the name "autowebinar.events".
var EventNamespace = uuid.NewSHA1(uuid.NameSpaceDNS, []byte("autowebinar.events"))

// EventID derives the id of an event from its type, its user and further parts,
// so that a repeat of the same event has the same id: UUIDv5(EventNamespace,
// "<type>|<user>|<part>|<part>…"). The parts are:
//
//	registered             webinar id, the registration's Unix seconds
//	entered, left,
//	completed              session id
//	attendance_classified  session id, "completed" or the evaluation id
//	form_submitted         form id, submission id
func EventID(t EventType, user UserID, parts ...string) uuid.UUID {
	name := string(t) + "|" + strconv.FormatUint(uint64(user), 10) + "|" + strings.Join(parts, "|")
	return uuid.NewSHA1(EventNamespace, []byte(name))
}

func newEvent(t EventType, user UserID, s *Session, at time.Time, parts ...string) Event {
	return Event{
		ID: EventID(t, user, parts...), Type: t, User: user, At: at,
		Webinar: s.Webinar, WebinarType: Auto, Session: s.ID,
	}
}
