package doctor

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestALoginIsReadAsBrowsersShowIt(t *testing.T) {
	t.Parallel()
	const standard, value = "wordpress_logged_in_", "anna%7C1%7Ctoken%7Cmac"
	for name, tt := range map[string]struct {
		in, name   string
		want       string // of the cookie; empty: refused
		wantCookie string
	}{
		"value":            {value + "\nnonce\n", "", value, standard},
		"name and value":   {standard + "abc=" + value + "\nnonce", "", value, standard + "abc"},
		"header":           {"cookie: " + standard + "abc=" + value + "\r\n\r\n  nonce  \r\n", "", value, standard + "abc"},
		"a name of theirs": {"mine=" + value + "\nnonce", "mine", value, "mine"},
		"value of theirs":  {value + "\nnonce", "mine", value, "mine"},
		"one line":         {value + "\n", "", "", ""},
		"nothing":          {"", "", "", ""},
		"endless":          {strings.Repeat("x", 1<<20), "", "", ""},
		"no cookie":        {standard + "\x00=\nnonce", "", "", ""},
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
