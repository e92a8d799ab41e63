package usermeta

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/webinar"
)

// messageVersion is the first part of every outbox value. A row of another
// version is never sent and never dropped by this build.
const messageVersion = "1"

// messageParts is how many parts a value of this version has: version, type,
// webhook id, time, webinar id, webinar type, session id, detail, slot id,
// attempts, first attempt, next attempt. Times are Unix seconds, 0 for none.
const messageParts = 12

var (
	errDamagedMessage = errors.New("usermeta: damaged outbox value")
	errUnknownVersion = errors.New("usermeta: outbox value of an unknown version")
)

// encodeMessage joins the parts with "|", each percent-encoded, so the value is
// plain ASCII in a column of any character set.
func encodeMessage(m Message) string {
	e := m.Event
	parts := []string{
		messageVersion, string(e.Type), e.ID.String(), unixSeconds(e.At),
		string(e.Webinar), string(e.WebinarType), string(e.Session), detail(e), e.SlotID,
		strconv.Itoa(m.Attempts), unixSeconds(m.FirstAttempt), unixSeconds(m.NextAttempt),
	}
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "|")
}

func detail(e webinar.Event) string {
	switch e.Type {
	case webinar.EventLeft:
		return string(e.LeaveReason)
	case webinar.EventAttendanceClassified:
		return strconv.FormatBool(e.Attended)
	case webinar.EventRegistered:
		return e.Source
	}
	return ""
}

// decodeMessage is the inverse of encodeMessage. The error is errUnknownVersion
// or errDamagedMessage.
func decodeMessage(r row) (Message, error) {
	parts := strings.Split(r.Value, "|")
	if parts[0] != messageVersion {
		if _, err := strconv.ParseUint(parts[0], 10, 16); err == nil && len(parts) > 1 {
			return Message{}, errUnknownVersion
		}
		return Message{}, fmt.Errorf("%w: no version", errDamagedMessage)
	}
	if len(parts) != messageParts {
		return Message{}, fmt.Errorf("%w: %d parts", errDamagedMessage, len(parts))
	}
	for i, part := range parts {
		plain, err := url.PathUnescape(part)
		if err != nil {
			return Message{}, fmt.Errorf("%w: part %d", errDamagedMessage, i)
		}
		parts[i] = plain
	}
	m := Message{RowID: r.ID, Deferred: r.Key == keyOutboxDeferred, value: r.Value}
	if err := m.parse(r.User, parts); err != nil {
		return Message{}, fmt.Errorf("%w: %w", errDamagedMessage, err)
	}
	return m, nil
}

func (m *Message) parse(user webinar.UserID, parts []string) (err error) {
	e := webinar.Event{
		User: user, Type: webinar.EventType(parts[1]), Webinar: webinar.ID(parts[4]),
		WebinarType: webinar.Type(parts[5]), Session: webinar.SessionID(parts[6]), SlotID: parts[8],
	}
	switch e.Type {
	case webinar.EventLeft:
		e.LeaveReason = webinar.LeaveReason(parts[7])
	case webinar.EventAttendanceClassified:
		if e.Attended, err = strconv.ParseBool(parts[7]); err != nil {
			return err
		}
	case webinar.EventRegistered:
		e.Source = parts[7]
	case webinar.EventEntered, webinar.EventCompleted:
	default:
		return fmt.Errorf("type %q", parts[1])
	}
	if e.ID, err = uuid.Parse(parts[2]); err != nil {
		return err
	}
	if m.Attempts, err = strconv.Atoi(parts[9]); err != nil || m.Attempts < 0 {
		return fmt.Errorf("attempts %q", parts[9])
	}
	for _, field := range []struct {
		to    *time.Time
		value string
	}{{&e.At, parts[3]}, {&m.FirstAttempt, parts[10]}, {&m.NextAttempt, parts[11]}} {
		if *field.to, err = parseUnix(field.value); err != nil {
			return err
		}
	}
	if e.At.IsZero() {
		return errors.New("no time")
	}
	m.Event = e
	return nil
}

func unixSeconds(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.Unix(), 10)
}

func parseUnix(value string) (time.Time, error) {
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil || seconds < 0 || seconds > 1<<38 {
		return time.Time{}, fmt.Errorf("time %q", value)
	}
	if seconds == 0 {
		return time.Time{}, nil
	}
	return time.Unix(seconds, 0).UTC(), nil
}
