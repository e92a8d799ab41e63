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

var updateHostile = flag.Bool("update-hostile", false, "write testdata/hostile.golden anew")

// hostileRequest is what no honest client sends. It goes over the wire byte by byte,
// because net/http's own client would tidy it or refuse to send it.
type hostileRequest struct{ name, raw string }

// target is the service under attack, with what the attacks must leave alone.
type target struct {
	db           *mariadbtest.DB
	service      *servicetest.Service
	sink         *servicetest.Receiver
	anna         servicetest.Viewer // whose login the requests carry
	boris        servicetest.Viewer // whose data nobody may see
	borisSession string             // the id of his session
	token        string             // a good JWT of Anna's
	annaSession  string             // the id of her session
	checksum     string
}

const jwtSecret = "jwt-secret-of-the-tests-0123456789abcdef"

// newTarget starts a service that logs all it can and delivers nothing, so that
// every event row stays where it can be seen.
func newTarget(t *testing.T, settings ...string) *target {
	t.Helper()
	tt := &target{db: mariadbtest.New(t), sink: servicetest.NewReceiver(t)}
	tt.anna, tt.boris = servicetest.NewViewer(t, tt.db, 1), servicetest.NewViewer(t, tt.db, 2)
	tt.checksum = tt.db.Checksum(t)
	env := servicetest.Settings(tt.db.DSN, tt.sink.URL)
	maps.Copy(env, map[string]string{
		"AUTOWEBINAR_DISPATCH": "off", "AUTOWEBINAR_LOG_LEVEL": "debug", "AUTOWEBINAR_JWT_SECRET": jwtSecret,
		"AUTOWEBINAR_RATE_VIEWER": "0", "AUTOWEBINAR_RATE_LOGIN": "0",
	})
	for i := 0; i < len(settings); i += 2 {
		env[settings[i]] = settings[i+1]
	}
	tt.service = servicetest.Start(t, env).Ready(t)
	tt.token = signJWT(t, map[string]any{"sub": "1", "exp": time.Now().Add(time.Hour).Unix()})
	tt.annaSession = tt.anna.Must(t, tt.service, 201, "/enter", `{"webinar_id":"intro"}`).Body["session_id"].(string)
	tt.borisSession = tt.boris.Must(t, tt.service, 201, "/enter", `{"webinar_id":"pro"}`).Body["session_id"].(string)
	return tt
}

// allRows are all rows of ours, of all users.
func (tt *target) allRows(t testing.TB) []string {
	t.Helper()
	var rows []string
	require.NoError(t, tt.db.SQL.Select(&rows, `SELECT CONCAT(umeta_id, ' ', user_id, ' ', meta_key, '=', meta_value)
		FROM wp_usermeta WHERE meta_key LIKE 'auto%' ORDER BY umeta_id`))
	return rows
}

// withoutAnnasRows are the rows that no request of hers may change.
func (tt *target) withoutAnnasRows(rows []string) []string {
	return slices.DeleteFunc(slices.Clone(rows), func(row string) bool {
		return strings.HasPrefix(strings.SplitAfterN(row, " ", 2)[1], fmt.Sprint(tt.anna.ID, " "))
	})
}

// exchange sends bytes, ends its side of the connection, and returns all answers.
func (tt *target) exchange(t testing.TB, raw string) []response {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(tt.service.URL, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(60*time.Second)))
	go func() { // the answer may come before all is sent
		_, _ = io.WriteString(conn, raw)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	var answers []response
	from := bufio.NewReader(conn)
	for {
		method := "GET"
		if len(answers) == 0 && strings.HasPrefix(raw, "HEAD ") {
			method = "HEAD"
		}
		res, err := http.ReadResponse(from, &http.Request{Method: method})
		if err != nil {
			return answers
		}
		content, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		if res.StatusCode != http.StatusContinue {
			answers = append(answers, response{res, content})
		}
	}
}

type response struct {
	*http.Response
	body []byte
}

// String is the status, and what says why: code and parameters, or the text of
// net/http where a request never was one.
func (a response) String() string {
	if !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
		if a.StatusCode == http.StatusOK {
			return fmt.Sprint(a.StatusCode, " ", a.Header.Get("Content-Type"))
		}
		return fmt.Sprintf("%d %q", a.StatusCode, a.body)
	}
	var body struct {
		Code string
		Data struct{ Params json.RawMessage }
	}
	_ = json.Unmarshal(a.body, &body)
	text := strings.TrimSpace(fmt.Sprint(a.StatusCode, " ", body.Code))
	var named map[string]string
	var missing []string
	if json.Unmarshal(body.Data.Params, &named) == nil {
		missing = slices.Sorted(maps.Keys(named))
	} else {
		_ = json.Unmarshal(body.Data.Params, &missing)
	}
	return strings.Join(append([]string{text}, missing...), " ")
}

