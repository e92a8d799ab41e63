package site

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// checkBinary builds the service once for all tests and returns its path.
var checkBinary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(servers.home, "autowebinar")
	out, err := exec.Command("go", "build", "-o", path, "autowebinar/cmd/autowebinar").CombinedOutput()
	if err != nil {
		return string(out), err
	}
	return path, nil
})

// runCheck runs "autowebinar check -login" with the settings of the service and
// further ones.
func (s *site) runCheck(t testing.TB, stdin string, settings ...string) string {
	t.Helper()
	path, err := checkBinary()
	require.NoError(t, err, path)
	cmd := exec.Command(path, "check", "-login")
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "AUTOWEBINAR_") })
	for name, value := range s.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Env = append(cmd.Env, settings...)
	out, _ := cmd.CombinedOutput() // other checks may fail
	return string(out)
}

// testCheckLogin checks the salts with a pasted login, which is not printed.
func testCheckLogin(t *testing.T, s *site) {
	s.addUser(t, "pasted")
	c := newClient(t, s, "pasted")
	name, value := "", ""
	for _, cookie := range c.cookies(t) {
		if strings.HasPrefix(cookie.Name, "wordpress_logged_in_") {
			name, value = cookie.Name, cookie.Value
		}
	}
	require.NotEmpty(t, value)
	for _, tt := range []struct{ pasted, setting, want string }{
		{value, "", "cookie and nonce are valid"},
		{name + "=" + value, "", "cookie and nonce are valid"},
		{"Cookie: wp-settings-1=a; " + name + "=" + value, "", "cookie and nonce are valid"},
		{value, "WORDPRESS_NONCE_SALT=another", "the cookie is valid, the nonce is not"},
		{value, "WORDPRESS_LOGGED_IN_KEY=another", "wrong signature"},
		{strings.Replace(value, "pasted", "unknown", 1), "", "no such user"},
		{"half of a cookie", "", "malformed cookie"},
		{"", "", "no cookie and nonce"},
	} {
		out := s.runCheck(t, tt.pasted+"\n"+c.nonce+"\n", tt.setting)
		assert.Contains(t, out, tt.want, tt.setting)
		assert.NotContains(t, out, value)
		assert.NotContains(t, out, c.nonce)
	}
}
