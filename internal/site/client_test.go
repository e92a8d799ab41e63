package site

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/servicetest"
)

// client sends requests of a logged-in user, with cookies and a nonce.
type client struct {
	site  *site
	http  *http.Client
	nonce string
}

// newClient logs a user in with wp-login.php and fetches a nonce, as the scripts of
// WordPress do.
func newClient(t testing.TB, s *site, login string) *client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	c := &client{site: s, http: &http.Client{Jar: jar, Timeout: waitTimeout}}
	home, err := url.Parse(s.home)
	require.NoError(t, err)
	jar.SetCookies(home, []*http.Cookie{{Name: "wordpress_test_cookie", Value: "WP%20Cookie%20check", Path: "/"}})
	form := url.Values{"log": {login}, "pwd": {password}, "redirect_to": {s.home + "/wp-admin/admin-ajax.php?action=rest-nonce"}}
	res, err := c.http.PostForm(s.home+"/wp-login.php", form)
	require.NoError(t, err)
	defer res.Body.Close()
	nonce, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Regexp(t, `^[0-9a-f]{10}$`, string(nonce), "logged in")
	c.nonce = string(nonce)
	return c
}

// cookies returns the cookies that are sent to the service.
func (c *client) cookies(t testing.TB) []*http.Cookie {
	t.Helper()
	base, err := url.Parse(c.site.base())
	require.NoError(t, err)
	return c.http.Jar.Cookies(base)
}

// base returns the address of the service's routes at the web server.
func (s *site) base() string {
	if s.plainPermalinks {
		return s.home + "/index.php?rest_route=/autowebinar/v1"
	}
	return s.home + "/wp-json/autowebinar/v1"
}

// send sends a request through the web server: a GET if the body is empty.
func (c *client) send(t testing.TB, route, body string) servicetest.Response {
	t.Helper()
	return sendRequest(t, c.http, c.site.base()+route, body, http.Header{"X-Wp-Nonce": {c.nonce}})
}

func (c *client) must(t testing.TB, status int, route, body string) servicetest.Response {
	t.Helper()
	res := c.send(t, route, body)
	require.Equal(t, status, res.Status, "%s %s: %v", route, body, res.Body)
	return res
}

// mustEventually repeats a request while the service responds with 503, as it
// does when WordPress is too slow.
func (c *client) mustEventually(t testing.TB, status int, route, body string) {
	t.Helper()
	require.Eventually(t, func() bool {
		res := c.send(t, route, body)
		return res.Status != http.StatusServiceUnavailable && assert.Equal(t, status, res.Status, "%s %s: %v", route, body, res.Body)
	}, waitTimeout, time.Second)
}

// serviceRequest sends a request with the service key.
func (s *site) serviceRequest(t testing.TB, status int, route, body string) servicetest.Response {
	t.Helper()
	res := sendRequest(t, http.DefaultClient, s.base()+route, body, http.Header{"Authorization": {"Bearer " + servicetest.ServiceKey}})
	require.Equal(t, status, res.Status, "%s %s: %v", route, body, res.Body)
	return res
}

func sendRequest(t testing.TB, doer *http.Client, address, body string, header http.Header) servicetest.Response {
	t.Helper()
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	require.NoError(t, err)
	req.Header = header.Clone()
	req.Header.Set("Content-Type", "application/json")
	res, err := doer.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	a := servicetest.Response{Status: res.StatusCode, Header: res.Header}
	if len(bytes.TrimSpace(text)) > 0 {
		require.NoError(t, json.Unmarshal(text, &a.Body), "%s: %s: %s", address, res.Status, text)
	}
	return a
}
