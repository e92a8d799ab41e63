package e2e

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/servicetest"
)

// Nobody gets in: where each way of trying is tested.
//
//	forged, cut, re-signed cookies        httpapi TestForgedCookies, wordpress TestVerifyRefuses, TestSignatureCoversEveryPart, FuzzCookie
//	expired cookies and sessions          wordpress TestCookieExpiresAfterItsSecond, TestCachedCookieStillExpires, TestCachedSessionStillExpires
//	replayed after a logout, a password   TestLoginEndsWithSessionPasswordOrUser; within the 30 s of the cache: wordpress TestWhatEndsALogin
//	  change, the end of a session or user
//	another user's nonce, another action  httpapi TestForeignNonces, TestWordPressLogins, FuzzNonce
//	JWT: none, other algorithms, RS/HS    httpapi TestTokensOfOtherAlgorithmsAndKeys; kid, jku, JWE, twice the same claim: TestManipulatedTokens, FuzzParseJWT
//	JWT: expired, future, no exp, users   httpapi TestViewerTokens, TestManipulatedTokens, FuzzClaims
//	guesses of a service key              httpapi TestEveryServiceKeyIsCompared (reads the comparison), TestEveryByteOfAServiceKeyCounts
//	another viewer's session              httpapi TestSessionMismatch, TestAuthorizationOfEveryRoute, FuzzRequests; TestHostileRequests
//	another site's page with a cookie     httpapi TestCrossSiteRequestsAreRejected, TestListedOrigin, FuzzOrigin; TestHostileRequests
//	forwarded headers of a stranger       httpapi TestForwardedAddresses, TestLoginLimitCannotBeEvaded, TestForwardedHostIsIgnored,
//	                                      TestLoginLimitTrustsOnlyOwnProxies, FuzzForwardedFor; TestLoginLimitIgnoresForwardedHeaders
//	a sink's redirect                     TestReceiverRedirectIsNotFollowed
//	SQL in the prefix or a table's name   config TestBadValues, FuzzSetting
//	SQL in any value                      TestHostileRequests; wordpress TestStrangeNamesAreNobody
//	does this user exist?                 httpapi TestForgedCookies (one answer, byte by byte), TestUnknownUser (whom a token proves)
//	rates of viewers and failed logins    httpapi TestViewerRateLimit, TestFailedLoginLimit, TestInvalidNoncesCountPerViewer, TestFailedLoginsCountPerNetwork
//	forgeries behind other cookies        wordpress TestJunkDoesNotHideAForgery
//	memory under a flood                  httpapi TestLimiterMemoryIsBounded, TestLimiterIsBounded; wordpress TestCacheIsBounded; TestLoginLimitIgnoresForwardedHeaders
//	slow clients                          TestSlowClientsDoNotDelayOthers

// signJWT is a JWT under the secret of the tests.
func signJWT(t testing.TB, claims map[string]any) string {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(claims)).SignedString([]byte(jwtSecret))
	require.NoError(t, err)
	return token
}

// TestLoginEndsWithSessionPasswordOrUser asks with cookies that are new to the
// service: what was seen lately may go on for half a minute.
func TestLoginEndsWithSessionPasswordOrUser(t *testing.T) {
	t.Parallel()
	tt := newTarget(t)
	for id, statement := range map[uint64]string{
		10: "UPDATE wp_usermeta SET meta_value = 'a:0:{}' WHERE user_id = 10 AND meta_key = 'session_tokens'",
		11: "DELETE FROM wp_usermeta WHERE user_id = 11 AND meta_key = 'session_tokens'",
		12: "UPDATE wp_users SET user_pass = '$wp$2y$10$another.password.of.the.same.user.0123456789abcdefghijkl' WHERE ID = 12",
		13: "DELETE FROM wp_users WHERE ID = 13",
	} {
		v := servicetest.NewViewer(t, tt.db, id)
		_, err := tt.db.SQL.Exec(statement)
		require.NoError(t, err)
		for _, route := range []string{"/session", "/enter"} {
			body := map[string]string{"/enter": `{"webinar_id":"intro"}`}[route]
			a := v.Must(t, tt.service, 401, route, body)
			assert.Equal(t, "rest_not_logged_in", a.Body["code"], statement)
			assert.Empty(t, a.Header.Get("X-WP-Nonce"))
		}
		assert.Empty(t, viewerRows(t, tt.db, v), "a stranger leaves no row")
	}
	gone := signJWT(t, map[string]any{"sub": "13", "exp": time.Now().Add(time.Hour).Unix()})
	answers := tt.exchange(t, rawRequest("POST "+api+"/enter", "Host: example.test\r\nAuthorization: Bearer "+gone+"\r\n", `{"webinar_id":"intro"}`))
	require.Len(t, answers, 1)
	assert.Equal(t, "404 autowebinar_unknown_user", answers[0].String(), "a token outlives its user, who is not made anew")
}

// TestReceiverRedirectIsNotFollowed: the sink's own address is the operator's
// choice, where it points to is not.
func TestReceiverRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var inside, asked atomic.Int64
	metadata := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inside.Add(1) }))
	t.Cleanup(metadata.Close)
	statuses := []int{301, 302, 303, 307, 308, 300, 305}
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := asked.Add(1)
		w.Header().Set("Location", metadata.URL+"/latest/meta-data/")
		w.Header().Set("Refresh", "0; url="+metadata.URL)
		w.WriteHeader(statuses[int(n)%len(statuses)])
	}))
	t.Cleanup(sink.Close)

	db := mariadbtest.New(t)
	v := servicetest.NewViewer(t, db, 1)
	s := servicetest.Start(t, servicetest.Settings(db.DSN, sink.URL)).Ready(t)
	v.Must(t, s, 201, "/enter", `{"webinar_id":"intro"}`)
	refused := v.Must(t, s, 503, "/form", `{"webinar_id":"intro","form_id":"f","form_payload":{}}`)
	assert.NotEmpty(t, refused.Header.Get("Retry-After"))
	require.Eventually(t, func() bool { return asked.Load() >= int64(len(statuses)) }, 60*time.Second, 20*time.Millisecond, "each status was seen")
	assert.Zero(t, inside.Load())
	assert.NotEmpty(t, db.Meta(t, 1)["autowebinar_outbox_wait"], "a redirect is no acceptance")
}
