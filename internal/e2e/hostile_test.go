package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/servicetest"
)

var updateHostile = flag.Bool("update-hostile", false, "rewrite testdata/hostile.golden")

// hostileRequest is a request that only an attacker sends. It is written as raw
// bytes, because the client of net/http would correct it or refuse to send it.
type hostileRequest struct{ name, raw string }

// target is the service under attack and the state that attacks must not change.
type target struct {
	db           *mariadbtest.DB
	service      *servicetest.Service
	receiver     *servicetest.Receiver
	anna         servicetest.Viewer // sends the requests
	boris        servicetest.Viewer // his data must not be shown or changed
	borisSession string
	token        string // a valid JWT of Anna
	annaSession  string
	checksum     string
}

const jwtSecret = "jwt-secret-of-the-tests-0123456789abcdef"

// newTarget starts a service that logs at debug level and delivers nothing, so
// that every event row stays in the table.
func newTarget(t *testing.T, settings ...string) *target {
	t.Helper()
	tgt := &target{db: mariadbtest.New(t), receiver: servicetest.NewReceiver(t)}
	tgt.anna, tgt.boris = servicetest.NewViewer(t, tgt.db, 1), servicetest.NewViewer(t, tgt.db, 2)
	tgt.checksum = tgt.db.Checksum(t)
	env := servicetest.Settings(tgt.db.DSN, tgt.receiver.URL)
	maps.Copy(env, map[string]string{
		"AUTOWEBINAR_DISPATCH": "off", "AUTOWEBINAR_LOG_LEVEL": "debug", "AUTOWEBINAR_JWT_SECRET": jwtSecret,
		"AUTOWEBINAR_RATE_VIEWER": "0", "AUTOWEBINAR_RATE_LOGIN": "0",
	})
	for i := 0; i < len(settings); i += 2 {
		env[settings[i]] = settings[i+1]
	}
	tgt.service = servicetest.Start(t, env).Ready(t)
	tgt.token = signJWT(t, map[string]any{"sub": "1", "exp": time.Now().Add(time.Hour).Unix()})
	tgt.annaSession = tgt.anna.Must(t, tgt.service, 201, "/enter", `{"webinar_id":"intro"}`).Body["session_id"].(string)
	tgt.borisSession = tgt.boris.Must(t, tgt.service, 201, "/enter", `{"webinar_id":"pro"}`).Body["session_id"].(string)
	return tgt
}

// allRows returns the AutoWebinar rows of all users.
func (tgt *target) allRows(t testing.TB) []string {
	t.Helper()
	var rows []string
	require.NoError(t, tgt.db.SQL.Select(&rows, `SELECT CONCAT(umeta_id, ' ', user_id, ' ', meta_key, '=', meta_value)
		FROM wp_usermeta WHERE meta_key LIKE 'auto%' ORDER BY umeta_id`))
	return rows
}

// withoutAnnasRows returns the rows that Anna's requests must not change.
func (tgt *target) withoutAnnasRows(rows []string) []string {
	return slices.DeleteFunc(slices.Clone(rows), func(row string) bool {
		return strings.HasPrefix(strings.SplitAfterN(row, " ", 2)[1], fmt.Sprint(tgt.anna.ID, " "))
	})
}

// exchange sends bytes, closes its side of the connection and returns all responses.
func (tgt *target) exchange(t testing.TB, raw string) []response {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(tgt.service.URL, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(60*time.Second)))
	go func() { // the service may respond before it has read everything
		_, _ = io.WriteString(conn, raw)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	var responses []response
	reader := bufio.NewReader(conn)
	for {
		method := "GET"
		if len(responses) == 0 && strings.HasPrefix(raw, "HEAD ") {
			method = "HEAD"
		}
		res, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil {
			return responses
		}
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		if res.StatusCode != http.StatusContinue {
			responses = append(responses, response{res, body})
		}
	}
}

type response struct {
	*http.Response
	body []byte
}

// String returns the status with the error code and its parameters, or with the
// text of net/http if the request could not be parsed.
func (r response) String() string {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		if r.StatusCode == http.StatusOK {
			return fmt.Sprint(r.StatusCode, " ", r.Header.Get("Content-Type"))
		}
		return fmt.Sprintf("%d %q", r.StatusCode, r.body)
	}
	var body struct {
		Code string
		Data struct{ Params json.RawMessage }
	}
	_ = json.Unmarshal(r.body, &body)
	text := strings.TrimSpace(fmt.Sprint(r.StatusCode, " ", body.Code))
	var messages map[string]string
	var params []string
	if json.Unmarshal(body.Data.Params, &messages) == nil {
		params = slices.Sorted(maps.Keys(messages))
	} else {
		_ = json.Unmarshal(body.Data.Params, &params)
	}
	return strings.Join(append([]string{text}, params...), " ")
}

// requireSafeResponse checks the properties that every response has.
func (tgt *target) requireSafeResponse(t testing.TB, name string, r response) {
	t.Helper()
	assert.NotEqual(t, http.StatusInternalServerError, r.StatusCode, "%s: %s", name, r.body)
	assert.Less(t, len(r.body), 200_000, name)
	assert.NotContains(t, string(r.body), tgt.borisSession, "%s: another viewer's session", name)
	assert.Empty(t, r.Header.Values("Access-Control-Allow-Origin"), name)
	for _, leak := range []string{"wp_usermeta", "SELECT ", "goroutine ", ".go:", servicetest.SessionToken, tgt.token} {
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/javascript") && !strings.Contains(r.Header.Get("Content-Type"), "yaml") {
			assert.NotContains(t, string(r.body), leak, name)
		}
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		assert.Equal(t, "nosniff", r.Header.Get("X-Content-Type-Options"), name)
		assert.Contains(t, r.Header.Get("Cache-Control"), "no-store", name)
		assert.Regexp(t, `^[0-9a-f-]{36}$`, r.Header.Get("X-Request-Id"), name)
		assert.Equal(t, r.StatusCode == 503, r.Header.Get("Retry-After") != "", name)
		assert.True(t, r.Request.Method == "HEAD" || json.Valid(r.body), name)
	}
}

