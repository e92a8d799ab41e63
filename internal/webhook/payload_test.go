package webhook_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

const (
	eventsDir = "../../api/events"
	session   = webinar.SessionID("019a6a0e-9f00-7c3e-8d5b-3f2a1c4b5d6e")
)

func at(clock string) time.Time {
	t, err := time.Parse(time.DateTime, "2026-11-21 "+clock)
	if err != nil {
		panic(err)
	}
	// Neither the zone nor the fraction may affect a body.
	return t.In(time.FixedZone("MSK", 3*3600)).Add(999 * time.Millisecond)
}

// examples returns the events of the files *.example.json.
func examples() []webinar.Event {
	return []webinar.Event{
		{Type: webinar.EventRegistered, At: at("10:00:00"), Webinar: "intro", WebinarType: webinar.Live, SlotID: "2026-11-24-evening", Source: "landing-page"},
		{Type: webinar.EventEntered, At: at("10:00:00"), Webinar: "intro", WebinarType: webinar.Auto, Session: session},
		{Type: webinar.EventLeft, At: at("10:40:00"), Webinar: "intro", WebinarType: webinar.Auto, Session: session, LeaveReason: webinar.UserExit},
		{Type: webinar.EventCompleted, At: at("11:00:00"), Webinar: "intro", WebinarType: webinar.Auto, Session: session},
		{Type: webinar.EventFormSubmitted, At: at("11:02:00"), Webinar: "intro", WebinarType: webinar.Auto, Session: session, FormID: "feedback",
			FormPayload: json.RawMessage(`{"rating": 5, "comment": "Clear & <short>", "topics": ["pricing", "support"]}`)},
		{Type: webinar.EventAttendanceClassified, At: at("11:00:00"), Webinar: "intro", WebinarType: webinar.Auto, Session: session, Attended: true},
	}
}

func TestBodiesEqualTheExamples(t *testing.T) {
	t.Parallel()
	for _, e := range examples() {
		t.Run(string(e.Type), func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(filepath.Join(eventsDir, string(e.Type)+".example.json"))
			require.NoError(t, err)
			body, err := webhook.Body(e, "lead-1042")
			require.NoError(t, err)

			var compact bytes.Buffer
			require.NoError(t, json.Compact(&compact, want))
			assert.Equal(t, compact.String(), string(body), "fields and their order")
			assertValid(t, e.Type, want)
			assertValid(t, e.Type, body)

			again, err := webhook.Body(e, "lead-1042")
			require.NoError(t, err)
			assert.Equal(t, body, again)
		})
	}
}

func TestEveryEventHasSchemaAndExample(t *testing.T) {
	t.Parallel()
	var want []string
	for _, e := range examples() {
		want = append(want, string(e.Type)+".example.json", string(e.Type)+".schema.json")
	}
	slices.Sort(want)
	files, err := filepath.Glob(filepath.Join(eventsDir, "*.json"))
	require.NoError(t, err)
	for i := range files {
		files[i] = filepath.Base(files[i])
	}
	assert.Equal(t, want, files)
}

func TestSchemasHaveExactlyTheFieldsOfTheContract(t *testing.T) {
	t.Parallel()
	for name, want := range map[webinar.EventType][2][]string{ // all, optional
		webinar.EventRegistered:           {{"lead_id", "webinar_id", "webinar_type", "slot_id", "registered_at", "source"}, {"slot_id"}},
		webinar.EventEntered:              {{"lead_id", "webinar_id", "timestamp"}, {"lead_id"}},
		webinar.EventLeft:                 {{"lead_id", "webinar_id", "webinar_type", "session_id", "left_at", "leave_reason"}, nil},
		webinar.EventCompleted:            {{"lead_id", "webinar_id", "webinar_type", "session_id", "completed_at"}, nil},
		webinar.EventFormSubmitted:        {{"lead_id", "webinar_id", "webinar_type", "session_id", "submitted_at", "form_id", "form_payload"}, nil},
		webinar.EventAttendanceClassified: {{"lead_id", "webinar_id", "attended", "timestamp"}, nil},
	} {
		text, err := os.ReadFile(filepath.Join(eventsDir, string(name)+".schema.json"))
		require.NoError(t, err)
		var schema struct {
			Properties struct {
				Data struct {
					Properties map[string]any
					Required   []string
				}
			}
		}
		require.NoError(t, json.Unmarshal(text, &schema))
		var all []string
		for field := range schema.Properties.Data.Properties {
			all = append(all, field)
		}
		assert.ElementsMatch(t, want[0], all, name)
		assert.ElementsMatch(t, want[0], append(schema.Properties.Data.Required, want[1]...), name)
	}
}

