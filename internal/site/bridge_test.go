package site

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/servicetest"
)

// testAllEvents checks that each of the six events fires its action.
func testAllEvents(t *testing.T, s *site) {
	boris, vera := s.addUser(t, "boris"), s.addUser(t, "vera")
	b, v := newClient(t, s, "boris"), newClient(t, s, "vera")

	b.must(t, 201, "/register", `{"webinar_id":"intro","source":"landing <page> \\ \"é\""}`)
	session := b.must(t, 201, "/enter", `{"webinar_id":"intro"}`).Body["session_id"]
	b.must(t, 200, "/exit", `{"webinar_id":"intro","position_sec":1,"leave_reason":"network_loss"}`)
	s.serviceRequest(t, 200, "/attendance", fmt.Sprintf(`{"user_ids":[%d],"webinar_id":"intro"}`, boris))
	// Vera watches to the end.
	v.must(t, 201, "/enter", `{"webinar_id":"pro"}`)
	s.ageSession(t, vera)
	v.must(t, 200, "/progress", `{"webinar_id":"pro","position_sec":600}`)
	v.mustEventually(t, 200, "/form", `{"webinar_id":"pro","form_id":"survey","form_payload":{"liked":true,"why":"Ясно"},"submission_id":"5f0c4b9e-3a39-4c3b-a3a3-0d6f6a1f6a01"}`)

	actions := s.expectActions(t, boris, "client_webinar_registered", "client_webinar_entered", "client_webinar_left", "client_webinar_attendance_classified")
	assert.Equal(t, `landing <page> \ "é"`, actions[0].Payload["source"])
	assert.Equal(t, map[string]any{
		"lead_id": fmt.Sprint(boris), "webinar_id": "intro", "webinar_type": "auto", "session_id": session,
		"left_at": actions[2].Payload["left_at"], "leave_reason": "network_loss",
	}, actions[2].Payload)
	assert.Equal(t, actions[2].Payload["left_at"], actions[2].Meta["timestamp"])
	assert.Equal(t, false, actions[3].Payload["attended"])

	// The form is delivered within her request, independently of the other events.
	var order, forms []action
	for _, n := range s.waitForActions(t, vera, 4) {
		if n.Action == "client_webinar_form_submitted" {
			forms = append(forms, n)
		} else {
			order = append(order, n)
		}
	}
	require.Len(t, forms, 1)
	assert.Equal(t, map[string]any{"liked": true, "why": "Ясно"}, forms[0].Payload["form_payload"])
	require.Len(t, order, 3)
	assert.Equal(t, "client_webinar_attendance_classified", order[2].Action)
	assert.Equal(t, true, order[2].Payload["attended"])

	// The site's listener of the attendance event has routed both viewers.
	assert.Equal(t, []string{"not_attended"}, s.routingResults(t, boris))
	assert.Equal(t, []string{"attended"}, s.routingResults(t, vera))
	assert.Equal(t, order[2].Meta["id"], s.meta(t, vera, "autowebinar_bridge_last_id"))
}

// ageSession moves a viewer's last report into the past.
func (s *site) ageSession(t testing.TB, user uint64) {
	t.Helper()
	s.exec(t, "UPDATE "+s.usermeta+" SET meta_value = '2026-01-01 00:00:00' WHERE user_id = ? AND meta_key = 'autowebinar_last_seen_at'", user)
}

// routingResults returns how the site's listener has routed a user.
func (s *site) routingResults(t testing.TB, user uint64) (statuses []string) {
	t.Helper()
	for _, n := range s.recordedActions(t) {
		if n.Action == "post_webinar_route" && n.Payload["lead_id"] == fmt.Sprint(user) {
			statuses = append(statuses, n.Meta["status"].(string))
		}
	}
	return statuses
}

// webhook is a request to the bridge.
type webhook struct {
	id, user, secret, body string
	at                     time.Time
}

