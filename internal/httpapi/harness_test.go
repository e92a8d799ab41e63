package httpapi_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/contracttest"
	"autowebinar/internal/httpapi"
	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/outbox"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
	"autowebinar/internal/wordpress"
	"autowebinar/internal/wpdb"
)

func TestMain(m *testing.M) { mariadbtest.Main(m) }

const (
	base      = "/wp-json/autowebinar/v1"
	blogBase  = "/blog/wp-json/autowebinar/v1"
	leadKey   = "crm_lead"
	unknownID = 99
)

// site is the API with its own database, used by the production account, and the
// viewers anna and boris. Every response is validated against the contract, and
// the log is checked when the test ends.
type site struct {
	db       *mariadbtest.DB
	dbLink   *databaseLink
	receiver *formReceiver
	log      *logCapture
	server   *httptest.Server
	latest   atomic.Pointer[http.Request] // as the server received it
}

// setup starts a site that accepts any reported position. Options change its
// configuration.
func setup(t testing.TB, options ...func(*httpapi.Config)) *site {
	t.Helper()
	s := &site{db: mariadbtest.New(t), dbLink: &databaseLink{}, receiver: &formReceiver{}, log: newLogCapture()}
	log := slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))

	dsn, err := mysql.ParseDSN(s.db.DSN)
	require.NoError(t, err)
	dsn.DialFunc, dsn.Logger = s.dbLink.dial, &mysql.NopLogger{}
	tables := wpdb.Config{DSN: dsn, UsersTable: "wp_users", UsermetaTable: "wp_usermeta"}
	pool, err := wpdb.Open(tables)
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	store := usermeta.New(pool, usermeta.Options{Logger: log})
	store.SetReady()

	cfg := httpapi.Config{
		BasePaths: []string{base, blogBase},
		Rules:     webinar.Rules{Durations: map[webinar.ID]int64{"intro": 3600, "pro": 5400}, Heartbeat: 10},
		Viewers:   store, Leads: outbox.New(pool, outbox.Options{LeadMetaKey: leadKey, Logger: log}), Forms: s.receiver,
		Logins:      wordpress.NewLogins(wordpress.Config{Accounts: store, Salts: salts(t), CacheFor: -1, Logger: log}),
		JWTSecret:   []byte(jwtSecret),
		ServiceKeys: []string{serviceKey, nextServiceKey},
		Logger:      log,
		Observer:    &recordingObserver{},
	}
	for _, option := range options {
		option(&cfg)
	}
	api := httpapi.New(cfg)
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.latest.Store(r)
		api.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		s.server.Close()
		s.log.check(t)
	})
	for _, v := range []viewer{anna(), boris()} {
		s.db.AddUser(t, v.id, v.login, v.pass)
		s.db.SetMeta(t, v.id, "session_tokens", v.sessionTokens(time.Now().Add(time.Hour)))
	}
	return s
}

// requestOption changes a request before it is sent.
type requestOption func(r *http.Request)

func header(name, value string) requestOption {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// call sends a request to a route under the base path, without a body if it is "".
func (s *site) call(t testing.TB, method, route, body string, changes ...requestOption) response {
	t.Helper()
	return s.send(t, method, base+route, body, changes...)
}

// send sends a request to a path of the server, query included.
func (s *site) send(t testing.TB, method, target, body string, changes ...requestOption) response {
	t.Helper()
	return s.sendThrough(t, contracttest.Transport(t, s.server.Client().Transport), method, target, body, changes...)
}

func (s *site) sendThrough(t testing.TB, transport http.RoundTripper, method, target, body string, changes ...requestOption) response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.server.URL+target, strings.NewReader(body))
	require.NoError(t, err)
	if body == "" {
		r.Body = nil
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, change := range changes {
		change(r)
	}
	s.log.addSecrets(r)
	res, err := transport.RoundTrip(r)
	require.NoError(t, err)
	defer res.Body.Close()
	a := response{status: res.StatusCode, header: res.Header}
	a.raw, err = io.ReadAll(res.Body)
	require.NoError(t, err)
	s.log.expectLine(res)
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") && method != http.MethodHead {
		require.NoError(t, json.Unmarshal(a.raw, &a.json), string(a.raw))
	}
	return a
}

// enter makes a viewer enter a webinar and returns the session id.
func (s *site) enter(t testing.TB, v viewer, webinarID string) string {
	t.Helper()
	res := s.call(t, "POST", "/enter", `{"webinar_id":"`+webinarID+`"}`, token(v.id))
	require.Contains(t, []int{200, 201}, res.status, string(res.raw))
	return res.json["session_id"].(string)
}

// age makes all stored times of a viewer earlier.
func (s *site) age(t testing.TB, v viewer, by time.Duration) {
	t.Helper()
	_, err := s.db.SQL.ExecContext(t.Context(), `UPDATE wp_usermeta
		SET meta_value = DATE_FORMAT(DATE_SUB(meta_value, INTERVAL ? SECOND), '%Y-%m-%d %H:%i:%s')
		WHERE user_id = ? AND (meta_key LIKE '%\_at' OR meta_key LIKE '%\_at@%')`, int(by/time.Second), v.id)
	require.NoError(t, err)
}

// outbox returns the stored events of a viewer, each as "type id".
func (s *site) outbox(t testing.TB, v viewer) []string {
	t.Helper()
	var events []string
	for _, value := range s.db.Meta(t, v.id)["autowebinar_outbox"] {
		parts := strings.Split(value, "|")
		events = append(events, strings.TrimPrefix(parts[1], "client_webinar_")+" "+parts[2])
	}
	return events
}