func TestSchemasRejectInvalidBodies(t *testing.T) {
	t.Parallel()
	for _, e := range examples() {
		body, err := webhook.Body(e, "lead-1042")
		require.NoError(t, err)
		for name, invalidate := range map[string]func(body, data map[string]any){
			"extra field":           func(_, data map[string]any) { data["progress"] = 50 },
			"missing field":         func(_, data map[string]any) { delete(data, "webinar_id") },
			"unknown type":          func(body, _ map[string]any) { body["type"] = "client_webinar_paused" },
			"local time":            func(body, _ map[string]any) { body["timestamp"] = "2026-11-21T10:00:00+03:00" },
			"extra top-level field": func(body, _ map[string]any) { body["user"] = 1 },
		} {
			var invalid map[string]any
			require.NoError(t, json.Unmarshal(body, &invalid))
			invalidate(invalid, invalid["data"].(map[string]any))
			assert.Error(t, schemaOf(t, e.Type).Validate(invalid), "%s: %s", e.Type, name)
		}
	}
}

func TestOptionalFieldsAreOmitted(t *testing.T) {
	t.Parallel()
	registered := examples()[0]
	registered.SlotID = ""
	assertBody(t, registered, "7", `{"type":"client_webinar_registered","timestamp":"2026-11-21T10:00:00Z","data":{"lead_id":"7","webinar_id":"intro","webinar_type":"live","registered_at":"2026-11-21T10:00:00Z","source":"landing-page"}}`)
	registered.WebinarType, registered.SlotID = webinar.Auto, "x"
	assertBody(t, registered, "7", `{"type":"client_webinar_registered","timestamp":"2026-11-21T10:00:00Z","data":{"lead_id":"7","webinar_id":"intro","webinar_type":"auto","registered_at":"2026-11-21T10:00:00Z","source":"landing-page"}}`)
	assertBody(t, examples()[1], "", `{"type":"client_webinar_entered","timestamp":"2026-11-21T10:00:00Z","data":{"webinar_id":"intro","timestamp":"2026-11-21T10:00:00Z"}}`)
	classified := examples()[5]
	classified.Attended = false
	assertBody(t, classified, "7", `{"type":"client_webinar_attendance_classified","timestamp":"2026-11-21T11:00:00Z","data":{"lead_id":"7","webinar_id":"intro","attended":false,"timestamp":"2026-11-21T11:00:00Z"}}`)
}

func assertBody(t *testing.T, e webinar.Event, leadID, want string) {
	t.Helper()
	body, err := webhook.Body(e, leadID)
	require.NoError(t, err)
	assert.Equal(t, want, string(body))
	assertValid(t, e.Type, body)
}

func TestBodyErrors(t *testing.T) {
	t.Parallel()
	for _, e := range examples() {
		if e.Type != webinar.EventEntered {
			_, err := webhook.Body(e, "")
			assert.ErrorIs(t, err, webhook.ErrNoLead, e.Type)
		}
	}
	_, err := webhook.Body(webinar.Event{Type: "client_webinar_paused"}, "")
	assert.ErrorIs(t, err, webhook.ErrUnknownEvent)
	form := examples()[4]
	form.FormPayload = json.RawMessage(`{"half":`)
	_, err = webhook.Body(form, "7")
	assert.Error(t, err)
}

func assertValid(t *testing.T, name webinar.EventType, body []byte) {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	require.NoError(t, err)
	assert.NoError(t, schemaOf(t, name).Validate(value))
}

func schemaOf(t *testing.T, name webinar.EventType) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join(eventsDir, string(name)+".schema.json"))
	require.NoError(t, err)
	return schema
}
