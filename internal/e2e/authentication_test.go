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

// Index of the tests of authentication and authorization, by kind of attack.
//
//	forged, truncated, re-signed cookies  httpapi TestForgedCookies, wordpress TestVerifyErrors, TestSignatureCoversEveryPart, FuzzCookie
//	expired cookies and sessions          wordpress TestCookieExpiresAfterItsLastSecond, TestCachedCookieStillExpires, TestCachedSessionStillExpires
//	replayed after a logout, a password   TestLoginEndsWithSessionPasswordOrUser; within the 30 s of the cache: wordpress TestRevokedLogins
//	  change, the end of a session or user
//	another user's nonce, another action  httpapi TestForeignNonces, TestWordPressLogins, FuzzNonce
//	JWT: none, other algorithms, RS/HS    httpapi TestTokensOfOtherAlgorithmsAndKeys; kid, jku, JWE, twice the same claim: TestManipulatedTokens, FuzzParseJWT
//	JWT: expired, future, no exp, users   httpapi TestViewerTokens, TestManipulatedTokens, FuzzClaims
//	guessed service keys                  httpapi TestEveryServiceKeyIsCompared (reads the comparison), TestEveryByteOfAServiceKeyCounts
//	another viewer's session              httpapi TestSessionMismatch, TestAuthorizationOfEveryRoute, FuzzRequests; TestHostileRequests
//	another site's page with a cookie     httpapi TestCrossSiteRequestsAreRejected, TestListedOrigin, FuzzOrigin; TestHostileRequests
//	forged forwarding headers             httpapi TestForwardedAddresses, TestLoginLimitCannotBeEvaded, TestForwardedHostIsIgnored,
//	                                      TestLoginLimitTrustsOnlyOwnProxies, FuzzForwardedFor; TestLoginLimitIgnoresForwardedHeaders
//	redirects by the receiver             TestReceiverRedirectIsNotFollowed
//	SQL in the prefix or a table's name   config TestInvalidValues, FuzzSetting
//	SQL in any value                      TestHostileRequests; wordpress TestUnknownLoginNames
//	probing for user names                httpapi TestForgedCookies (identical responses), TestUnknownUser (with a valid token)
//	rates of viewers and failed logins    httpapi TestViewerRateLimit, TestFailedLoginLimit, TestInvalidNoncesCountPerViewer, TestFailedLoginsCountPerNetwork
//	forgeries behind other cookies        wordpress TestForgedCookieIsReportedAmongInvalidOnes
//	memory under a flood                  httpapi TestLimiterMemoryIsBounded, TestLimiterIsBounded; wordpress TestCacheIsBounded; TestLoginLimitIgnoresForwardedHeaders
//	slow clients                          TestSlowClientsDoNotDelayOthers

// signJWT returns a JWT signed with the secret of the tests.
func signJWT(t testing.TB, claims map[string]any) string {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(claims)).SignedString([]byte(jwtSecret))
	require.NoError(t, err)
	return token
}

// TestLoginEndsWithSessionPasswordOrUser uses cookies that are new to the
// service, because a cached login remains valid for up to 30 seconds.
func TestLoginEndsWithSessionPasswordOrUser(t *testing.T) {
	t.Parallel()
	tgt := newTarget(t)
	for id, statement := range map[uint64]string{
		10: "UPDATE wp_usermeta SET meta_value = 'a:0:{}' WHERE user_id = 10 AND meta_key = 'session_tokens'",
		11: "DELETE FROM wp_usermeta WHERE user_id = 11 AND meta_key = 'session_tokens'",
		12: "UPDATE wp_users SET user_pass = '$wp$2y$10$another.password.of.the.same.user.0123456789abcdefghijkl' WHERE ID = 12",
		13: "DELETE FROM wp_users WHERE ID = 13",
	} {
		v := servicetest.NewViewer(t, tgt.db, id)
		_, err := tgt.db.SQL.Exec(statement)
		require.NoError(t, err)
		for _, route := range []string{"/session", "/enter"} {
			body := map[string]string{"/enter": `{"webinar_id":"intro"}`}[route]
			res := v.Must(t, tgt.service, 401, route, body)
			assert.Equal(t, "rest_not_logged_in", res.Body["code"], statement)
			assert.Empty(t, res.Header.Get("X-WP-Nonce"))
		}
		assert.Empty(t, viewerRows(t, tgt.db, v), "a rejected request leaves no row")
	}
	token := signJWT(t, map[string]any{"sub": "13", "exp": time.Now().Add(time.Hour).Unix()})
	responses := tgt.exchange(t, rawRequest("POST "+api+"/enter", "Host: example.test\r\nAuthorization: Bearer "+token+"\r\n", `{"webinar_id":"intro"}`))
	require.Len(t, responses, 1)
	assert.Equal(t, "404 autowebinar_unknown_user", responses[0].String(), "the token of a deleted user creates no rows")
}

// The operator chooses the address of the receiver, but not the target of its
// redirects, which might be an internal service.
func TestReceiverRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var redirected, received atomic.Int64
	metadata := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { redirected.Add(1) }))
	t.Cleanup(metadata.Close)
	statuses := []int{301, 302, 303, 307, 308, 300, 305}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := received.Add(1)
		w.Header().Set("Location", metadata.URL+"/latest/meta-data/")
		w.Header().Set("Refresh", "0; url="+metadata.URL)
		w.WriteHeader(statuses[int(n)%len(statuses)])
	}))
	t.Cleanup(receiver.Close)

	db := mariadbtest.New(t)
	v := servicetest.NewViewer(t, db, 1)
	s := servicetest.Start(t, servicetest.Settings(db.DSN, receiver.URL)).Ready(t)
	v.Must(t, s, 201, "/enter", `{"webinar_id":"intro"}`)
	failed := v.Must(t, s, 503, "/form", `{"webinar_id":"intro","form_id":"f","form_payload":{}}`)
	assert.NotEmpty(t, failed.Header.Get("Retry-After"))
	require.Eventually(t, func() bool { return received.Load() >= int64(len(statuses)) }, 60*time.Second, 20*time.Millisecond, "every status was sent")
	assert.Zero(t, redirected.Load())
	assert.NotEmpty(t, db.Meta(t, 1)["autowebinar_outbox_wait"], "a redirect is not an acceptance")
}
