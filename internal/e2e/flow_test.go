package e2e

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
)

// rows are a viewer's own rows; times are replaced by "time".
func rows(t testing.TB, db *mariadbtest.DB, v viewer) map[string]string {
	t.Helper()
	own := map[string]string{}
	for key, values := range db.Meta(t, v.id) {
		short, ours := strings.CutPrefix(key, "autowebinar_")
		if !ours {
			continue
		}
		if !strings.HasPrefix(short, "outbox") {
			require.Len(t, values, 1, key)
		}
		own[short] = values[0]
		if _, err := time.Parse("2006-01-02 15:04:05", values[0]); err == nil {
			own[short] = "time"
		}
	}
	return own
}

// watch reports every ten seconds of playing from one position to another.
func watch(t testing.TB, db *mariadbtest.DB, s *service, v viewer, session string, from, to int) answer {
	t.Helper()
	var last answer
	for position := from; position <= to; position += 10 {
		passes(t, db, v, 10*time.Second)
		last = v.must(t, s, 200, "/progress", `{"session_id":"`+session+`","position_sec":`+strconv.Itoa(position)+`}`)
		require.NotContains(t, last.body, "clamped")
	}
	return last
}

func TestTwoViewersWatchTwoWebinars(t *testing.T) {
	t.Parallel()
	db, sink := mariadbtest.New(t), newSink(t)
	anna, boris := newViewer(t, db, 1), newViewer(t, db, 2)
	before := db.Checksum(t)
	s := start(t, settings(db, db.DSN, sink.URL)).ready(t)

	// Anna registers, watches half of the short webinar, leaves and comes back.
	anna.must(t, s, 201, "/register", `{"webinar_id":"pro","source":"landing page"}`)
	anna.must(t, s, 200, "/register", `{"webinar_id":"pro","source":"again"}`)
	entered := anna.must(t, s, 201, "/enter", `{"webinar_id":"pro"}`)
	session := entered.body["session_id"].(string)
	assert.Equal(t, map[string]string{
		"registered@pro": "time", "session_id": session, "webinar_id": "pro", "started_at": "time", "last_seen_at": "time",
	}, withoutOutbox(rows(t, db, anna)))
	watch(t, db, s, anna, session, 0, 300)
	passes(t, db, anna, 2*time.Second)
	left := anna.must(t, s, 200, "/exit", `{"session_id":"`+session+`","position_sec":302}`)
	assert.EqualValues(t, 50, left.body["progress_percent"])
	resumed := anna.must(t, s, 200, "/resume", `{}`)
	assert.EqualValues(t, 302, resumed.body["resume_position_sec"])
	assert.Equal(t, session, resumed.body["session_id"])

	// In between she looks into the long one, whose session is another.
	other := anna.must(t, s, 201, "/enter", `{"webinar_id":"intro"}`)
	otherSession := other.body["session_id"].(string)
	assert.NotEqual(t, session, otherSession)
	watch(t, db, s, anna, otherSession, 0, 30)

	// Then she goes back and watches to the end.
	back := anna.must(t, s, 200, "/enter", `{"webinar_id":"pro"}`)
	assert.EqualValues(t, 302, back.body["resume_position_sec"])
	end := watch(t, db, s, anna, session, 310, 600)
	assert.Equal(t, true, end.body["completed"])
	assert.EqualValues(t, 100, end.body["progress_percent"])
	anna.must(t, s, 200, "/cta", `{"session_id":"`+session+`"}`)
	anna.must(t, s, 200, "/exit", `{"session_id":"`+session+`","leave_reason":"session_end"}`)

	// Boris watches only the beginning, and tries to skip.
	his := boris.must(t, s, 201, "/enter", `{"webinar_id":"intro"}`).body["session_id"].(string)
	skipped := boris.must(t, s, 200, "/progress", `{"session_id":"`+his+`","position_sec":3600,"ended":true,"seeked":true}`)
	assert.Equal(t, true, skipped.body["clamped"])
	assert.Equal(t, false, skipped.body["completed"])
	boris.must(t, s, 200, "/exit", `{"webinar_id":"intro","leave_reason":"network_loss"}`)

	sink.waits(t, "1", "registered", "entered", "left", "entered", "completed", "attendance_classified")
	sink.waits(t, "2", "entered", "left")
	requirePayloads(t, sink, session)

	require.Eventually(t, func() bool { return len(withoutOutbox(rows(t, db, anna))) == len(rows(t, db, anna)) }, 10*time.Second, 10*time.Millisecond, "the outbox is empty")
	assert.Equal(t, map[string]string{
		"session_id": session, "webinar_id": "pro", "started_at": "time", "last_position_sec": "600", "furthest_sec": "600",
		"progress_percent": "100", "completed": "1", "cta_clicked_at": "time", "last_seen_at": "time", "left_at": "time",
		"registered@pro":   "time",
		"session_id@intro": otherSession, "webinar_id@intro": "intro", "started_at@intro": "time", "last_seen_at@intro": "time",
		"last_position_sec@intro": "30", "furthest_sec@intro": "30",
	}, rows(t, db, anna))

	s.stop(t)
	assert.Equal(t, before, db.Checksum(t), "nothing outside the namespace has changed")
	requireNoSecrets(t, s, anna, boris)
}

func withoutOutbox(rows map[string]string) map[string]string {
	own := maps.Clone(rows)
	maps.DeleteFunc(own, func(key, _ string) bool { return strings.HasPrefix(key, "outbox") })
	return own
}

// requirePayloads checks that every event carries the contract's fields, no
// more and no less.
func requirePayloads(t testing.TB, sink *sink, session string) {
	t.Helper()
	fields := map[string][]string{
		"registered":            {"lead_id", "registered_at", "source", "webinar_id", "webinar_type"},
		"entered":               {"lead_id", "timestamp", "webinar_id"},
		"left":                  {"lead_id", "leave_reason", "left_at", "session_id", "webinar_id", "webinar_type"},
		"completed":             {"completed_at", "lead_id", "session_id", "webinar_id", "webinar_type"},
		"attendance_classified": {"attended", "lead_id", "timestamp", "webinar_id"},
	}
	for eventType, names := range fields {
		found := sink.find("1", eventType)
		require.NotEmpty(t, found, eventType)
		assert.Equal(t, names, slices.Sorted(maps.Keys(found[0].Data)), eventType)
		assert.Equal(t, "lead-1", found[0].Data["lead_id"], eventType)
	}
	assert.Equal(t, "landing page", sink.find("1", "registered")[0].Data["source"])
	assert.Equal(t, "user_exit", sink.find("1", "left")[0].Data["leave_reason"])
	assert.Equal(t, session, sink.find("1", "left")[0].Data["session_id"])
	assert.Equal(t, true, sink.find("1", "attendance_classified")[0].Data["attended"])
	assert.Equal(t, "network_loss", sink.find("2", "left")[0].Data["leave_reason"])
}

// requireNoSecrets scans an instance's log for everything that was secret.
func requireNoSecrets(t testing.TB, s *service, viewers ...viewer) {
	t.Helper()
	secrets := []string{webhookSecret, strings.TrimPrefix(webhookSecret, "whsec_"), serviceKey, sessionToken}
	for _, salt := range salts {
		secrets = append(secrets, salt)
	}
	for _, v := range viewers {
		secrets = append(secrets, v.nonce, v.cookie)
	}
	for _, secret := range secrets {
		assert.NotContains(t, s.log.String(), secret)
	}
}
