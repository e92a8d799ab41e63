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

	"github.com/stretchr/testify/require"

	"autowebinar/internal/servicetest"
)

// client is a logged-in user's program: cookies and a nonce, and no page.
type client struct {
	site  *site
	http  *http.Client
	nonce string
}

// newClient logs a user in through wp-login.php and fetches a nonce, as
// WordPress's scripts do.
func newClient(t testing.TB, s *site, login string) *client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	c := &client{site: s, http: &http.Client{Jar: jar, Timeout: time.Minute}}
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

// cookies are those that reach the service.
func (c *client) cookies(t testing.TB) []*http.Cookie {
	t.Helper()
	base, err := url.Parse(c.site.base())
	require.NoError(t, err)
	return c.http.Jar.Cookies(base)
}

// base is the address of the service's routes, through the web server.
func (s *site) base() string {
	if s.plainPermalinks {
		return s.home + "/index.php?rest_route=/autowebinar/v1"
	}
	return s.home + "/wp-json/autowebinar/v1"
}

// send asks the service through the web server; an empty body is a GET.
func (c *client) send(t testing.TB, route, body string) servicetest.Response {
	t.Helper()
	return sendRequest(t, c.http, c.site.base()+route, body, http.Header{"X-Wp-Nonce": {c.nonce}})
}

func (c *client) must(t testing.TB, status int, route, body string) servicetest.Response {
	t.Helper()
	a := c.send(t, route, body)
	require.Equal(t, status, a.Status, "%s %s: %v", route, body, a.Body)
	return a
}

// serve asks as a server with the service key.
func (s *site) serviceRequest(t testing.TB, status int, route, body string) servicetest.Response {
	t.Helper()
	a := sendRequest(t, http.DefaultClient, s.base()+route, body, http.Header{"Authorization": {"Bearer " + servicetest.ServiceKey}})
	require.Equal(t, status, a.Status, "%s %s: %v", route, body, a.Body)
	return a
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
