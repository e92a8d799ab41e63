package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRepeatedRegistrationEmitsOneEvent(t *testing.T) {
	t.Parallel()
	for name, call := range callers(anna()) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			body := `{"webinar_id":"intro","source":"` + canary + `/осень ☂"}`
			first := call(t, s, "POST", "/register", body)
			require.Equal(t, 201, first.status, string(first.raw))
			assert.Len(t, first.json, 2)
			assert.Equal(t, "intro", first.json["webinar_id"])
			at, err := time.Parse(time.RFC3339, first.json["registered_at"].(string))
			require.NoError(t, err)
			assert.WithinDuration(t, time.Now(), at, time.Minute)

			s.age(t, anna(), time.Hour) // the key of the registration ends in @intro and does not change
			again := call(t, s, "POST", "/register", body)
			assert.Equal(t, 200, again.status)
			assert.Equal(t, first.json, again.json)
			assert.Equal(t, []string{"registered"}, eventTypes(s.outbox(t, anna())))
		})
	}
}

func TestRegistrationForLiveWebinar(t *testing.T) {
	t.Parallel()
	s := setup(t)
	res := s.call(t, "POST", "/register", `{"webinar_id":"q-and-a","webinar_type":"live","slot_id":"2026-12-01","source":"mail"}`, page(anna()))
	require.Equal(t, 201, res.status, "live webinars are not listed")
	stored := strings.Split(s.db.Meta(t, 7)["autowebinar_outbox"][0], "|")
	assert.Contains(t, stored, "live")
	assert.Contains(t, strings.Join(stored, "|"), "2026-12-01")

	res = s.call(t, "POST", "/register", `{"webinar_id":"q-and-b","webinar_type":"live","source":"mail"}`, page(anna()))
	assert.Equal(t, 201, res.status, "the slot is optional")
	res = s.call(t, "POST", "/register", `{"webinar_id":"pro","webinar_type":null,"slot_id":null,"source":"mail"}`, page(anna()))
	assert.Equal(t, 201, res.status, "null counts as absent")
}
