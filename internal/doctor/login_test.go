package doctor

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestReadLogin(t *testing.T) {
	t.Parallel()
	const standard, value = "wordpress_logged_in_", "anna%7C1%7Ctoken%7Cmac"
	for name, tt := range map[string]struct {
		in, name   string
		want       string // value of the cookie; empty for an error
		wantCookie string
	}{
		"value":          {value + "\nnonce\n", "", value, standard},
		"name and value": {standard + "abc=" + value + "\nnonce", "", value, standard + "abc"},
		"header":         {"cookie: " + standard + "abc=" + value + "\r\n\r\n  nonce  \r\n", "", value, standard + "abc"},
		"custom name":    {"mine=" + value + "\nnonce", "mine", value, "mine"},
		"custom, value":  {value + "\nnonce", "mine", value, "mine"},
		"no nonce":       {value + "\n", "", "", ""},
		"empty":          {"", "", "", ""},
		"too long":       {strings.Repeat("x", 1<<20), "", "", ""},
		"invalid cookie": {standard + "\x00=\nnonce", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cookies, nonce, err := readLogin(strings.NewReader(tt.in), tt.name)
			if tt.want == "" {
				assert.ErrorIs(t, err, errNoLogin)
				return
			}
			assert.NoError(t, err)
			assert.Equal(t, "nonce", nonce)
			if assert.Len(t, cookies, 1) {
				assert.Equal(t, tt.want, cookies[0].Value)
				assert.Equal(t, tt.wantCookie, cookies[0].Name)
			}
		})
	}
}
