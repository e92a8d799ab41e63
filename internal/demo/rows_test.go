package demo

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRowsOfOneViewer(t *testing.T) {
	t.Parallel()
	w := newTestDemo(t)
	_, body := w.request(t, "GET", "/demo/rows?viewer=1")
	assert.Regexp(t, `^{"now":"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ","rows":\[\],"viewer":1}`, body)

	w.db.SQL.MustExec(`INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES
		(1, 'autowebinar_session_id', 's1'), (2, 'autowebinar_session_id', 's2'), (1, 'autowebinarx', '-'), (1, 'autowebinar_completed', NULL)`)
	_, body = w.request(t, "GET", "/demo/rows?viewer=1")
	var got struct{ Rows []metaRow }
	require.NoError(t, json.Unmarshal([]byte(body), &got))
	require.Len(t, got.Rows, 2)
	assert.Equal(t, "autowebinar_session_id=s1", got.Rows[0].Key+"="+got.Rows[0].Value)
	assert.Equal(t, "autowebinar_completed=", got.Rows[1].Key+"="+got.Rows[1].Value)

	for _, viewer := range []string{"4", "0", "-1", "x", "1x"} {
		response, _ := w.request(t, "GET", "/demo/rows?viewer="+viewer)
		assert.Equal(t, 400, response.StatusCode, viewer)
	}
}

// Forgetting a viewer keeps the rows of WordPress and of other viewers.
func TestForgetDeletesTheViewersRows(t *testing.T) {
	t.Parallel()
	w := newTestDemo(t)
	w.db.SQL.MustExec(`INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES
		(1, 'autowebinar_session_id', 's1'), (1, 'autowebinar_outbox', '-'), (1, 'autowebinarx', '-'), (2, 'autowebinar_session_id', 's2')`)
	response, _ := w.request(t, "POST", "/demo/forget?viewer=1", "Sec-Fetch-Site: cross-site")
	assert.Equal(t, 403, response.StatusCode)
	response, _ = w.request(t, "POST", "/demo/forget?viewer=1")
	assert.Equal(t, 204, response.StatusCode)
	response, _ = w.request(t, "POST", "/demo/forget?viewer=4")
	assert.Equal(t, 400, response.StatusCode)

	var left []string
	require.NoError(t, w.db.SQL.Select(&left, "SELECT CONCAT(user_id, meta_key) FROM wp_usermeta WHERE meta_key LIKE 'autowebinar%' OR user_id = 1 ORDER BY 1"))
	assert.Equal(t, []string{"1autowebinarx", "1nickname", "1session_tokens", "1wp_capabilities", "2autowebinar_session_id"}, left)
}
