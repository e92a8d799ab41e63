package e2e

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

// Secrets of the tests. No log may ever hold one of them.
const (
	webhookSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDdfbxuFNtZ3o="
	serviceKey    = "service-key-of-the-tests"
	passwordHash  = "$wp$2y$10$oxkvmOZ722TlF1H8Z4T7J.unp1llL1kR3YynDATrqXmOnDu7hPcfO"
	sessionToken  = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfG"
)

var salts = map[string]string{
	"AUTH_KEY": "auth-key", "SECURE_AUTH_KEY": "secure-key", "LOGGED_IN_KEY": `li-key-71|"x`, "NONCE_KEY": "nonce-key-71",
	"AUTH_SALT": "auth-salt", "SECURE_AUTH_SALT": "secure-salt", "LOGGED_IN_SALT": "li-salt-71 $&", "NONCE_SALT": "nonce-salt-71",
}

// viewer is a logged-in WordPress user with a browser.
type viewer struct {
	id     uint64
	cookie string
	nonce  string
	client *http.Client
}

// newViewer makes a user and logs it in, as WordPress would.
func newViewer(t testing.TB, db *mariadbtest.DB, id uint64) viewer {
	t.Helper()
	login := fmt.Sprintf("viewer.%d", id)
	db.AddUser(t, id, login, passwordHash)
	db.SetMeta(t, id, "crm_lead_id", fmt.Sprintf("lead-%d", id))
	expires := strconv.FormatInt(time.Now().Add(24*time.Hour).Unix(), 10)
	verifier := sha256.Sum256([]byte(sessionToken))
	db.SetMeta(t, id, "session_tokens", fmt.Sprintf(`a:1:{s:64:"%x";a:1:{s:10:"expiration";i:%s;}}`, verifier, expires))

	fragment := passwordHash[len(passwordHash)-4:]
	key := mac(md5.New, salts["LOGGED_IN_KEY"]+salts["LOGGED_IN_SALT"], login+"|"+fragment+"|"+expires+"|"+sessionToken)
	proof := mac(sha256.New, key, login+"|"+expires+"|"+sessionToken)
	tick := (time.Now().Unix() + 43199) / 43200
	nonce := mac(md5.New, salts["NONCE_KEY"]+salts["NONCE_SALT"], fmt.Sprintf("%d|wp_rest|%d|%s", tick, id, sessionToken))
	return viewer{
		id:     id,
		cookie: "wordpress_logged_in_0123=" + url.PathEscape(strings.Join([]string{login, expires, sessionToken, proof}, "|")),
		nonce:  nonce[20:30],
		client: &http.Client{Transport: contracttest.Transport(t, nil), Timeout: 20 * time.Second},
	}
}

func mac(algorithm func() hash.Hash, key, text string) string {
	h := hmac.New(algorithm, []byte(key))
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

// answer is a status and a decoded body.
type answer struct {
	status int
	header http.Header
	body   map[string]any
}

// send posts to a route of the instance as the viewer; an empty body is a GET.
func (v viewer) send(s *service, route, body string) (answer, error) {
	method, content := http.MethodPost, io.Reader(bytes.NewBufferString(body))
	if body == "" {
		method, content = http.MethodGet, nil
	}
	req, err := http.NewRequest(method, s.URL+"/wp-json/autowebinar/v1"+route, content)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Cookie", v.cookie)
	req.Header.Set("X-WP-Nonce", v.nonce)
	res, err := v.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header}
	return a, json.NewDecoder(res.Body).Decode(&a.body)
}

// must sends and wants a status.
func (v viewer) must(t testing.TB, s *service, status int, route, body string) answer {
	t.Helper()
	a, err := v.send(s, route, body)
	require.NoError(t, err)
	require.Equal(t, status, a.status, "%s %s: %v", route, body, a.body)
	return a
}

// passes lets time go by for a viewer: the stored times move into the past.
func passes(t testing.TB, db *mariadbtest.DB, v viewer, d time.Duration) {
	t.Helper()
	_, err := db.SQL.Exec(`UPDATE wp_usermeta SET meta_value = DATE_SUB(meta_value, INTERVAL ? SECOND)
		WHERE user_id = ? AND meta_key IN ('autowebinar_last_seen_at', 'autowebinar_last_seen_at@intro', 'autowebinar_last_seen_at@pro')`,
		int(d.Seconds()), v.id)
	require.NoError(t, err)
}
