package wordpress

import (
	"crypto/md5"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGoldenCookies(t *testing.T) {
	t.Parallel()
	salts := goldenSalts(t)
	for _, g := range goldenCookies() {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			c, err := parseCookie(encodedCookie(cookieName, g.value()).Value)
			require.NoError(t, err)
			assert.Equal(t, loginCookie{
				login: goldenLogin, expiration: strconv.Itoa(goldenExpiration), expires: goldenExpiration,
				token: goldenToken, mac: g.mac,
			}, c)
			assert.Equal(t, []string{g.fragment}, passFragments(g.userPass))
			data := goldenLogin + "|" + g.fragment + "|" + c.expiration + "|" + goldenToken
			assert.Equal(t, g.key, hexMAC(md5.New, salts.loggedIn, data))
			assert.Equal(t, goldenVerifier, c.verifier())
			assert.True(t, c.signedFor(salts, g.userPass))
		})
	}
}

func TestParseCookieDecodesAsPHPDoes(t *testing.T) {
	t.Parallel()
	mac := strings.Repeat("a", 64)
	for name, tt := range map[string]struct{ value, login string }{
		"encoded":                {"jane%20doe%40x%7C1%7Ct%7C" + mac, "jane doe@x"},
		"separators not encoded": {"jane|1|t|" + mac, "jane"},
		"lower-case hex":         {"jane%7c1%7ct%7c" + mac, "jane"},
		"plus is not a space":    {"a+b|1|t|" + mac, "a+b"},
		"decoded once":           {"a%2541|1|t|" + mac, "a%41"},
		"Cyrillic":               {"%D1%8F|1|t|" + mac, "я"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := parseCookie(tt.value)
			require.NoError(t, err)
			assert.Equal(t, tt.login, c.login)
		})
	}
}

func TestParseCookieErrors(t *testing.T) {
	t.Parallel()
	mac := strings.Repeat("a", 64)
	for name, value := range map[string]string{
		"empty":                      "",
		"three parts":                "jane|1|" + mac,
		"five parts":                 "jane|1|t|" + mac + "|",
		"encoded separator in login": "ja%7Cne|1|t|" + mac,
		"no login":                   "|1|t|" + mac,
		"no token":                   "jane|1||" + mac,
		"no expiration":              "jane||t|" + mac,
		"expiration not decimal":     "jane|1e9|t|" + mac,
		"expiration signed":          "jane|+1|t|" + mac,
		"expiration negative":        "jane|-1|t|" + mac,
		"expiration too large":       "jane|9223372036854775808|t|" + mac,
		"short signature":            "jane|1|t|" + mac[1:],
		"no signature":               "jane|1|t|",
		"broken encoding":            "jane%zz|1|t|" + mac,
		"login not UTF-8":            "jane%ff|1|t|" + mac,
		"longer than browsers store": strings.Repeat("a", maxCookieBytes) + "|1|t|" + mac,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := parseCookie(value)
			require.ErrorIs(t, err, errMalformed)
			require.ErrorIs(t, err, ErrNotLoggedIn)
			assert.Zero(t, c)
		})
	}
}

func TestCookieExpiresAfterItsLastSecond(t *testing.T) {
	t.Parallel()
	c := loginCookie{expires: 1000}
	assert.False(t, c.expired(time.Unix(1000, 0)), "the last second is still valid")
	assert.False(t, c.expired(time.Unix(1000, 999_999_999)))
	assert.True(t, c.expired(time.Unix(1001, 0)), "no grace period")
}

func TestPassFragments(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		userPass string
		want     []string
	}{
		"bcrypt of 6.8":         {"$wp$2y$10$abcdWXYZ", []string{"WXYZ"}},
		"phpass":                {"$P$B5678abcdWXYZ", []string{"abcd"}},
		"bare bcrypt":           {"$2y$10$7abcdWXYZ", []string{"abcd"}},
		"phpass of phpBB: both": {"$H$45678abcdWXYZ", []string{"WXYZ", "abcd"}},
		"argon2: both":          {"$argon2iabcdWXYZ", []string{"WXYZ", "abcd"}},
		"MD5: both":             {"01234567abcd90123456789012345678", []string{"5678", "abcd"}},
		"shorter than both":     {"!", []string{"!", ""}},
		"cut in the middle":     {"0123456789", []string{"6789", "89"}},
		"empty":                 {"", []string{"", ""}},
		"phpass cut short":      {"$P$B", []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, passFragments(tt.userPass))
		})
	}
}

func TestBothPassFragmentsAreTriedForOtherHashes(t *testing.T) {
	t.Parallel()
	salts := goldenSalts(t)
	const userPass = "01234567abcd90123456789012345678"
	for _, fragment := range []string{"5678", "abcd"} {
		c, err := parseCookie(signCookie(salts, "jane", fragment, 1000, "t"))
		require.NoError(t, err)
		assert.True(t, c.signedFor(salts, userPass), fragment)
	}
	c, err := parseCookie(signCookie(salts, "jane", "0123", 1000, "t"))
	require.NoError(t, err)
	assert.False(t, c.signedFor(salts, userPass))
}

func TestSignatureCoversEveryPart(t *testing.T) {
	t.Parallel()
	salts, g := goldenSalts(t), goldenCookies()[0]
	valid, err := parseCookie(g.value())
	require.NoError(t, err)
	require.True(t, valid.signedFor(salts, g.userPass))

	other := goldenConstants()
	other["LOGGED_IN_SALT"] = "another"
	otherSalts, err := NewSalts(other)
	require.NoError(t, err)

	for name, tt := range map[string]struct {
		change   func(*loginCookie)
		salts    Salts
		userPass string
	}{
		"login":       {func(c *loginCookie) { c.login = "Demo.user" }, salts, g.userPass},
		"expiration":  {func(c *loginCookie) { c.expiration = "0" + c.expiration }, salts, g.userPass},
		"token":       {func(c *loginCookie) { c.token += "x" }, salts, g.userPass},
		"signature":   {func(c *loginCookie) { c.mac = strings.ToUpper(c.mac) }, salts, g.userPass},
		"password":    {func(*loginCookie) {}, salts, g.userPass[:60] + "0000"},
		"other salts": {func(*loginCookie) {}, otherSalts, g.userPass},
		"no salts":    {func(*loginCookie) {}, Salts{}, g.userPass},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := valid
			tt.change(&c)
			assert.False(t, c.signedFor(tt.salts, tt.userPass))
		})
	}
}

// Without salts even a cookie signed with the empty key is rejected.
func TestZeroSaltsRejectEveryCookie(t *testing.T) {
	t.Parallel()
	c, err := parseCookie(signCookie(Salts{}, "jane", "WXYZ", 1000, "t"))
	require.NoError(t, err)
	assert.False(t, c.signedFor(Salts{}, "$wp$2y$10$abcdWXYZ"))
}

func FuzzCookie(f *testing.F) {
	for _, g := range goldenCookies() {
		f.Add(encodedCookie(cookieName, g.value()).Value, g.userPass)
	}
	f.Add("a%7C1%7Ct%7C%zz", "")
	f.Add("a|1|t|"+strings.Repeat("0", 64), "$P$")
	salts := goldenSalts(f)
	f.Fuzz(func(t *testing.T, value, userPass string) {
		c, err := parseCookie(value)
		if err != nil {
			require.ErrorIs(t, err, errMalformed)
			return
		}
		require.NotEmpty(t, c.login)
		require.GreaterOrEqual(t, c.expires, int64(0))
		if c.signedFor(salts, userPass) {
			require.Equal(t, goldenToken, c.token, "only the golden cookie is signed")
		}
	})
}
