package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"autowebinar/internal/webinar"
)

// fields is the JSON object of a request. Its methods take one member each and
// gather what is wrong; err tells it all at once. Unknown members are ignored,
// null counts as left out.
type jsonBody struct {
	members  map[string]json.RawMessage
	missing  []string
	problems map[string]string
}

func parseFields(content []byte) (*jsonBody, error) {
	f := &jsonBody{members: map[string]json.RawMessage{}, problems: map[string]string{}}
	content = bytes.TrimSpace(content)
	if len(content) == 0 {
		return f, nil
	}
	if !utf8.Valid(content) || content[0] != '{' {
		return nil, errInvalidJSON
	}
	if err := json.Unmarshal(content, &f.members); err != nil {
		return nil, errInvalidJSON.withCause(err)
	}
	return f, nil
}

func (f *jsonBody) err() error {
	switch {
	case len(f.missing) > 0:
		return missing(f.missing...)
	case len(f.problems) > 0:
		p := errInvalidParam
		p.params = f.problems
		return p
	}
	return nil
}

func (f *jsonBody) invalid(name, format string, args ...any) {
	f.problems[name] = name + " " + fmt.Sprintf(format, args...) + "."
}

// take returns the raw member, or nil if it was left out.
func (f *jsonBody) raw(name string) json.RawMessage {
	value := f.members[name]
	if string(value) == "null" {
		return nil
	}
	return value
}

func (f *jsonBody) require(names ...string) {
	for _, name := range names {
		if f.raw(name) == nil {
			f.missing = append(f.missing, name)
		}
	}
}

func (f *jsonBody) string(name string) (value string, ok bool) {
	raw := f.raw(name)
	if raw == nil {
		return "", false
	}
	if err := json.Unmarshal(raw, &value); err != nil {
		f.invalid(name, "must be a string")
		return "", false
	}
	return value, true
}

const maxText = 200

// text is 1 to 200 characters, none of them a control character; "" if left out.
func (f *jsonBody) text(name string) string {
	value, ok := f.string(name)
	if !ok {
		return ""
	}
	if n := utf8.RuneCountInString(value); n == 0 || n > maxText {
		f.invalid(name, "must have 1 to %d characters", maxText)
		return ""
	}
	for _, r := range value {
		if unicode.IsControl(r) {
			f.invalid(name, "must not contain control characters")
			return ""
		}
	}
	return value
}

func (f *jsonBody) webinarID(name string) webinar.ID {
	value, ok := f.string(name)
	if !ok {
		return ""
	}
	if !webinar.IDPattern.MatchString(value) {
		f.invalid(name, "must match %s", webinar.IDPattern)
		return ""
	}
	return webinar.ID(value)
}

// oneOf is one of the options, the first of which stands for left out.
func (f *jsonBody) oneOf(name string, options ...string) string {
	value, ok := f.string(name)
	if !ok {
		return options[0]
	}
	for _, option := range options {
		if value == option {
			return value
		}
	}
	f.invalid(name, "must be one of %q", options)
	return options[0]
}

// seconds is a position or duration, fractions floored; nil if left out.
func (f *jsonBody) seconds(name string) *int64 {
	raw := f.raw(name)
	if raw == nil {
		return nil
	}
	var number json.Number
	if raw[0] == '"' || json.Unmarshal(raw, &number) != nil {
		f.invalid(name, "must be a number")
		return nil
	}
	value, err := strconv.ParseFloat(number.String(), 64)
	if err != nil || value < 0 || value > webinar.MaxSeconds {
		f.invalid(name, "must be between 0 and %d", webinar.MaxSeconds)
		return nil
	}
	floored := int64(math.Floor(value))
	return &floored
}

func (f *jsonBody) flag(name string) bool {
	raw := f.raw(name)
	if raw == nil {
		return false
	}
	var value bool
	if json.Unmarshal(raw, &value) != nil {
		f.invalid(name, "must be true or false")
	}
	return value
}

// uuid is a UUID in the usual form; a new one, which holds the time, if left out.
func (f *jsonBody) uuid(name string) uuid.UUID {
	value, ok := f.string(name)
	if !ok {
		return uuid.Must(uuid.NewV7())
	}
	id, err := uuid.Parse(value)
	if err != nil || len(value) != 36 {
		f.invalid(name, "must be a UUID")
	}
	return id
}

// object is a JSON object as it was sent, without the white space.
func (f *jsonBody) object(name string) json.RawMessage {
	raw := f.raw(name)
	if raw == nil {
		return nil
	}
	if raw[0] != '{' {
		f.invalid(name, "must be an object")
		return nil
	}
	var compact bytes.Buffer
	_ = json.Compact(&compact, raw) // it was parsed already
	return compact.Bytes()
}

const maxUsers = 1000

// users is a list of 1 to 1000 user ids, each once.
func (f *jsonBody) users(name string) []webinar.UserID {
	raw := f.raw(name)
	if raw == nil {
		return nil
	}
	var all []webinar.UserID
	if err := json.Unmarshal(raw, &all); err != nil {
		f.invalid(name, "must be a list of user ids")
		return nil
	}
	if len(all) == 0 || len(all) > maxUsers {
		f.invalid(name, "must have 1 to %d user ids", maxUsers)
		return nil
	}
	seen := map[webinar.UserID]bool{}
	once := all[:0]
	for _, user := range all {
		if user == 0 {
			f.invalid(name, "must be a list of user ids")
		}
		if !seen[user] {
			seen[user] = true
			once = append(once, user)
		}
	}
	return once
}

// which names the session a report is about.
func (f *jsonBody) sessionRef() webinar.SessionRef {
	if f.raw("session_id") == nil && f.raw("webinar_id") == nil {
		f.missing = append(f.missing, "session_id", "webinar_id")
	}
	return webinar.SessionRef{Session: webinar.SessionID(f.text("session_id")), Webinar: f.webinarID("webinar_id")}
}

// report is a player's report; nil if there is no position.
func (f *jsonBody) report() *webinar.Report {
	position := f.seconds("position_sec")
	report := webinar.Report{Ended: f.flag("ended"), Seeked: f.flag("seeked")}
	if duration := f.seconds("duration_sec"); duration != nil {
		report.Duration = *duration
	}
	if position == nil {
		return nil
	}
	report.Position = *position
	return &report
}
