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
	"autowebinar/internal/servicetest"
)

// viewerRows returns the AutoWebinar rows of a viewer. Times become "time".
func viewerRows(t testing.TB, db *mariadbtest.DB, v servicetest.Viewer) map[string]string {
	t.Helper()
	found := map[string]string{}
	for key, values := range db.Meta(t, v.ID) {
		short, ours := strings.CutPrefix(key, "autowebinar_")
		if !ours {
			continue
		}
		if !strings.HasPrefix(short, "outbox") {
			require.Len(t, values, 1, key)
		}
		found[short] = values[0]
		if _, err := time.Parse("2006-01-02 15:04:05", values[0]); err == nil {
			found[short] = "time"
		}
	}
	return found
}

// reportPositions plays from one position to another and reports every ten seconds.
func reportPositions(t testing.TB, db *mariadbtest.DB, s *servicetest.Service, v servicetest.Viewer, session string, from, to int) servicetest.Response {
	t.Helper()
	var last servicetest.Response
	for position := from; position <= to; position += 10 {
		servicetest.AgeSession(t, db, v, 10*time.Second)
		last = v.Must(t, s, 200, "/progress", `{"session_id":"`+session+`","position_sec":`+strconv.Itoa(position)+`}`)
		require.NotContains(t, last.Body, "clamped")
	}
	return last
}

func TestTwoViewersWatchTwoWebinars(t *testing.T) {
	t.Parallel()
	db, receiver := mariadbtest.New(t), servicetest.NewReceiver(t)
	anna, boris := servicetest.NewViewer(t, db, 1), servicetest.NewViewer(t, db, 2)
	before := db.Checksum(t)
	s := servicetest.Start(t, servicetest.Settings(db.DSN, receiver.URL)).Ready(t)

	// Anna registers, watches half of the short webinar, leaves and resumes.
	anna.Must(t, s, 201, "/register", `{"webinar_id":"pro","source":"landing page"}`)
	anna.Must(t, s, 200, "/register", `{"webinar_id":"pro","source":"again"}`)
	entered := anna.Must(t, s, 201, "/enter", `{"webinar_id":"pro"}`)
	session := entered.Body["session_id"].(string)
	assert.Equal(t, map[string]string{
		"registered@pro": "time", "session_id": session, "webinar_id": "pro", "started_at": "time", "last_seen_at": "time",
	}, withoutOutbox(viewerRows(t, db, anna)))
	reportPositions(t, db, s, anna, session, 0, 300)
	servicetest.AgeSession(t, db, anna, 2*time.Second)
	left := anna.Must(t, s, 200, "/exit", `{"session_id":"`+session+`","position_sec":302}`)
	assert.EqualValues(t, 50, left.Body["progress_percent"])
	resumed := anna.Must(t, s, 200, "/resume", `{}`)
	assert.EqualValues(t, 302, resumed.Body["resume_position_sec"])
	assert.Equal(t, session, resumed.Body["session_id"])

	// She opens the long webinar, which gets another session.
	other := anna.Must(t, s, 201, "/enter", `{"webinar_id":"intro"}`)
	otherSession := other.Body["session_id"].(string)
	assert.NotEqual(t, session, otherSession)
	reportPositions(t, db, s, anna, otherSession, 0, 30)

	// Then she returns to the short webinar and watches it to the end.
	back := anna.Must(t, s, 200, "/enter", `{"webinar_id":"pro"}`)
	assert.EqualValues(t, 302, back.Body["resume_position_sec"])
	end := reportPositions(t, db, s, anna, session, 310, 600)
	assert.Equal(t, true, end.Body["completed"])
	assert.EqualValues(t, 100, end.Body["progress_percent"])
	anna.Must(t, s, 200, "/cta", `{"session_id":"`+session+`"}`)
	anna.Must(t, s, 200, "/exit", `{"session_id":"`+session+`","leave_reason":"session_end"}`)

	// Boris watches only the beginning and tries to skip.
	borisSession := boris.Must(t, s, 201, "/enter", `{"webinar_id":"intro"}`).Body["session_id"].(string)
	skipped := boris.Must(t, s, 200, "/progress", `{"session_id":"`+borisSession+`","position_sec":3600
,"ended":true,"seeked":true}`)
	assert.Equal(t, true, skipped.Body["clamped"])
	assert.Equal(t, false, skipped.Body["completed"])
	boris.Must(t, s, 200, "/exit", `{"webinar_id":"intro","leave_reason":"network_loss"}`)

	receiver.WaitFor(t, "1", "registered", "entered", "left", "entered", "completed", "attendance_classified")
	receiver.WaitFor(t, "2", "entered", "left")
	requirePayloads(t, receiver, session)

	require.Eventually(t, func() bool { return len(withoutOutbox(viewerRows(t, db, anna))) == len(viewerRows(t, db, anna)) }, time.Minute, 10*time.Millisecond, "the outbox is empty")
	assert.Equal(t, map[string]string{
		"session_id": session, "webinar_id": "pro", "started_at": "time", "last_position_sec": "600", "furthest_sec": "600",
		"progress_percent": "100", "completed": "1", "cta_clicked_at": "time", "last_seen_at": "time", "left_at": "time",
		"registered@pro":   "time",
		"session_id@intro": otherSession, "webinar_id@intro": "intro", "started_at@intro": "time", "last_seen_at@intro": "time",
		"last_position_sec@intro": "30", "furthest_sec@intro": "30",
	}, viewerRows(t, db, anna))

	s.Stop(t)
	assert.Equal(t, before, db.Checksum(t), "nothing outside the namespace has changed")
}

func withoutOutbox(rows map[string]string) map[string]string {
	rest := maps.Clone(rows)
	maps.DeleteFunc(rest, func(key, _ string) bool { return strings.HasPrefix(key, "outbox") })
	return rest
}

// requirePayloads checks that every event has exactly the documented fields.
func requirePayloads(t testing.TB, receiver *servicetest.Receiver, session string) {
	t.Helper()
	fields := map[string][]string{
		"registered":            {"lead_id", "registered_at", "source", "webinar_id", "webinar_type"},
		"entered":               {"lead_id", "timestamp", "webinar_id"},
		"left":                  {"lead_id", "leave_reason", "left_at", "session_id", "webinar_id", "webinar_type"},
		"completed":             {"completed_at", "lead_id", "session_id", "webinar_id", "webinar_type"},
		"attendance_classified": {"attended", "lead_id", "timestamp", "webinar_id"},
	}
	for eventType, names := range fields {
		found := receiver.Find("1", eventType)
		require.NotEmpty(t, found, eventType)
		assert.Equal(t, names, slices.Sorted(maps.Keys(found[0].Data)), eventType)
		assert.Equal(t, "lead-1", found[0].Data["lead_id"], eventType)
	}
	assert.Equal(t, "landing page", receiver.Find("1", "registered")[0].Data["source"])
	assert.Equal(t, "user_exit", receiver.Find("1", "left")[0].Data["leave_reason"])
	assert.Equal(t, session, receiver.Find("1", "left")[0].Data["session_id"])
	assert.Equal(t, true, receiver.Find("1", "attendance_classified")[0].Data["attended"])
	assert.Equal(t, "network_loss", receiver.Find("2", "left")[0].Data["leave_reason"])
}
