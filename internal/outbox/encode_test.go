package outbox

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

// storedTypes are the events that the outbox stores: all but the form.
var storedTypes = []webinar.EventType{
	webinar.EventRegistered, webinar.EventEntered, webinar.EventLeft,
	webinar.EventCompleted, webinar.EventAttendanceClassified,
}

// These values are stored by released builds: another format needs another version.
func TestGoldenValues(t *testing.T) {
	t.Parallel()
	event := func(typ webinar.EventType, change func(e *webinar.Event)) webinar.Event {
		e := webinar.Event{
			ID: uuid.MustParse("0d9e564d-44fb-5984-b189-ef7b99668366"), Type: typ, User: 7, At: time.Unix(1767323045, 0).UTC(),
			Webinar: "intro", WebinarType: webinar.Auto, Session: "s1",
		}
		change(&e)
		return e
	}
	for want, m := range map[string]Message{
		"1|client_webinar_registered|0d9e564d-44fb-5984-b189-ef7b99668366|1767323045|intro|live||%D1%81%D0%B0%D0%B9%D1%82%2F50%25%7C%20a|%E2%98%85|0|0|0": {
			Event: event(webinar.EventRegistered, func(e *webinar.Event) {
				e.WebinarType, e.Session, e.Source, e.SlotID = webinar.Live, "", "сайт/50%| a", "★"
			}),
		},
		"1|client_webinar_entered|0d9e564d-44fb-5984-b189-ef7b99668366|1767323045|intro|auto|s1|||0|0|0": {
			Event: event(webinar.EventEntered, func(*webinar.Event) {}),
		},
		"1|client_webinar_left|0d9e564d-44fb-5984-b189-ef7b99668366|1767323045|intro|auto|s1|network_loss||2|1767323050|1767323080": {
			Event:    event(webinar.EventLeft, func(e *webinar.Event) { e.LeaveReason = webinar.NetworkLoss }),
			Attempts: 2, FirstAttempt: time.Unix(1767323050, 0).UTC(), NextAttempt: time.Unix(1767323080, 0).UTC(),
		},
		"1|client_webinar_completed|0d9e564d-44fb-5984-b189-ef7b99668366|1767323045|intro|auto|s1|||0|0|0": {
			Event: event(webinar.EventCompleted, func(*webinar.Event) {}),
		},
		"1|client_webinar_attendance_classified|0d9e564d-44fb-5984-b189-ef7b99668366|1767323045|intro|auto|s1|true||0|0|0": {
			Event: event(webinar.EventAttendanceClassified, func(e *webinar.Event) { e.Attended = true }),
		},
	} {
		assert.Equal(t, want, encode(m))
		got, err := decode(wpdb.Row{ID: 9, User: 7, Key: KeyDue, Value: want})
		require.NoError(t, err, want)
		m.RowID, m.value = 9, want
		assert.Equal(t, m, got)
	}
}

func TestDecodeReversesEncode(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := drawMessage(t)
		m.RowID, m.Deferred = 9, true
		m.value = encode(m)
		for _, b := range []byte(m.value) {
			require.True(t, b > ' ' && b < 0x7f, "%q is plain ASCII without spaces", m.value)
		}
		got, err := decode(wpdb.Row{ID: 9, User: m.Event.User, Key: KeyDeferred, Value: m.value})
		require.NoError(t, err)
		require.Equal(t, m, got)
	})
}

func drawMessage(t *rapid.T) Message {
	text := rapid.OneOf(
		rapid.String(),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.SampledFrom([]string{"", "|", "%", "%7C", "a+b", "страница/ç★", "a\nb"}),
	)
	e := webinar.Event{
		ID:   uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")),
		Type: rapid.SampledFrom(storedTypes).Draw(t, "type"), User: webinar.UserID(rapid.Uint64().Draw(t, "user")),
		At: drawTime(t, 1), Webinar: webinar.ID(rapid.StringMatching(webinar.IDPattern.String()).Draw(t, "webinar")),
		WebinarType: rapid.SampledFrom([]webinar.Type{webinar.Auto, webinar.Live}).Draw(t, "webinar type"),
		Session:     webinar.SessionID(text.Draw(t, "session")), // PHP may have made any
	}
	switch e.Type {
	case webinar.EventRegistered:
		e.Source, e.SlotID = text.Draw(t, "source"), text.Draw(t, "slot")
	case webinar.EventLeft:
		e.LeaveReason = rapid.SampledFrom([]webinar.LeaveReason{webinar.UserExit, webinar.SessionEnd, webinar.NetworkLoss}).Draw(t, "reason")
	case webinar.EventAttendanceClassified:
		e.Attended = rapid.Bool().Draw(t, "attended")
	}
	return Message{
		Event: e, Attempts: rapid.IntRange(0, 1<<30).Draw(t, "attempts"),
		FirstAttempt: drawTime(t, 0), NextAttempt: drawTime(t, 0),
	}
}

