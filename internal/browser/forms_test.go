package browser

import (
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFormIsKeptUntilAccepted(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := startBrowser(t).tab(t, s.playerURL(`{"enterAt":"now"}`))
	p.waitFor(`a.session`)
	s.receiver.SetDown(true)
	p.exec(`window.sent = a.submitForm('survey', { liked: 'yes' }).then((answer) => answer.submission_id)`)
	s.waitForCall(t, "form", "the receiver is down", func(c call) bool { return c.Status == 503 })
	kept := eval[[]string](p, `Object.keys(localStorage).filter((key) => key.includes('form'))`)
	require.Len(t, kept, 1)
	run(p, chromedp.Reload())
	p.waitFor(`window.a`)
	tries := len(s.callsTo("form"))
	require.Eventually(t, func() bool { return len(s.callsTo("form")) > tries }, waitTimeout, 20*time.Millisecond)
	s.receiver.SetDown(false)
	require.Eventually(t, func() bool { return len(s.receiver.Find("1", "form_submitted")) == 1 }, waitTimeout, 20*time.Millisecond)
	assert.Equal(t, map[string]any{"liked": "yes"}, s.receiver.Find("1", "form_submitted")[0].Data["form_payload"])
	ids := map[any]bool{}
	for _, c := range s.callsTo("form") {
		ids[c.Body["submission_id"]] = true
	}
	assert.Len(t, ids, 1, "all attempts have one submission id")
	p.waitFor(`!Object.keys(localStorage).some((key) => key.includes('form'))`)
	assert.Empty(t, p.consoleErrors(true))
}

func TestRefusedOrExpiredFormIsDiscarded(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := startBrowser(t).tab(t, s.playerURL(`{"enterAt":"now"}`))
	p.waitFor(`a.session`)
	s.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != base+"/form" {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = w.Write([]byte(`{"code":"autowebinar_form_refused","message":"The form was not accepted.","data":{"status":422}}`))
		return true
	})
	assert.Equal(t, "autowebinar_form_refused", eval[string](p, `a.submitForm('survey', { liked: 'no' }).catch((e) => e.code)`))
	assert.Len(t, p.events("error"), 1)
	assert.Empty(t, eval[[]string](p, `Object.keys(localStorage).filter((key) => key.includes('form'))`), "the answers are deleted")

	p.exec(`localStorage.setItem('autowebinar:form:x', JSON.stringify({ submission_id: 'x', session_id: a.session.session_id,
		form_id: 'survey', form_payload: { secret: 1 }, at: Date.now() - 8 * 24 * 3600 * 1000 }))`)
	run(p, chromedp.Reload())
	p.waitFor(`window.events?.some((e) => e.code === 'autowebinar_form_expired')`)
	assert.Empty(t, eval[[]string](p, `Object.keys(localStorage).filter((key) => key.includes('form'))`))
	assert.Len(t, s.callsTo("form"), 1, "an expired form is not sent")
}
