package wordpress

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

func TestMain(m *testing.M) { mariadbtest.Main(m) }

// site is the database of a WordPress site with one user, 7, who has logged in
// with the golden cookie of the bcrypt hash. The time is one hour before the
// cookie expires.
type site struct {
	db     *mariadbtest.DB
	logins *Logins
	log    *bytes.Buffer
	golden golden

	mu  sync.Mutex
	now time.Time
}

func newSite(t *testing.T, configure ...func(*Config)) *site {
	s := &site{db: mariadbtest.New(t), golden: goldenCookies()[0], now: beforeExpiry(), log: new(bytes.Buffer)}
	s.db.AddUser(t, 7, goldenLogin, s.golden.userPass)
	s.addSession(t, 7, serializedSession(goldenVerifier, goldenExpiration))

	// As in production, the account cannot write to these tables.
	service, err := sqlx.Open("mysql", s.db.DSN)
	require.NoError(t, err)
	t.Cleanup(func() { _ = service.Close() })
	config := Config{Accounts: newAccounts(service), Salts: goldenSalts(t), Now: s.clock, Logger: slog.New(slog.NewTextHandler(s.log, nil))}
	for _, change := range configure {
		change(&config)
	}
	s.logins = NewLogins(config)
	return s
}

// newAccounts reads the accounts as the service does.
func newAccounts(db *sqlx.DB) Accounts {
	return usermeta.New(&wpdb.DB{DB: db, Config: wpdb.Config{UsersTable: "wp_users", UsermetaTable: "wp_usermeta"}}, usermeta.Options{})
}

func (s *site) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	_, err := s.db.SQL.Exec(statement, args...)
	require.NoError(t, err)
}

func (s *site) addSession(t *testing.T, user webinar.UserID, row string) {
	t.Helper()
	s.exec(t, "INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (?, 'session_tokens', ?)", uint64(user), row)
}

func (s *site) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *site) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func (s *site) verify(t *testing.T, cookies ...*http.Cookie) (Login, error) {
	return s.logins.Verify(t.Context(), cookies, nil)
}

func (s *site) goldenCookie() *http.Cookie { return encodedCookie(cookieName, s.golden.value()) }

func TestVerifyGoldenCookies(t *testing.T) {
	t.Parallel()
	for _, g := range goldenCookies() {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.exec(t, "UPDATE wp_users SET user_pass = ?", g.userPass)
			login, err := s.verify(t, encodedCookie(cookieName, g.value()))
			require.NoError(t, err)
			assert.Equal(t, webinar.UserID(7), login.User)
			assert.Equal(t, goldenToken, login.token)
		})
	}
}

func TestNonceOfAVerifiedLogin(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	login, err := s.verify(t, s.goldenCookie())
	require.NoError(t, err)

	nonce := s.logins.Nonce(login)
	assert.True(t, s.logins.CheckNonce(login, nonce))
	assert.False(t, s.logins.CheckNonce(login, ""))
	s.advance(12 * time.Hour)
	assert.True(t, s.logins.CheckNonce(login, nonce))
	s.advance(12*time.Hour + time.Second)
	assert.False(t, s.logins.CheckNonce(login, nonce))

	s.now = time.Unix(goldenTick*43200, 0)
	assert.Equal(t, goldenNonce, s.logins.Nonce(login))
	assert.True(t, s.logins.CheckNonce(login, goldenNonce))
}

func TestConfiguredNonceLife(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.NonceLife = time.Hour })
	login, err := s.verify(t, s.goldenCookie())
	require.NoError(t, err)
	nonce := s.logins.Nonce(login)
	s.advance(time.Hour + time.Second)
	assert.False(t, s.logins.CheckNonce(login, nonce))
}

