package cli

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
)

func TestSinkVerifiesAndPrintsWebhooks(t *testing.T) {
	t.Parallel()
	sink, out := startCommand(t, []string{"AUTOWEBINAR_WEBHOOK_SECRET=" + testSecret + ",whsec_other"}, `listening on (\S+)`, "sink", "--listen", "127.0.0.1:0")
	db := mariadbtest.New(t)
	db.AddUser(t, 1, "anna", "")
	env := withSetting(testEnv(db, sink[1]), "AUTOWEBINAR_SERVICE_KEYS=test-service-key")
	env = withSetting(env, "AUTOWEBINAR_ADMIN_LISTEN=127.0.0.1:0")
	service, _ := startCommand(t, env, `"address":"([^"]+)","admin":"([^"]+)"`, "serve")

	require.Eventually(t, func() bool {
		req, err := http.NewRequest(http.MethodPost, "http://"+service[1]+"/wp-json/autowebinar/v1/users/1/enter", strings.NewReader(`{"webinar_id":"intro"}`))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer test-service-key")
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		res.Body.Close()
		return res.StatusCode < 300
	}, 20*time.Second, 50*time.Millisecond)
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "signature ok user=1") }, 20*time.Second, 10*time.Millisecond)

	res, err := http.Post(sink[1], "application/json", strings.NewReader(`{"forged":true}`))
	require.NoError(t, err)
	res.Body.Close()
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
	assert.Contains(t, out.String(), "SIGNATURE INVALID")

	code, _, errs := runCommand(t, withSetting(env, "AUTOWEBINAR_ADMIN_LISTEN="+service[2]), "health", "--path", "/readyz")
	assert.Equal(t, 0, code, errs)
	code, _, _ = runCommand(t, withSetting(env, "AUTOWEBINAR_ADMIN_LISTEN=127.0.0.1:1"), "health")
	assert.Equal(t, 1, code)
}

func TestSinkUsesFirstSecretOfService(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "webhook-secret")
	require.NoError(t, os.WriteFile(file, []byte("whsec_file,whsec_older\n"), 0o600))
	single := filepath.Join(t.TempDir(), "webhook-secret")
	require.NoError(t, os.WriteFile(single, []byte("whsec_single\n"), 0o600))
	for name, test := range map[string]struct {
		environ []string
		want    string
	}{
		"none":                  {nil, ""},
		"first of two":          {[]string{"AUTOWEBINAR_WEBHOOK_SECRET=whsec_a, whsec_b"}, "whsec_a"},
		"first in file":         {[]string{"AUTOWEBINAR_WEBHOOK_SECRET_FILE=" + file}, "whsec_file"},
		"only one in file":      {[]string{"AUTOWEBINAR_WEBHOOK_SECRET_FILE=" + single}, "whsec_single"},
		"file takes precedence": {[]string{"AUTOWEBINAR_WEBHOOK_SECRET_FILE=" + file, "AUTOWEBINAR_WEBHOOK_SECRET=whsec_a"}, "whsec_file"},
		"empty file setting":    {[]string{"AUTOWEBINAR_WEBHOOK_SECRET_FILE=", "AUTOWEBINAR_WEBHOOK_SECRET=whsec_a"}, "whsec_a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			secret, err := firstSecret(test.environ)
			require.NoError(t, err)
			assert.Equal(t, test.want, secret)
		})
	}

	code, _, errs := runCommand(t, []string{"AUTOWEBINAR_WEBHOOK_SECRET_FILE=/nowhere/whsec_not-a-path"}, "sink", "--listen", "127.0.0.1:0")
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "cannot read the file AUTOWEBINAR_WEBHOOK_SECRET_FILE")
	assert.NotContains(t, errs, "not-a-path", "a secret given as a path is not printed")
}
