package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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

	code, _, errs := runCommand(t, []string{"AUTOWEBINAR_WEBHOOK_SECRET_FILE=/nowhere/whsec_given-by-mistake"}, "sink", "--listen", "127.0.0.1:0")
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "cannot read the file AUTOWEBINAR_WEBHOOK_SECRET_FILE")
	assert.NotContains(t, errs, "by-mistake", "a secret set in place of a path is not printed")
}
