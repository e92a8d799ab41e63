package outbox

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

// version is the first part of every outbox value. A row of another version is
// never sent and never dropped by this build.
const version = "1"

// partCount is the number of parts of a value: version, type, webhook id, time,
// webinar id, webinar type, session id, detail, slot id, attempts, first attempt,
// next attempt. Times are Unix seconds, 0 for none.
const partCount = 12

var (
	errCorrupt            = errors.New("outbox: corrupt value")
	errUnsupportedVersion = errors.New("outbox: value of an unsupported version")
)

// EventRow returns the row that queues an event. deferred says that older
// messages of the viewer are deferred, so that this one must queue behind them.
func EventRow(e webinar.Event, deferred bool) wpdb.Row {
	key := KeyDue
	if deferred {
		key = KeyDeferred
	}
	return wpdb.Row{User: e.User, Key: key, Value: encode(Message{Event: e})}
}

// EventID returns the webhook id of a queued event; ok is false for a row that
// cannot be decoded.
func EventID(r wpdb.Row) (id uuid.UUID, ok bool) {
	m, err := decode(r)
	return m.Event.ID, err == nil
}

// encode joins the parts with "|", each percent-encoded, so that the value is
// ASCII in a column of any character set.
func encode(m Message) string {
	e := m.Event
	parts := []string{
		version, string(e.Type), e.ID.String(), unixSeconds(e.At),
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

// decode is the inverse of encode. The error is errUnsupportedVersion or
// errCorrupt.
func decode(r wpdb.Row) (Message, error) {
	parts := strings.Split(r.Value, "|")
	if parts[0] != version {
		if _, err := strconv.ParseUint(parts[0], 10, 16); err == nil && len(parts) > 1 {
			return Message{}, errUnsupportedVersion
		}
		return Message{}, fmt.Errorf("%w: no version", errCorrupt)
	}
	if len(parts) != partCount {
		return Message{}, fmt.Errorf("%w: %d parts", errCorrupt, len(parts))
	}
	for i, part := range parts {
		plain, err := url.PathUnescape(part)
		if err != nil {
			return Message{}, fmt.Errorf("%w: part %d", errCorrupt, i)
		}
		parts[i] = plain
	}
	m := Message{RowID: r.ID, Deferred: r.Key == KeyDeferred, value: r.Value}
	if err := m.parse(r.User, parts); err != nil {
		return Message{}, fmt.Errorf("%w: %w", errCorrupt, err)
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