// requireSafeResponse holds one answer to what every answer promises.
func (tt *target) requireSafeResponse(t testing.TB, name string, a response) {
	t.Helper()
	assert.NotEqual(t, http.StatusInternalServerError, a.StatusCode, "%s: %s", name, a.body)
	assert.Less(t, len(a.body), 200_000, name)
	assert.NotContains(t, string(a.body), tt.borisSession, "%s: another viewer's session", name)
	assert.Empty(t, a.Header.Values("Access-Control-Allow-Origin"), name)
	for _, leak := range []string{"wp_usermeta", "SELECT ", "goroutine ", ".go:", servicetest.SessionToken, tt.token} {
		if !strings.HasPrefix(a.Header.Get("Content-Type"), "text/javascript") && !strings.Contains(a.Header.Get("Content-Type"), "yaml") {
			assert.NotContains(t, string(a.body), leak, name)
		}
	}
	if strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
		assert.Equal(t, "nosniff", a.Header.Get("X-Content-Type-Options"), name)
		assert.Contains(t, a.Header.Get("Cache-Control"), "no-store", name)
		assert.Regexp(t, `^[0-9a-f-]{36}$`, a.Header.Get("X-Request-Id"), name)
		assert.Equal(t, a.StatusCode == 503, a.Header.Get("Retry-After") != "", name)
		assert.True(t, a.Request.Method == "HEAD" || json.Valid(a.body), name)
	}
}

// TestHostileRequests holds the table of hostile requests to their golden
// answers, and looks after each that nothing came of what was refused.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	tt := newTarget(t)
	before := readProcessStats(t, tt.service)
	var page strings.Builder
	all := slices.Concat(tt.hostileNumbers(), tt.hostileBodies(), tt.hostileValues(), tt.hostilePaths(), tt.hostileMethods(), tt.hostileWire(), tt.hostileHeaders())
	require.Greater(t, len(all), 150)
	seen := map[string]bool{}
	for _, h := range all {
		require.False(t, seen[h.name], h.name)
		seen[h.name] = true
		rows := tt.allRows(t)
		answers := tt.exchange(t, h.raw)
		var texts []string
		accepted := false
		for _, a := range answers {
			tt.requireSafeResponse(t, h.name, a)
			texts = append(texts, a.String())
			accepted = accepted || a.StatusCode < 300
		}
		after := tt.allRows(t)
		if accepted && strings.HasPrefix(h.raw, "POST") {
			rows, after = tt.withoutAnnasRows(rows), tt.withoutAnnasRows(after)
		}
		require.Equal(t, rows, after, "%s: %v", h.name, texts)
		fmt.Fprintf(&page, "%-50s %s\n", h.name, strings.Join(texts, " + "))
	}
	requireGolden(t, "testdata/hostile.golden", page.String())
	tt.requireIntact(t, before)
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

// requireIntact is for when the attack is over: the service is as it was, and
// its log tells nothing.
func (tt *target) requireIntact(t testing.TB, before processStats) {
	t.Helper()
	assert.Equal(t, tt.checksum, tt.db.Checksum(t), "nothing outside the namespace has changed")
	for _, row := range tt.allRows(t) {
		assert.True(t, isPlain(row), "a row of plain characters: %q", row)
	}
	his := viewerRows(t, tt.db, tt.boris)
	assert.Equal(t, tt.borisSession, his["session_id"])
	assert.NotContains(t, his, "last_position_sec")

	tt.anna.Must(t, tt.service, 200, "/session", "")
	require.Equal(t, http.StatusOK, tt.service.Readiness())
	require.Eventually(t, func() bool { return readProcessStats(t, tt.service).goroutines <= before.goroutines+20 }, 30*time.Second, 100*time.Millisecond,
		"goroutines end with their requests")
	assert.Less(t, readProcessStats(t, tt.service).peakMB, before.peakMB+200, "memory")

	for _, secret := range []string{jwtSecret, tt.token, canary} {
		assert.NotContains(t, tt.service.Log(), secret)
	}
	for line := range strings.Lines(tt.service.Log()) {
		assert.Less(t, len(line), 2000, "a line does not grow with the request: %.300s", line)
		assert.NotContains(t, line, `"level":"ERROR"`)
	}
}

func isPlain(row string) bool {
	return strings.IndexFunc(row, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// canary stands where a secret would stand in a request: in form answers,
// parameters and headers. No log has it.
const canary = "canary-0123456789"

// processStats is how a process fares.
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

// The parts of which requests are made.

const api = "/wp-json/autowebinar/v1"

// pageHeaders are the headers of a page of Anna's.
func (tt *target) pageHeaders() string {
	return "Host: example.test\r\nCookie: " + tt.anna.Cookie + "\r\nX-WP-Nonce: " + tt.anna.Nonce + "\r\n"
}

func (tt *target) serviceKeyHeaders() string {
	return "Host: example.test\r\nAuthorization: Bearer " + servicetest.ServiceKey + "\r\n"
}

// post is a whole request of a page of Anna's to a route.
func (tt *target) post(route, body string) string {
	return rawRequest("POST "+api+route, tt.pageHeaders()+"Content-Type: application/json\r\n", body)
}

func (tt *target) get(target string) string {
	return "GET " + target + " HTTP/1.1\r\n" + tt.pageHeaders() + "\r\n"
}

// rawRequest is a request with its true length.
func rawRequest(start, headers, body string) string {
	return fmt.Sprintf("%s HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s", start, headers, len(body), body)
}

// chunkedBody is a body in chunks of a size.
func chunkedBody(body string, size int) string {
	var b bytes.Buffer
	for part := range slices.Chunk([]byte(body), size) {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(part), part)
	}
	return b.String() + "0\r\n\r\n"
}