// enteredWebhook returns a valid webhook.
func enteredWebhook(user uint64) webhook {
	return webhook{
		id: uuid.NewString(), user: fmt.Sprint(user), secret: servicetest.WebhookSecret, at: time.Now(),
		body: fmt.Sprintf(`{"type":"client_webinar_entered","timestamp":"2026-11-21T10:00:00Z","data":{"lead_id":"%d","webinar_id":"intro","timestamp":"2026-11-21T10:00:00Z"}}`, user),
	}
}

func (hook webhook) header(t testing.TB) http.Header {
	t.Helper()
	signer, err := standardwebhooks.NewWebhook(hook.secret)
	require.NoError(t, err)
	signature, err := signer.Sign(hook.id, hook.at, []byte(hook.body))
	require.NoError(t, err)
	return http.Header{
		"Webhook-Id": {hook.id}, "Webhook-Timestamp": {fmt.Sprint(hook.at.Unix())}, "Webhook-Signature": {signature}, "Autowebinar-User": {hook.user},
	}
}

// insertOutboxRow inserts a row like that of an event in delivery. The service
// does not deliver rows with this key.
func (s *site) insertOutboxRow(t testing.TB, hook webhook) {
	t.Helper()
	s.exec(t, "INSERT INTO "+s.usermeta+" (user_id, meta_key, meta_value) VALUES (?, 'autowebinar_outbox_dead', ?)",
		hook.user, "1|client_webinar_entered|"+hook.id+"|1790000000|intro|auto|0bd5a0f6-93d5-4a0c-a6ad-4dd6b9e2b5a0|||0|0|0")
}

// deleteOutboxRow deletes the row, as the service does when an event was accepted.
func (s *site) deleteOutboxRow(t testing.TB, hook webhook) {
	t.Helper()
	s.exec(t, "DELETE FROM "+s.usermeta+" WHERE meta_key = 'autowebinar_outbox_dead' AND meta_value LIKE ?", "%|"+hook.id+"|%")
}

// post sends a webhook to the bridge.
func (s *site) post(t testing.TB, hook webhook) servicetest.Response {
	t.Helper()
	return sendRequest(t, http.DefaultClient, s.bridge(), hook.body, hook.header(t))
}

func testRejectedWebhooks(t *testing.T, s *site) {
	user := s.addUser(t, "rejected")
	const other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	for name, tt := range map[string]struct {
		change func(w *webhook)
		header func(h http.Header)
		status int
		code   string
	}{
		"another secret":          {func(w *webhook) { w.secret = other }, nil, 401, "autowebinar_forged"},
		"a body that was changed": {nil, func(h http.Header) { h.Set("Webhook-Id", uuid.NewString()) }, 401, "autowebinar_forged"},
		"no signature":            {nil, func(h http.Header) { h.Del("Webhook-Signature") }, 401, "autowebinar_forged"},
		"another version":         {nil, func(h http.Header) { h.Set("Webhook-Signature", "v1a"+h.Get("Webhook-Signature")[2:]) }, 401, "autowebinar_forged"},
		"no id":                   {nil, func(h http.Header) { h.Del("Webhook-Id") }, 401, "autowebinar_unsigned"},
		"no time":                 {nil, func(h http.Header) { h.Set("Webhook-Timestamp", "now") }, 401, "autowebinar_unsigned"},
		"six minutes old":         {func(w *webhook) { w.at = w.at.Add(-6 * time.Minute) }, nil, 401, "autowebinar_stale"},
		"of the future":           {func(w *webhook) { w.at = w.at.Add(6 * time.Minute) }, nil, 401, "autowebinar_stale"},
		"a seventh event":         {func(w *webhook) { w.body = `{"type":"client_webinar_paused","data":{}}` }, nil, 400, "autowebinar_unknown_event"},
		"another action":          {func(w *webhook) { w.body = `{"type":"init","data":{}}` }, nil, 400, "autowebinar_unknown_event"},
		"no JSON":                 {func(w *webhook) { w.body = `{"type":` }, nil, 400, ""},
		"no user":                 {func(w *webhook) { w.user = "0" }, nil, 400, "autowebinar_unknown_event"},
	} {
		hook := enteredWebhook(user)
		if tt.change != nil {
			tt.change(&hook)
		}
		header := hook.header(t)
		if tt.header != nil {
			tt.header(header)
		}
		res := sendRequest(t, http.DefaultClient, s.bridge(), hook.body, header)
		assert.Equal(t, tt.status, res.Status, "%s: %v", name, res.Body)
		if tt.code != "" {
			assert.Equal(t, tt.code, res.Body["code"], name)
		}
	}
	gone := s.post(t, enteredWebhook(999999))
	assert.Equal(t, 422, gone.Status, "not a failure of the receiver")
	assert.Equal(t, "autowebinar_unknown_user", gone.Body["code"])
	form := enteredWebhook(999999)
	form.body = strings.Replace(form.body, "client_webinar_entered", "client_webinar_form_submitted", 1)
	assert.Equal(t, 503, s.post(t, form).Status, "a form that is rejected with 422 would be lost")
	s.expectActions(t, user)

	// While the secret is being changed the sender signs with both.
	hook := enteredWebhook(user)
	s.insertOutboxRow(t, hook)
	header := hook.header(t)
	hook.secret = other
	header.Set("Webhook-Signature", hook.header(t).Get("Webhook-Signature")+" "+header.Get("Webhook-Signature"))
	assert.Equal(t, 200, sendRequest(t, http.DefaultClient, s.bridge(), hook.body, header).Status)
	s.expectActions(t, user, "client_webinar_entered")
}

