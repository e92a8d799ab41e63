package demo

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/wordpress"
	"autowebinar/internal/wpdb"
)

func TestMain(m *testing.M) { mariadbtest.Main(m) }

// The vectors come from WordPress 7.1.4.
func TestLoginCookieMatchesWordPress(t *testing.T) {
	t.Parallel()
	const token = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfG"
	for pass, want := range map[string]string{
		"$wp$2y$10$oxkvmOZ722TlF1H8Z4T7J.unp1llL1kR3YynDATrqXmOnDu7hPcfO": "a650553dda0a00f1de61aa18a757fd0b2efcd6fb70086f55e037616dd5069d66",
		"$P$B8CcQhJ9QZsm.hW9icFgXmDpJpJN0E/":                              "159a408c08a148f338bf69e9668b1df19fba280faf4a1869b4f1cd78488f440a",
		"$2y$10$abcdefghijklmnopqrstuuWXYZ0123456789abcdefghijklmnopqrst": "bbe1c5b145c209b75fcfb195ac97e35d918c00ea33a1eaa4009ada370d8165ca",
	} {
		value := loginCookie(`li-key-71|"x`+`li-salt-71 $&`, "demo.user", pass, time.Unix(1893456000, 0), token)
		plain, err := url.PathUnescape(value)
		require.NoError(t, err)
		assert.Equal(t, "demo.user|1893456000|"+token+"|"+want, plain)
		assert.NotContains(t, value, "|", "encoded as by PHP's setcookie")
	}
	assert.Equal(t, "088ba58f3d5db4738269c9a1861fcfa027d18a65b3ab624b1a18f3893df8bcc7", sessionKey(token))
}

func TestNonceMatchesWordPress(t *testing.T) {
	t.Parallel()
	const salt = "nonce-key-71" + "nonce-salt-71"
	const token = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfG"
	assert.Equal(t, "7d6f09bf59", nonceAtTick(salt, 41558, 7, token))
	assert.Equal(t, "60962b2d85", nonceAtTick(salt, 41558, 0, ""))

	last := time.Unix(41558*nonceTick, 0)
	assert.Equal(t, "7d6f09bf59", restNonce(salt, last, 7, token))
	assert.Equal(t, "7d6f09bf59", restNonce(salt, last.Add(1-nonceTick*time.Second).Truncate(time.Second).Add(time.Second), 7, token))
	assert.NotEqual(t, "7d6f09bf59", restNonce(salt, last.Add(time.Second), 7, token))
}

// The service accepts the demo's logins.
func TestSeededViewersAreLoggedIn(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	now := time.Now()
	site, err := Seed(t.Context(), db.SQL.DB, now)
	require.NoError(t, err)
	salts, err := wordpress.NewSalts(site.Salts)
	require.NoError(t, err)
	accounts := usermeta.New(&wpdb.DB{DB: db.SQL, Config: wpdb.Config{UsersTable: "wp_users", UsermetaTable: "wp_usermeta"}}, usermeta.Options{})
	logins := wordpress.NewLogins(wordpress.Config{Accounts: accounts, Salts: salts})

	for _, viewer := range site.Viewers {
		cookie := site.Cookie(viewer)
		assert.True(t, strings.HasPrefix(cookie.Name, "wordpress_logged_in_"))
		login, err := logins.Verify(t.Context(), []*http.Cookie{cookie}, nil)
		require.NoError(t, err, viewer.Login)
		assert.EqualValues(t, viewer.ID, login.User)
		assert.True(t, logins.CheckNonce(login, site.Nonce(viewer, now)))
	}
	forged := site.Cookie(site.Viewers[0])
	forged.Value = strings.Replace(forged.Value, "anna", "boris", 1)
	_, err = logins.Verify(t.Context(), []*http.Cookie{forged}, nil)
	assert.ErrorIs(t, err, wordpress.ErrNotLoggedIn)
}

func TestSeedKeepsTheRowsOfTheService(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	first, err := Seed(t.Context(), db.SQL.DB, time.Now())
	require.NoError(t, err)
	db.SQL.MustExec("INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (1, 'autowebinar_session_id', 's1')")

	second, err := Seed(t.Context(), db.SQL.DB, time.Now())
	require.NoError(t, err)
	assert.NotEqual(t, first.Salts, second.Salts)
	assert.NotEqual(t, first.Cookie(first.Viewers[0]).Value, second.Cookie(second.Viewers[0]).Value)
	var keys []string
	require.NoError(t, db.SQL.Select(&keys, "SELECT meta_key FROM wp_usermeta WHERE user_id = 1 ORDER BY meta_key"))
	assert.Equal(t, []string{"autowebinar_session_id", "nickname", "session_tokens", "wp_capabilities"}, keys)
	var logins []string
	require.NoError(t, db.SQL.Select(&logins, "SELECT user_login FROM wp_users ORDER BY ID"))
	assert.Equal(t, []string{"anna", "boris", "clara"}, logins)
}