// TestHostileRequests compares the responses to all hostile requests with the
// golden file and checks that rejected requests change no row.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	tgt := newTarget(t)
	before := readProcessStats(t, tgt.service)
	var golden strings.Builder
	all := slices.Concat(tgt.hostileNumbers(), tgt.hostileBodies(), tgt.hostileValues(), tgt.hostilePaths(), tgt.hostileMethods(), tgt.hostileWire(), tgt.hostileHeaders())
	require.Greater(t, len(all), 150)
	seen := map[string]bool{}
	for _, h := range all {
		require.False(t, seen[h.name], h.name)
		seen[h.name] = true
		rows := tgt.allRows(t)
		var texts []string
		accepted := false
		for _, r := range tgt.exchange(t, h.raw) {
			tgt.requireSafeResponse(t, h.name, r)
			texts = append(texts, r.String())
			accepted = accepted || r.StatusCode < 300
		}
		after := tgt.allRows(t)
		if accepted && strings.HasPrefix(h.raw, "POST") {
			rows, after = tgt.withoutAnnasRows(rows), tgt.withoutAnnasRows(after)
		}
		require.Equal(t, rows, after, "%s: %v", h.name, texts)
		fmt.Fprintf(&golden, "%-50s %s\n", h.name, strings.Join(texts, " + "))
	}
	requireGolden(t, "testdata/hostile.golden", golden.String())
	tgt.requireIntact(t, before)
}

func requireGolden(t testing.TB, path, got string) {
	t.Helper()
	if *updateHostile {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// requireIntact checks after an attack that other data, memory and goroutines
// are unchanged and that the log contains no secret and no error.
func (tgt *target) requireIntact(t testing.TB, before processStats) {
	t.Helper()
	assert.Equal(t, tgt.checksum, tgt.db.Checksum(t), "nothing outside the namespace has changed")
	for _, row := range tgt.allRows(t) {
		assert.True(t, isPlain(row), "a row of plain characters: %q", row)
	}
	borisRows := viewerRows(t, tgt.db, tgt.boris)
	assert.Equal(t, tgt.borisSession, borisRows["session_id"])
	assert.NotContains(t, borisRows, "last_position_sec")

	tgt.anna.Must(t, tgt.service, 200, "/session", "")
	require.Equal(t, http.StatusOK, tgt.service.Readiness())
	require.Eventually(t, func() bool { return readProcessStats(t, tgt.service).goroutines <= before.goroutines+20 }, 30*time.Second, 100*time.Millisecond,
		"goroutines end with their requests")
	assert.Less(t, readProcessStats(t, tgt.service).peakMB, before.peakMB+200, "memory")

	for _, secret := range []string{jwtSecret, tgt.token, canary} {
		assert.NotContains(t, tgt.service.Log(), secret)
	}
	for line := range strings.Lines(tgt.service.Log()) {
		assert.Less(t, len(line), 2000, "the length of a line is independent of the request: %.300s", line)
		assert.NotContains(t, line, `"level":"ERROR"`)
	}
}

func isPlain(row string) bool {
	return strings.IndexFunc(row, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// canary is sent where clients could send secrets: in form answers, parameters
// and headers. It must not appear in any log.
const canary = "canary-0123456789"

type processStats struct {
	peakMB, goroutines int
}

func readProcessStats(t testing.TB, s *servicetest.Service) (v processStats) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.PID()))
	require.NoError(t, err)
	for line := range strings.Lines(string(status)) {
		if kilobytes, found := strings.CutPrefix(line, "VmHWM:"); found {
			_, err := fmt.Sscan(kilobytes, &v.peakMB)
			require.NoError(t, err)
			v.peakMB /= 1024
		}
	}
	res, err := http.Get(s.Admin + "/debug/pprof/goroutine?debug=1")
	require.NoError(t, err)
	defer res.Body.Close()
	first, err := bufio.NewReader(res.Body).ReadString('\n')
	require.NoError(t, err)
	_, err = fmt.Sscanf(first, "goroutine profile: total %d", &v.goroutines)
	require.NoError(t, err)
	return v
}

const api = "/wp-json/autowebinar/v1"

// pageHeaders returns the headers of a request from a page that Anna has open.
func (tgt *target) pageHeaders() string {
	return "Host: example.test\r\nCookie: " + tgt.anna.Cookie + "\r\nX-WP-Nonce: " + tgt.anna.Nonce + "\r\n"
}

func (tgt *target) serviceKeyHeaders() string {
	return "Host: example.test\r\nAuthorization: Bearer " + servicetest.ServiceKey + "\r\n"
}

// post returns a request to a route from a page that Anna has open.
func (tgt *target) post(route, body string) string {
	return rawRequest("POST "+api+route, tgt.pageHeaders()+"Content-Type: application/json\r\n", body)
}

func (tgt *target) get(target string) string {
	return "GET " + target + " HTTP/1.1\r\n" + tgt.pageHeaders() + "\r\n"
}

// rawRequest returns a request with the correct Content-Length.
func rawRequest(start, headers, body string) string {
	return fmt.Sprintf("%s HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s", start, headers, len(body), body)
}

// chunkedBody encodes a body in chunks of a given size.
func chunkedBody(body string, size int) string {
	var b bytes.Buffer
	for part := range slices.Chunk([]byte(body), size) {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(part), part)
	}
	return b.String() + "0\r\n\r\n"
}