func drawTime(t *rapid.T, least int64) time.Time {
	seconds := rapid.Int64Range(least, 1<<38).Draw(t, "seconds")
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

func TestDecodeErrors(t *testing.T) {
	t.Parallel()
	good := encode(Message{Event: webinar.Event{
		ID: webinar.EventID(webinar.EventLeft, 7, "s1"), Type: webinar.EventLeft, At: time.Unix(1767323045, 0), Webinar: "a", Session: "s1",
	}})
	part := func(i int, value string) string {
		parts := strings.Split(good, "|")
		parts[i] = value
		return strings.Join(parts, "|")
	}
	for value, want := range map[string]error{
		part(0, "2"):                             errUnsupportedVersion,
		part(0, "0"):                             errUnsupportedVersion,
		"2|whatever comes":                       errUnsupportedVersion,
		"65535|%zz":                              errUnsupportedVersion,
		"":                                       errCorrupt,
		"2":                                      errCorrupt, // a number without any part
		"1":                                      errCorrupt,
		"|":                                      errCorrupt,
		"hello":                                  errCorrupt,
		"-1|x":                                   errCorrupt,
		"65536|x":                                errCorrupt,
		`a:1:{s:1:"v";i:1;}`:                     errCorrupt,
		good + "|":                               errCorrupt,
		good[:len(good)-2]:                       errCorrupt, // cut short
		part(1, "client_webinar_form_submitted"): errCorrupt, // never stored
		part(1, "client_webinar_progress"):       errCorrupt,
		part(2, "not-a-uuid"):                    errCorrupt,
		part(3, "0"):                             errCorrupt,
		part(3, "yesterday"):                     errCorrupt,
		part(5, "%"):                             errCorrupt,
		part(9, "-1"):                            errCorrupt,
		part(9, "99999999999999999999"):          errCorrupt,
		part(10, "-5"):                           errCorrupt,
		part(11, "9223372036854775807"):          errCorrupt,
		part(1, "client_webinar_attendance_classified"): errCorrupt, // attended is a reason
	} {
		_, err := decode(wpdb.Row{Value: value})
		assert.ErrorIs(t, err, want, "%q", value)
		assert.Equal(t, want == errUnsupportedVersion, errors.Is(err, errUnsupportedVersion), "%q is one or the other", value)
	}
}

func FuzzDecode(f *testing.F) {
	seed := Message{Event: webinar.Event{ID: uuid.Max, Type: webinar.EventRegistered, At: time.Unix(1, 0), Webinar: "a", Source: "ü|%", SlotID: " "}}
	f.Add(uint64(1), encode(seed))
	for _, typ := range storedTypes {
		f.Add(uint64(7), encode(Message{Event: webinar.Event{ID: uuid.Max, Type: typ, At: time.Unix(1767323045, 0), Session: "s"}, Attempts: 3}))
	}
	f.Add(uint64(7), "1|client_webinar_attendance_classified|{ffffffffffffffffffffffffffffffff}|+1|||%00|T|%2b|+0|00|0")
	f.Add(uint64(0), "2|")
	f.Add(uint64(0), "")
	f.Fuzz(func(t *testing.T, user uint64, value string) {
		m, err := decode(wpdb.Row{ID: 1, User: webinar.UserID(user), Key: KeyDue, Value: value})
		if err != nil {
			assert.Zero(t, m)
			return
		}
		assert.Equal(t, value, m.value)
		again, err := decode(wpdb.Row{ID: 1, User: webinar.UserID(user), Key: KeyDue, Value: encode(m)})
		require.NoError(t, err, "%q", value)
		m.value, again.value = "", ""
		assert.Equal(t, m, again)
	})
}