// testFailingListener checks that an event is delivered again when a listener fails.
func testFailingListener(t *testing.T, s *site) {
	for name, how := range map[string]string{"throws": "throw", "exits": "exit"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			user := s.addUser(t, "fails-"+how)
			broken := filepath.Join(s.content(), fmt.Sprintf("broken-%d", user))
			require.NoError(t, os.WriteFile(broken, []byte(how), 0o600))
			hook := enteredWebhook(user)
			s.insertOutboxRow(t, hook)
			res := s.post(t, hook)
			assert.Equal(t, 500, res.Status)
			assert.NotContains(t, fmt.Sprint(res.Body), "does not work", "the reason is in the PHP log only")
			if how == "throw" {
				assert.Equal(t, "autowebinar_listener_failed", res.Body["code"])
			}
			c := newClient(t, s, "fails-"+how)
			c.must(t, 201, "/enter", `{"webinar_id":"intro"}`)
			c.must(t, 200, "/exit", `{"webinar_id":"intro"}`)
			require.Eventually(t, func() bool {
				var deferred int
				require.NoError(t, s.db.GetContext(t.Context(), &deferred, "SELECT COUNT(*) FROM "+s.usermeta+" WHERE user_id = ? AND meta_key = 'autowebinar_outbox_wait'", user))
				return deferred == 2
			}, waitTimeout, 50*time.Millisecond, "both events are deferred")

			require.NoError(t, os.Remove(broken))
			s.expectActions(t, user, "client_webinar_entered", "client_webinar_left")
		})
	}
}

// testUserDeletedDuringDelivery checks that the bridge leaves no row of a user that
// a listener deletes.
func testUserDeletedDuringDelivery(t *testing.T, s *site) {
	user := s.addUser(t, "short-lived")
	require.NoError(t, os.WriteFile(filepath.Join(s.content(), fmt.Sprintf("broken-%d", user)), []byte("delete"), 0o600))
	hook := enteredWebhook(user)
	s.insertOutboxRow(t, hook)
	res := s.post(t, hook)
	assert.Equal(t, 200, res.Status, "%v", res.Body)
	assert.Empty(t, s.row(t, user, "autowebinar_bridge_last_id"))
}
