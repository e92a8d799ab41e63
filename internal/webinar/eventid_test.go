package webinar_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"autowebinar/internal/webinar"
)

// Receivers may compute the same event ids, so these vectors are documented.
const (
	namespaceVector = "9db196ba-8e8a-5c8f-bb6b-58d9c30e2d8e" // UUIDv5(DNS, "autowebinar.events")

	sessionVector    = "019b76da-a800-7000-8000-000000000001"
	evaluationVector = "6f1c2a7e-0d5b-4c3e-9a64-2f8f5d0c7b11"
	submissionVector = "0b9d7c52-6a1f-4e0d-8f2b-7f4f3f1d9e20"
)

func TestEventIDVectors(t *testing.T) {
	t.Parallel()
	require.Equal(t, namespaceVector, webinar.EventNamespace.String())
	tests := []struct {
		event webinar.EventType
		user  webinar.UserID
		parts []string
		name  string // what is hashed
		id    string
	}{
		{
			webinar.EventRegistered, 42, []string{"intro", "1767225600"},
			"client_webinar_registered|42|intro|1767225600",
			"4ca90424-0d50-5a5e-99e3-cb61bb65aa61",
		}, {
			webinar.EventRegistered, 42, []string{"intro", "1767225601"},
			"client_webinar_registered|42|intro|1767225601",
			"2740788e-75e2-58ce-89d5-4430ed833659",
		}, {
			webinar.EventEntered, 42, []string{sessionVector},
			"client_webinar_entered|42|019b76da-a800-7000-8000-000000000001",
			"bf5e09eb-94f1-5986-8021-33d9866cd0b8",
		}, {
			webinar.EventLeft, 42, []string{sessionVector},
			"client_webinar_left|42|019b76da-a800-7000-8000-000000000001",
			"ab14c814-bd4e-5145-9c4a-475014b5e5f4",
		}, {
			webinar.EventCompleted, 42, []string{sessionVector},
			"client_webinar_completed|42|019b76da-a800-7000-8000-000000000001",
			"1ba091a9-c51f-5090-b11c-7e23c0778691",
		}, {
			webinar.EventAttendanceClassified, 42, []string{sessionVector, "completed"},
			"client_webinar_attendance_classified|42|019b76da-a800-7000-8000-000000000001|completed",
			"8b4159ce-ab8f-5aaa-a681-5c3d45eabd27",
		}, {
			webinar.EventAttendanceClassified, 42, []string{sessionVector, evaluationVector},
			"client_webinar_attendance_classified|42|019b76da-a800-7000-8000-000000000001|6f1c2a7e-0d5b-4c3e-9a64-2f8f5d0c7b11",
			"5af6b78b-9bf9-52f6-81fe-c31194ca4ac4",
		}, {
			webinar.EventFormSubmitted, 42, []string{"feedback", submissionVector},
			"client_webinar_form_submitted|42|feedback|0b9d7c52-6a1f-4e0d-8f2b-7f4f3f1d9e20",
			"d1f3c8e9-7525-5b87-a9f7-bec25cfe9683",
		}, { // text is hashed as UTF-8
			webinar.EventFormSubmitted, 42, []string{"анкета", submissionVector},
			"client_webinar_form_submitted|42|анкета|0b9d7c52-6a1f-4e0d-8f2b-7f4f3f1d9e20",
			"08b72ef6-e918-58f7-9d38-24a72021c9f0",
		}, { // a session id created by PHP is hashed unchanged, "|" included
			webinar.EventEntered, 7, []string{"сессия|1"},
			"client_webinar_entered|7|сессия|1",
			"e07388b6-18a0-5319-90bc-c0fdbb2943b0",
		}, { // user ids are unsigned 64-bit decimals
			webinar.EventEntered, 18446744073709551615, []string{sessionVector},
			"client_webinar_entered|18446744073709551615|019b76da-a800-7000-8000-000000000001",
			"d419c864-47b8-5ad9-940c-f551e4a77ac0",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := webinar.EventID(tt.event, tt.user, tt.parts...)
			assert.Equal(t, tt.id, got.String())
			assert.Equal(t, got, uuid.NewSHA1(uuid.MustParse(namespaceVector), []byte(tt.name)))
			assert.Equal(t, uuid.Version(5), got.Version())
			t.Logf("%s  %s", got, tt.name)
		})
	}
}

// Session and form ids may contain "|", but the part that follows them is a
// fixed word or a UUID, which cannot. Different events therefore never share an
// id.
func TestEventIDsAreUnique(t *testing.T) {
	t.Parallel()
	type event struct {
		kind  webinar.EventType
		user  webinar.UserID
		parts string
	}
	text := rapid.SampledFrom([]string{"a", "a|", "|a", "a|completed", "completed", "a|" + evaluationVector, "|", "1", "1|1"})
	last := rapid.SampledFrom([]string{"completed", evaluationVector, submissionVector})
	rapid.Check(t, func(t *rapid.T) {
		seen := map[uuid.UUID]event{}
		for range 20 {
			kind := rapid.SampledFrom([]webinar.EventType{
				webinar.EventEntered, webinar.EventLeft, webinar.EventCompleted,
				webinar.EventAttendanceClassified, webinar.EventFormSubmitted,
			}).Draw(t, "kind")
			parts := []string{text.Draw(t, "text")}
			if kind == webinar.EventAttendanceClassified || kind == webinar.EventFormSubmitted {
				parts = append(parts, last.Draw(t, "last"))
			}
			e := event{kind, webinar.UserID(rapid.Uint64Range(1, 12).Draw(t, "user")), strings.Join(parts, "\x00")}
			id := webinar.EventID(e.kind, e.user, parts...)
			if other, ok := seen[id]; ok && other != e {
				t.Fatalf("%v and %v share %s", other, e, id)
			}
			seen[id] = e
		}
	})
}
