package webinar

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// EventType is the canonical name of an event.
type EventType string

// The six canonical events; nothing else is ever emitted.
const (
	EventRegistered           EventType = "client_webinar_registered"
	EventEntered              EventType = "client_webinar_entered"
	EventLeft                 EventType = "client_webinar_left"
	EventCompleted            EventType = "client_webinar_completed"
	EventFormSubmitted        EventType = "client_webinar_form_submitted"
	EventAttendanceClassified EventType = "client_webinar_attendance_classified"
)

// Event is a fact about one viewer. Which of the detail fields are set depends
// on Type: LeaveReason for left, Attended for attendance_classified, SlotID and
// Source for registered, FormID and FormPayload for form_submitted.
type Event struct {
	ID          uuid.UUID // the webhook-id: the same for every repeat of the same fact
	Type        EventType
	User        UserID
	At          time.Time
	Webinar     ID
	WebinarType Type
	Session     SessionID // empty for registered

	LeaveReason LeaveReason
	Attended    bool
	SlotID      string
	Source      string
	FormID      string
	FormPayload json.RawMessage
}

// EventNamespace is the UUIDv5 namespace of event ids: UUIDv5 of the DNS
// namespace and the name "autowebinar.events".
var EventNamespace = uuid.NewSHA1(uuid.NameSpaceDNS, []byte("autowebinar.events"))

// EventID is UUIDv5(EventNamespace, "<type>|<user>|<part>|<part>…"). The parts:
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
