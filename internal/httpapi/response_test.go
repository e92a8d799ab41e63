package httpapi_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// response is a decoded response.
type response struct {
	status int
	header http.Header
	raw    []byte
	json   map[string]any // nil if the body is not JSON
}

// summary is "404 rest_no_route", or "200" for a success.
func (res response) summary() string {
	if res.status < 400 {
		return fmt.Sprint(res.status)
	}
	return fmt.Sprintf("%d %v", res.status, res.json["code"])
}

func (res response) data() map[string]any {
	data, _ := res.json["data"].(map[string]any)
	return data
}

// params returns the names in data.params, sorted. It checks that each message
// begins with the name of its parameter.
func (res response) params(t testing.TB) []string {
	t.Helper()
	switch params := res.data()["params"].(type) {
	case []any:
		names := make([]string, len(params))
		for i, name := range params {
			names[i] = name.(string)
		}
		return names
	case map[string]any:
		for name, message := range params {
			assert.Regexp(t, "^"+name+" .+\\.$", message)
		}
		return slices.Sorted(maps.Keys(params))
	}
	return nil
}

// session returns the session in the response with placeholders for values that
// differ from run to run: "S" for the id and "T" for times. It checks the live
// offset.
func (res response) session(t testing.TB) string {
	t.Helper()
	return normalizedSession(t, res.json)
}

func normalizedSession(t testing.TB, session map[string]any) string {
	t.Helper()
	session = maps.Clone(session)
	require.NotEmpty(t, session["session_id"])
	session["session_id"] = "S"
	times := map[string]time.Time{}
	for _, name := range []string{"started_at", "server_time", "last_seen_at", "cta_clicked_at"} {
		if text, ok := session[name].(string); ok {
			at, err := time.Parse("2006-01-02T15:04:05Z", text)
			require.NoError(t, err, name)
			times[name], session[name] = at, "T"
		}
	}
	offset := session["live_offset_sec"].(float64)
	if started, ok := times["started_at"]; ok {
		assert.InDelta(t, times["server_time"].Sub(started).Seconds(), offset, 0, "live_offset_sec")
		session["live_offset_sec"] = "server_time - started_at"
	}
	encoded, err := json.Marshal(session)
	require.NoError(t, err)
	return string(encoded)
}

// assertError checks the summary and the parameters that it names.
func (res response) assertError(t testing.TB, want string, params ...string) {
	t.Helper()
	assert.Equal(t, want, res.summary(), string(res.raw))
	assert.Equal(t, params, res.params(t), string(res.raw))
}