func TestVerifyErrors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		arrange func(t *testing.T, s *site)
		want    error
	}{
		"expired cookie": {func(_ *testing.T, s *site) { s.advance(time.Hour + time.Second) }, errExpired},
		"deleted user": {func(t *testing.T, s *site) {
			s.exec(t, "DELETE FROM wp_users")
		}, errNoUser},
		"login that differs in case": {func(t *testing.T, s *site) {
			s.exec(t, "UPDATE wp_users SET user_login = 'Demo.User'")
		}, errNoUser},
		"login that differs in accents": {func(t *testing.T, s *site) {
			s.exec(t, "UPDATE wp_users SET user_login = 'démo.user'")
		}, errNoUser},
		"login that differs in trailing blanks": {func(t *testing.T, s *site) {
			s.exec(t, "UPDATE wp_users SET user_login = 'demo.user '")
		}, errNoUser},
		"password changed": {func(t *testing.T, s *site) {
			s.exec(t, "UPDATE wp_users SET user_pass = '$wp$2y$10$something.else.entirely'")
		}, errSignature},
		"no password": {func(t *testing.T, s *site) {
			s.exec(t, "UPDATE wp_users SET user_pass = ''")
		}, errSignature},
		"no sessions": {func(t *testing.T, s *site) {
			s.exec(t, "DELETE FROM wp_usermeta")
		}, errNoSession},
		"sessions NULL": {func(t *testing.T, s *site) {
			s.exec(t, "UPDATE wp_usermeta SET meta_value = NULL")
		}, errNoSession},
		"logged out everywhere": {func(t *testing.T, s *site) {
			s.exec(t, "UPDATE wp_usermeta SET meta_value = 'a:0:{}'")
		}, errNoSession},
		"session of another user": {func(t *testing.T, s *site) {
			s.exec(t, "UPDATE wp_usermeta SET user_id = 8")
		}, errNoSession},
		"session expires before the cookie": {func(t *testing.T, s *site) {
			s.exec(t, "UPDATE wp_usermeta SET meta_value = ?", serializedSession(goldenVerifier, goldenExpiration-3601))
		}, errNoSession},
		"key of sessions in another case": {func(t *testing.T, s *site) {
			s.exec(t, "UPDATE wp_usermeta SET meta_key = 'Session_Tokens'")
		}, errNoSession},
		"sessions invalid": {func(t *testing.T, s *site) {
			s.exec(t, `UPDATE wp_usermeta SET meta_value = 'O:8:"Sessions":0:{}'`)
		}, errNoSession},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			tt.arrange(t, s)
			login, err := s.verify(t, s.goldenCookie())
			require.ErrorIs(t, err, ErrNotLoggedIn)
			require.ErrorIs(t, err, tt.want)
			assert.Zero(t, login)
			assert.Zero(t, s.logins.cache.size(), "errors are not cached")
		})
	}
}

func TestVerifyAcceptsTheLastSecondOfACookie(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.advance(time.Hour)
	_, err := s.verify(t, s.goldenCookie())
	assert.NoError(t, err)
}

func TestSessionRowWithTheLowestIDIsUsed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.addSession(t, 7, "a:0:{}")
	_, err := s.verify(t, s.goldenCookie())
	require.NoError(t, err)

	s.advance(maxCacheFor)
	s.exec(t, "UPDATE wp_usermeta SET umeta_id = 1000 ORDER BY umeta_id LIMIT 1")
	_, err = s.verify(t, s.goldenCookie())
	assert.ErrorIs(t, err, errNoSession)
}

func TestInvalidSessionsAreLoggedOnceAMinute(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.exec(t, `UPDATE wp_usermeta SET meta_value = 'O:8:"Sessions":0:{}'`)
	lines := func() int { return strings.Count(s.log.String(), "user=7") }
	for range 3 {
		_, err := s.verify(t, s.goldenCookie())
		require.ErrorIs(t, err, errNoSession)
	}
	assert.Equal(t, 1, lines())
	s.advance(time.Minute)
	_, err := s.verify(t, s.goldenCookie())
	require.ErrorIs(t, err, errNoSession)
	assert.Equal(t, 2, lines())
	assert.NotContains(t, s.log.String(), goldenToken)
}

func TestVerifyWithoutSalts(t *testing.T) {
	t.Parallel()
	logins := NewLogins(Config{Now: beforeExpiry})
	_, err := logins.Verify(t.Context(), []*http.Cookie{encodedCookie(cookieName, goldenCookies()[0].value())}, nil)
	assert.ErrorIs(t, err, ErrNotLoggedIn)
}

