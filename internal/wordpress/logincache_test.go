package wordpress

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

func TestVerifiedCookieIsCachedFor30Seconds(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first, err := s.verify(t, s.goldenCookie())
	require.NoError(t, err)
	s.exec(t, "DELETE FROM wp_usermeta")

	s.advance(30*time.Second - 1)
	again, err := s.verify(t, s.goldenCookie())
	require.NoError(t, err)
	assert.Equal(t, first, again)
	s.advance(1)
	_, err = s.verify(t, s.goldenCookie())
	assert.ErrorIs(t, err, errNoSession, "a logout takes effect within 30 s")
}

func TestCacheKeyCoversTheWholeCookie(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, err := s.verify(t, s.goldenCookie())
	require.NoError(t, err)
	value := s.golden.value()
	for name, forged := range map[string]*http.Cookie{
		"signature":  encodedCookie(cookieName, value[:len(value)-1]+"0"),
		"user":       encodedCookie(cookieName, "root"+strings.TrimPrefix(value, goldenLogin)),
		"expiration": encodedCookie(cookieName, strings.Replace(value, "1893456000", "1993456000", 1)),
	} {
		_, err := s.verify(t, forged)
		assert.ErrorIs(t, err, ErrNotLoggedIn, name)
	}
}

func TestCachedCookieStillExpires(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.advance(time.Hour - 10*time.Second)
	_, err := s.verify(t, s.goldenCookie())
	require.NoError(t, err)
	s.advance(10 * time.Second)
	_, err = s.verify(t, s.goldenCookie())
	require.NoError(t, err, "the last second")
	s.advance(time.Second)
	_, err = s.verify(t, s.goldenCookie())
	assert.ErrorIs(t, err, errExpired)
}

func TestCachedSessionStillExpires(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.exec(t, "UPDATE wp_usermeta SET meta_value = ?",
		serializedSession(goldenVerifier, s.clock().Unix()+5))
	_, err := s.verify(t, s.goldenCookie())
	require.NoError(t, err)
	s.advance(6 * time.Second)
	_, err = s.verify(t, s.goldenCookie())
	assert.ErrorIs(t, err, errNoSession)
}

func TestErrorsAreNotCached(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.exec(t, "UPDATE wp_usermeta SET meta_value = 'a:0:{}'")
	_, err := s.verify(t, s.goldenCookie())
	require.ErrorIs(t, err, errNoSession)
	s.exec(t, "UPDATE wp_usermeta SET meta_value = ?", serializedSession(goldenVerifier, goldenExpiration))
	_, err = s.verify(t, s.goldenCookie())
	assert.NoError(t, err)
}

func TestCacheForIsLimitedAndCanBeDisabled(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ configured, want time.Duration }{
		"default":  {0, 30 * time.Second},
		"shorter":  {time.Second, time.Second},
		"too long": {time.Hour, 30 * time.Second},
		"disabled": {-1, -1},
	} {
		assert.Equal(t, tt.want, NewLogins(Config{CacheFor: tt.configured}).cache.lifetime, name)
	}
	s := newSite(t, func(c *Config) { c.CacheFor = -1 })
	_, err := s.verify(t, s.goldenCookie())
	require.NoError(t, err)
	s.exec(t, "DELETE FROM wp_usermeta")
	_, err = s.verify(t, s.goldenCookie())
	assert.ErrorIs(t, err, errNoSession)
}

func TestVerifyConcurrently(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	valid := s.goldenCookie()
	malformed := encodedCookie(cookieName+"b", s.golden.value()[:20]+"|x|y")
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			for range 20 {
				if worker%2 == 0 {
					login, err := s.logins.Verify(t.Context(), []*http.Cookie{malformed, valid}, nil)
					assert.NoError(t, err)
					assert.Equal(t, webinar.UserID(7), login.User)
					assert.True(t, s.logins.CheckNonce(login, s.logins.Nonce(login)))
				} else {
					_, err := s.logins.Verify(t.Context(), []*http.Cookie{malformed}, nil)
					assert.ErrorIs(t, err, ErrNotLoggedIn)
				}
			}
		})
	}
	wg.Wait()
}

func TestDatabaseFailureIsNotErrNotLoggedIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	t.Run("a canceled request is verified", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.logins.Verify(ctx, []*http.Cookie{s.goldenCookie()}, nil)
		require.NoError(t, err)
	})
	t.Run("blocked", func(t *testing.T) {
		t.Parallel()
		logins := NewLogins(Config{Accounts: newAccounts(s.db.SQL), Salts: goldenSalts(t), Now: s.clock})
		for range maxConcurrentLookups {
			logins.lookupSlots <- struct{}{} // a lookup that does not end
		}
		started := time.Now()
		_, err := logins.Verify(t.Context(), []*http.Cookie{s.goldenCookie()}, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NotErrorIs(t, err, ErrNotLoggedIn)
		assert.Less(t, time.Since(started), verifyTimeout+time.Second)
	})
	t.Run("unreachable", func(t *testing.T) {
		t.Parallel()
		unreachable, err := sqlx.Open("mysql", "u:p@unix("+t.TempDir()+"/none.sock)/wp")
		require.NoError(t, err)
		t.Cleanup(func() { _ = unreachable.Close() })
		logins := NewLogins(Config{Accounts: newAccounts(unreachable), Salts: goldenSalts(t), Now: s.clock})
		_, err = logins.Verify(t.Context(), []*http.Cookie{s.goldenCookie(), encodedCookie(cookieName+"b", s.golden.value())}, nil)
		require.Error(t, err)
		assert.NotErrorIs(t, err, ErrNotLoggedIn)
		assert.ErrorContains(t, err, "wordpress: read login: ")
	})
	t.Run("no such table", func(t *testing.T) {
		t.Parallel()
		logins := NewLogins(Config{Accounts: usermeta.New(&wpdb.DB{DB: s.db.SQL, Config: wpdb.Config{UsersTable: "missing", UsermetaTable: "wp_usermeta"}}, usermeta.Options{}), Salts: goldenSalts(t), Now: s.clock})
		_, err := logins.Verify(t.Context(), []*http.Cookie{s.goldenCookie()}, nil)
		require.Error(t, err)
		assert.NotErrorIs(t, err, ErrNotLoggedIn)
	})
}
