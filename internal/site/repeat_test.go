package site

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func testRepeatedDelivery(t *testing.T, s *site) {
	user := s.addUser(t, "repeated")
	first, second := enteredWebhook(user), enteredWebhook(user)
	form := enteredWebhook(user)
	form.body = strings.Replace(form.body, "client_webinar_entered", "client_webinar_form_submitted", 1)
	s.insertOutboxRow(t, first)
	s.insertOutboxRow(t, second)

	for _, tt := range []struct {
		webhook webhook
		repeat  any
	}{{first, nil}, {first, true}, {form, nil}, {first, true}, {form, true}, {second, nil}, {second, true}} {
		res := s.post(t, tt.webhook)
		assert.Equal(t, 200, res.Status, "%v", res.Body)
		assert.Equal(t, tt.repeat, res.Body["repeat"])
		s.deleteOutboxRow(t, tt.webhook)
	}
	actions := s.expectActions(t, user, "client_webinar_entered", "client_webinar_form_submitted", "client_webinar_entered")
	assert.Equal(t, first.id, actions[0].Meta["id"])

	// A late redelivery of an accepted event has no outbox row any more.
	s.expectUnknown(t, first)
	assert.Equal(t, true, s.post(t, second).Body["repeat"])

	// Ten concurrent deliveries fire one action.
	third := enteredWebhook(user)
	s.insertOutboxRow(t, third)
	done := make(chan int)
	for range 10 {
		go func() { done <- sendRequest(t, http.DefaultClient, s.bridge(), third.body, third.header(t)).Status }()
	}
	for range 10 {
		assert.Contains(t, []int{200, 503}, <-done)
	}
	s.expectActions(t, user, "client_webinar_entered", "client_webinar_form_submitted", "client_webinar_entered", "client_webinar_entered")
}

// expectUnknown checks that the bridge responds with 503 to an event without a
// row.
func (s *site) expectUnknown(t testing.TB, hook webhook) {
	t.Helper()
	res := s.post(t, hook)
	assert.Equal(t, 503, res.Status)
	assert.Equal(t, "autowebinar_unknown_delivery", res.Body["code"])
}

// testUnknownDelivery posts correctly signed webhooks of events that are not
// pending for the user, or while the rows cannot be read.
func testUnknownDelivery(t *testing.T, s *site) {
	user, other := s.addUser(t, "meant"), s.addUser(t, "not-meant")
	hook := enteredWebhook(user)
	s.insertOutboxRow(t, hook)
	elsewhere := hook
	elsewhere.user = fmt.Sprint(other)
	s.expectUnknown(t, elsewhere)

	// The id must be that of the event, not of a field that a viewer may have sent.
	source := enteredWebhook(other)
	s.exec(t, "INSERT INTO "+s.usermeta+" (user_id, meta_key, meta_value) VALUES (?, 'autowebinar_outbox_dead', ?), (?, 'autowebinar_session_id', ?)",
		other, "1|client_webinar_registered|"+uuid.NewString()+"|1790000000|intro|auto||"+source.id+"||0|0|0", other, "1|a|"+source.id+"|b")
	s.expectUnknown(t, source)

	form := hook
	form.body = strings.Replace(hook.body, "client_webinar_entered", "client_webinar_form_submitted", 1)
	for _, unread := range []webhook{hook, form} {
		assert.Equal(t, "autowebinar_unread", s.rejection(t, unread, s.usermeta))
		assert.Equal(t, "autowebinar_unknown_user", s.rejection(t, unread, s.users))
	}

	assert.Equal(t, 200, s.post(t, hook).Status)
	s.expectActions(t, user, "client_webinar_entered")
	s.expectActions(t, other)
}

// rejection returns the error code for a webhook while reads of a table fail.
func (s *site) rejection(t testing.TB, hook webhook, table string) string {
	t.Helper()
	status, code := s.postInProcess(t, failQueries("^SELECT.* FROM "+table), hook)
	assert.Equal(t, 503, status)
	return code
}

// postInProcess runs some PHP code and then passes a webhook to the bridge
// within PHP.
func (s *site) postInProcess(t testing.TB, before string, hook webhook) (status int, code string) {
	t.Helper()
	header, err := json.Marshal(hook.header(t))
	require.NoError(t, err)
	var answer struct {
		Status int
		Data   struct{ Code string }
	}
	s.eval(t, &answer, `%s
		$request = new WP_REST_Request('POST', '/autowebinar-bridge/v1/events');
		$request->set_headers(json_decode(base64_decode('%s'), true));
		$request->set_body(base64_decode('%s'));
		$response = rest_do_request($request);
		status_header(200); // the status of the response is in its body
		return array('status' => $response->get_status(), 'data' => $response->get_data());`, before, base64Of(string(header)), base64Of(hook.body))
	return answer.Status, answer.Data.Code
}

// failQueries returns PHP code that makes matching queries fail.
func failQueries(pattern string) string {
	return `$GLOBALS['wpdb']->suppress_errors(); add_filter('query', fn($query) => preg_match('/` + pattern + `/s', $query) ? 'fail' : $query);` + "\n"
}
