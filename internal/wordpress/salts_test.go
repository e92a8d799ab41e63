package wordpress

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewSaltsJoinsKeyAndSalt(t *testing.T) {
	t.Parallel()
	salts := goldenSalts(t)
	assert.Equal(t, `li-key-71|"xli-salt-71 $&`, salts.loggedIn)
	assert.Equal(t, "nonce-key-71nonce-salt-71", salts.nonce)
}

func TestNewSaltsReportsEveryInvalidSalt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(map[string]string)
		want   string
	}{
		{
			"missing", func(v map[string]string) { delete(v, "NONCE_SALT") },
			"NONCE_SALT is missing",
		},
		{
			"missing, of another scheme", func(v map[string]string) { delete(v, "AUTH_KEY") },
			"AUTH_KEY is missing",
		},
		{
			"empty", func(v map[string]string) { v["LOGGED_IN_KEY"] = "" },
			"LOGGED_IN_KEY is empty",
		},
		{
			"zero, which is empty for PHP", func(v map[string]string) { v["LOGGED_IN_KEY"] = "0" },
			"LOGGED_IN_KEY is empty",
		},
		{
			"sample phrase", func(v map[string]string) { v["NONCE_KEY"] = samplePhrase },
			"NONCE_KEY is the sample phrase",
		},
		{
			"repeated: both are invalid", func(v map[string]string) { v["LOGGED_IN_SALT"] = v["AUTH_SALT"] },
			"AUTH_SALT has the same value as LOGGED_IN_SALT, LOGGED_IN_SALT has the same value as AUTH_SALT",
		},
		{
			"repeated in SECRET_KEY", func(v map[string]string) { v["SECRET_KEY"] = v["NONCE_KEY"] },
			"NONCE_KEY has the same value as SECRET_KEY",
		},
		{
			"several", func(v map[string]string) { v["AUTH_KEY"] = ""; delete(v, "NONCE_KEY") },
			"AUTH_KEY is empty, NONCE_KEY is missing",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			values := goldenConstants()
			tt.change(values)
			salts, err := NewSalts(values)
			require.ErrorIs(t, err, ErrBadSalts)
			assert.EqualError(t, err, ErrBadSalts.Error()+": "+tt.want)
			assert.False(t, salts.usable())
		})
	}
}

func TestNewSaltsAcceptsUnusualValues(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"blanks around": " li ",
		"only a blank":  " ",
		"another case":  "Put your unique phrase here",
		"zeros":         "00",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := goldenConstants()
			values["LOGGED_IN_KEY"] = value
			salts, err := NewSalts(values)
			require.NoError(t, err)
			assert.Equal(t, value+"li-salt-71 $&", salts.loggedIn, "never trimmed")
		})
	}
}

func TestNewSaltsIgnoresInvalidSecretKeyAndSalt(t *testing.T) {
	t.Parallel()
	values := goldenConstants()
	values["SECRET_KEY"], values["SECRET_SALT"] = samplePhrase, samplePhrase
	_, err := NewSalts(values)
	assert.NoError(t, err)
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	salts, login := goldenSalts(t), Login{User: 7, token: goldenToken}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		assert.Equal(t, "Salts(redacted)", fmt.Sprintf(verb, salts), verb)
		assert.Equal(t, "Login(7)", fmt.Sprintf(verb, login), verb)
	}
	values := goldenConstants()
	values["AUTH_KEY"] = values["NONCE_KEY"]
	_, err := NewSalts(values)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), values["NONCE_KEY"])
}
