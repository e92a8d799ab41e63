package servicetest

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"autowebinar/internal/contracttest"
	"autowebinar/internal/mariadbtest"
)

// Secrets of the tests. No log may contain them.
const (
	WebhookSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDdfbxuFNtZ3o="
	ServiceKey    = "service-key-of-the-tests"
	PasswordHash  = "$wp$2y$10$oxkvmOZ722TlF1H8Z4T7J.unp1llL1kR3YynDATrqXmOnDu7hPcfO"
	SessionToken  = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfG"
)

var Salts = map[string]string{
	"AUTH_KEY": "auth-key", "SECURE_AUTH_KEY": "secure-key", "LOGGED_IN_KEY": `li-key-71|"x`, "NONCE_KEY": "nonce-key-71",
	"AUTH_SALT": "auth-salt", "SECURE_AUTH_SALT": "secure-salt", "LOGGED_IN_SALT": "li-salt-71 $&", "NONCE_SALT": "nonce-salt-71",
}

// Viewer is a WordPress user who is logged in.
type Viewer struct {
	ID     uint64
	Cookie string
	Nonce  string
	Client *http.Client
}

// NewViewer creates a user and a login, as WordPress does.
func NewViewer(t testing.TB, db *mariadbtest.DB, id uint64) Viewer {
	t.Helper()
	login := fmt.Sprintf("viewer.%d", id)
	db.AddUser(t, id, login, PasswordHash)
	db.SetMeta(t, id, "crm_lead_id", fmt.Sprintf("lead-%d", id))
	expires := strconv.FormatInt(time.Now().Add(24*time.Hour).Unix(), 10)
	verifier := sha256.Sum256([]byte(SessionToken))
	db.SetMeta(t, id, "session_tokens", fmt.Sprintf(`a:1:{s:64:"%x";a:1:{s:10:"expiration";i:%s;}}`, verifier, expires))

	fragment := PasswordHash[len(PasswordHash)-4:]
	key := mac(md5.New, Salts["LOGGED_IN_KEY"]+Salts["LOGGED_IN_SALT"], login+"|"+fragment+"|"+expires+"|"+SessionToken)
	proof := mac(sha256.New, key, login+"|"+expires+"|"+SessionToken)
	return Viewer{
		ID:     id,
		Cookie: "wordpress_logged_in_0123=" + url.PathEscape(strings.Join([]string{login, expires, SessionToken, proof}, "|")),
		Nonce:  nonce(id, nonceTick(time.Now())),
		Client: &http.Client{Transport: contracttest.Transport(t, nil), Timeout: startTimeout},
	}
}

func nonceTick(now time.Time) int64 { return (now.Unix() + 43199) / 43200 }

// nonce returns the wp_rest nonce of a viewer in a tick.
func nonce(id uint64, tick int64) string {
	return mac(md5.New, Salts["NONCE_KEY"]+Salts["NONCE_SALT"], fmt.Sprintf("%d|wp_rest|%d|%s", tick, id, SessionToken))[20:30]
}

func mac(algorithm func() hash.Hash, key, text string) string {
	h := hmac.New(algorithm, []byte(key))
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

// Response is a status and a decoded body.
type Response struct {
	Status int
	Header http.Header
	Body   map[string]any
}

// Send sends a POST request of the viewer to a route, or a GET request if the body is
// empty.
func (v Viewer) Send(s *Service, route, body string) (Response, error) {
	method, content := http.MethodPost, io.Reader(bytes.NewBufferString(body))
	if body == "" {
		method, content = http.MethodGet, nil
	}
	req, err := http.NewRequest(method, s.URL+"/wp-json/autowebinar/v1"+route, content)
	if err != nil {
		return Response{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Cookie", v.Cookie)
	req.Header.Set("X-WP-Nonce", v.Nonce)
	res, err := v.Client.Do(req)
	if err != nil {
		return Response{}, err
	}
	defer res.Body.Close()
	a := Response{Status: res.StatusCode, Header: res.Header}
	return a, json.NewDecoder(res.Body).Decode(&a.Body)
}

// Must sends a request, and fails the test unless the response has the status.
func (v Viewer) Must(t testing.TB, s *Service, status int, route, body string) Response {
	t.Helper()
	a, err := v.Send(s, route, body)
	require.NoError(t, err)
	require.Equal(t, status, a.Status, "%s %s: %v", route, body, a.Body)
	return a
}

// AgeSession makes all times of a viewer's sessions earlier.
func AgeSession(t testing.TB, db *mariadbtest.DB, v Viewer, d time.Duration) {
	t.Helper()
	_, err := db.SQL.Exec(`UPDATE wp_usermeta SET meta_value = DATE_SUB(meta_value, INTERVAL ? SECOND)
		WHERE user_id = ? AND meta_key IN ('autowebinar_last_seen_at', 'autowebinar_last_seen_at@intro', 'autowebinar_last_seen_at@pro')`,
		int(d.Seconds()), v.ID)
	require.NoError(t, err)
}