func TestMalformedAndExpiredCookiesCostNoQuery(t *testing.T) {
	t.Parallel()
	// A query would panic, because there is no database.
	logins := NewLogins(Config{Salts: goldenSalts(t), Now: func() time.Time { return time.Unix(goldenExpiration+1, 0) }})
	for name, cookies := range map[string][]*http.Cookie{
		"no cookies":       nil,
		"other cookies":    {encodedCookie("wordpress_test_cookie", goldenCookies()[0].value())},
		"malformed cookie": {encodedCookie(cookieName, "a|b|c")},
		"expired cookie":   {encodedCookie(cookieName, goldenCookies()[0].value())},
	} {
		_, err := logins.Verify(t.Context(), cookies, nil)
		assert.ErrorIs(t, err, ErrNotLoggedIn, name)
	}
}

func TestVerifyTriesCookies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	valid := s.golden.value()
	forged := valid[:len(valid)-1] + "x"
	cookie := func(name, value string) *http.Cookie { return encodedCookie(cookiePrefix+name, value) }
	for name, tt := range map[string]struct {
		cookieName string
		cookies    []*http.Cookie
		want       bool
	}{
		"the fourth name": {"", []*http.Cookie{
			cookie("a", forged), cookie("b", forged), cookie("c", forged), cookie("d", valid),
		}, true},
		"not the fifth name": {"", []*http.Cookie{
			cookie("a", forged), cookie("b", forged), cookie("c", forged), cookie("d", forged), cookie("e", valid),
		}, false},
		"malformed ones do not count": {"", []*http.Cookie{
			cookie("a", "x"), cookie("b", "x"), cookie("c", "x|1|t|h"), cookie("d", "zz"), cookie("e", valid),
		}, true},
		"other cookies do not count": {"", []*http.Cookie{
			encodedCookie("a", forged), encodedCookie("b", forged), encodedCookie("c", forged), encodedCookie("d", forged), cookie("e", valid),
		}, true},
		"the first of two with the same name": {"", []*http.Cookie{cookie("a", forged), cookie("a", valid)}, false},
		"repeated names do not count": {"", []*http.Cookie{
			cookie("a", forged), cookie("a", forged), cookie("a", forged), cookie("a", forged), cookie("b", valid),
		}, true},
		"the configured name":       {cookiePrefix + "z", []*http.Cookie{cookie("a", forged), cookie("z", valid)}, true},
		"not the configured name":   {cookiePrefix + "z", []*http.Cookie{cookie("a", valid)}, false},
		"a name without the prefix": {"members", []*http.Cookie{encodedCookie("members", valid)}, true},
	} {
		logins := NewLogins(Config{Accounts: newAccounts(s.db.SQL), Salts: goldenSalts(t), Now: s.clock, CookieName: tt.cookieName})
		_, err := logins.Verify(t.Context(), tt.cookies, nil)
		if tt.want {
			assert.NoError(t, err, name)
		} else {
			assert.ErrorIs(t, err, ErrNotLoggedIn, name)
		}
	}
}

// After a site has moved, browsers may send two valid cookies.
func TestAcceptSelectsAmongValidLogins(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	both := []*http.Cookie{encodedCookie(cookiePrefix+"old", s.golden.value()), encodedCookie(cookiePrefix+"new", s.golden.value())}
	calls := 0
	_, err := s.logins.Verify(t.Context(), both, func(Login) bool { calls++; return calls == 2 })
	require.NoError(t, err)
	_, err = s.logins.Verify(t.Context(), append(both, encodedCookie(cookiePrefix+"x", "malformed")), func(Login) bool { return false })
	require.ErrorIs(t, err, ErrNotAccepted)
	assert.NotErrorIs(t, err, ErrNotLoggedIn)
	_, err = s.logins.Verify(t.Context(), []*http.Cookie{encodedCookie(cookiePrefix+"x", s.golden.value()[:90]+"x")}, nil)
	require.ErrorIs(t, err, ErrNotLoggedIn)
}
