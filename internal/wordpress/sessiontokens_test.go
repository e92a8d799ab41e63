package wordpress

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSessionExpiry(t *testing.T) {
	t.Parallel()
	const prefix = `a:1:{s:64:"` + goldenVerifier + `";`
	for name, row := range map[string]string{
		"as WordPress writes it": serializedSession(goldenVerifier, 1796499722),
		"expiration only":        prefix + `i:1796499722;}`,
		"float":                  prefix + `a:1:{s:10:"expiration";d:1796499722.5;}}`,
		"numeric string":         prefix + `a:1:{s:10:"expiration";s:10:"1796499722";}}`,
		"with fields of plugins": prefix + `a:3:{s:3:"geo";a:1:{i:0;s:3:"";}";}s:10:"expiration";i:1796499722;` +
			`s:2:"2f";b:1;}}`,
		"among other sessions": `a:2:{s:64:"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";i:1;` +
			`s:64:"` + goldenVerifier + `";i:1796499722;}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expires, err := sessionExpiry([]byte(row), goldenVerifier)
			require.NoError(t, err)
			assert.EqualValues(t, 1796499722, expires)
		})
	}
}

func TestSessionExpiryErrors(t *testing.T) {
	t.Parallel()
	const prefix = `a:1:{s:64:"` + goldenVerifier + `";`
	for name, tt := range map[string]struct {
		row  string
		want error
	}{
		"no row":                        {"", errNoSession},
		"logged out everywhere":         {"a:0:{}", errNoSession},
		"another session":               {serializedSession(strings.Repeat("a", 64), 1796499722), errNoSession},
		"not an array":                  {`s:64:"` + goldenVerifier + `";`, errNoSession},
		"no expiration":                 {prefix + `a:0:{}}`, errNoSession},
		"expiration null":               {prefix + `a:1:{s:10:"expiration";N;}}`, errNoSession},
		"expiration true":               {prefix + `a:1:{s:10:"expiration";b:1;}}`, errNoSession},
		"expiration infinite":           {prefix + `a:1:{s:10:"expiration";d:INF;}}`, errNoSession},
		"expiration not a number":       {prefix + `a:1:{s:10:"expiration";d:NAN;}}`, errNoSession},
		"expiration in words":           {prefix + `a:1:{s:10:"expiration";s:4:"soon";}}`, errNoSession},
		"object":                        {prefix + `O:7:"Session":1:{s:10:"expiration";i:1796499722;}}`, errSerialized},
		"truncated":                     {serializedSession(goldenVerifier, 1796499722)[:90], errSerialized},
		"lengths broken by re-encoding": {`a:1:{s:64:"` + goldenVerifier + `";a:1:{s:2:"ua";s:4:"я";}}`, errSerialized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := sessionExpiry([]byte(tt.row), goldenVerifier)
			assert.ErrorIs(t, err, tt.want)
		})
	}
}
