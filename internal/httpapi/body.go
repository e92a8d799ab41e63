package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"autowebinar/internal/webinar"
)

// jsonBody is the JSON object of a request. Each method decodes one member and
// records a problem with it; err reports all of them. Unknown members are ignored,
// and null counts as absent.
type jsonBody struct {
	members  map[string]json.RawMessage
	missing  []string
	problems map[string]string // messages by member
}

func parseBody(content []byte) (*jsonBody, error) {
	b := &jsonBody{members: map[string]json.RawMessage{}, problems: map[string]string{}}
	content = bytes.TrimSpace(content)
	if len(content) == 0 {
		return b, nil
	}
	if !utf8.Valid(content) || content[0] != '{' {
		return nil, errInvalidJSON
	}
	if err := json.Unmarshal(content, &b.members); err != nil {
		return nil, errInvalidJSON.withCause(err)
	}
	return b, nil
}

func (b *jsonBody) err() error {
	switch {
	case len(b.missing) > 0:
		return missing(b.missing...)
	case len(b.problems) > 0:
		e := errInvalidParam
		e.params = b.problems
		return e
	}
	return nil
}

func (b *jsonBody) invalid(name, format string, args ...any) {
	b.problems[name] = name + " " + fmt.Sprintf(format, args...) + "."
}

// raw returns a member as it was sent, or nil if it is absent.
func (b *jsonBody) raw(name string) json.RawMessage {
	value := b.members[name]
	if string(value) == "null" {
		return nil
	}
	return value
}

func (b *jsonBody) require(names ...string) {
	for _, name := range names {
		if b.raw(name) == nil {
			b.missing = append(b.missing, name)
		}
	}
}

// decode decodes a member into a T. If the member is absent or has another type, ok
// is false. The parameter what describes T in the message to the client.
func decode[T any](b *jsonBody, name, what string) (value T, ok bool) {
	raw := b.raw(name)
	if raw == nil {
		return value, false
	}
	if err := json.Unmarshal(raw, &value); err != nil {
		b.invalid(name, "must be %s", what)
		return value, false
	}
	return value, true
}

func (b *jsonBody) string(name string) (value string, ok bool) {
	return decode[string](b, name, "a string")
}

const maxTextLength = 200

// text decodes 1 to 200 characters without control characters. It returns "" if
// the member is absent.
func (b *jsonBody) text(name string) string {
	value, ok := b.string(name)
	if !ok {
		return ""
	}
	if n := utf8.RuneCountInString(value); n == 0 || n > maxTextLength {
		b.invalid(name, "must have 1 to %d characters", maxTextLength)
		return ""
	}
	if strings.ContainsFunc(value, unicode.IsControl) {
		b.invalid(name, "must not contain control characters")
		return ""
	}
	return value
}

func (b *jsonBody) webinarID(name string) webinar.ID {
	value, ok := b.string(name)
	if !ok {
		return ""
	}
	if !webinar.IDPattern.MatchString(value) {
		b.invalid(name, "must match %s", webinar.IDPattern)
		return ""
	}
	return webinar.ID(value)
}

// oneOf decodes one of the options. The first is the default.
func (b *jsonBody) oneOf(name string, options ...string) string {
	switch value, ok := b.string(name); {
	case !ok:
	case slices.Contains(options, value):
		return value
	default:
		b.invalid(name, "must be one of %q", options)
	}
	return options[0]
}

// seconds decodes a position or duration, rounded down, or nil if it is absent.
func (b *jsonBody) seconds(name string) *int64 {
	raw := b.raw(name)
	if raw == nil {
		return nil
	}
	value, err := strconv.ParseFloat(string(raw), 64)
	switch {
	case errors.Is(err, strconv.ErrSyntax):
		b.invalid(name, "must be a number")
		return nil
	case value < 0 || value > webinar.MaxSeconds:
		b.invalid(name, "must be between 0 and %d", webinar.MaxSeconds)
		return nil
	}
	floored := int64(math.Floor(value))
	return &floored
}

func (b *jsonBody) flag(name string) bool {
	value, _ := decode[bool](b, name, "true or false")
	return value
}

// uuid decodes a UUID in its usual form. If it is absent, uuid returns a new
// UUIDv7, so that repeats of the command within the request have the same time.
func (b *jsonBody) uuid(name string) uuid.UUID {
	value, ok := b.string(name)
	if !ok {
		return uuid.Must(uuid.NewV7())
	}
	id, err := uuid.Parse(value)
	if err != nil || len(value) != 36 {
		b.invalid(name, "must be a UUID")
	}
	return id
}

// object returns a JSON object as it was sent, without white space.
func (b *jsonBody) object(name string) json.RawMessage {
	raw := b.raw(name)
	if raw == nil {
		return nil
	}
	if raw[0] != '{' {
		b.invalid(name, "must be an object")
		return nil
	}
	var compact bytes.Buffer
	_ = json.Compact(&compact, raw) // valid, because parseBody decoded it
	return compact.Bytes()
}

const maxUsers = 1000

// users decodes a list of 1 to 1000 user ids and removes duplicates.
func (b *jsonBody) users(name string) []webinar.UserID {
	all, ok := decode[[]webinar.UserID](b, name, "a list of user ids")
	if !ok {
		return nil
	}
	if len(all) == 0 || len(all) > maxUsers {
		b.invalid(name, "must have 1 to %d user ids", maxUsers)
		return nil
	}
	seen := map[webinar.UserID]bool{}
	unique := all[:0]
	for _, user := range all {
		if user == 0 {
			b.invalid(name, "must be a list of user ids")
		}
		if !seen[user] {
			seen[user] = true
			unique = append(unique, user)
		}
	}
	return unique
}

// sessionRef decodes the members that name a session.
func (b *jsonBody) sessionRef() webinar.SessionRef {
	if b.raw("session_id") == nil && b.raw("webinar_id") == nil {
		b.missing = append(b.missing, "session_id", "webinar_id")
	}
	return webinar.SessionRef{Session: webinar.SessionID(b.text("session_id")), Webinar: b.webinarID("webinar_id")}
}

// report decodes a player's report, or nil if there is no position.
func (b *jsonBody) report() *webinar.Report {
	position := b.seconds("position_sec")
	report := webinar.Report{Ended: b.flag("ended"), Seeked: b.flag("seeked")}
	if duration := b.seconds("duration_sec"); duration != nil {
		report.Duration = *duration
	}
	if position == nil {
		return nil
	}
	report.Position = *position
	return &report
}
