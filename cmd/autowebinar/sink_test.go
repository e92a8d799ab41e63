package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheSinksSecretIsTheServices(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "webhook-secret")
	require.NoError(t, os.WriteFile(file, []byte("whsec_file,whsec_older\n"), 0o600))
	alone := filepath.Join(t.TempDir(), "webhook-secret")
	require.NoError(t, os.WriteFile(alone, []byte("whsec_alone\n"), 0o600))
	for name, test := range map[string]struct {
		environ []string
		want    string
	}{
		"none":                    {nil, ""},
		"the first":               {[]string{"AUTOWEBINAR_WEBHOOK_SECRET=whsec_a, whsec_b"}, "whsec_a"},
		"a file's first":          {[]string{"AUTOWEBINAR_WEBHOOK_SECRET_FILE=" + file}, "whsec_file"},
		"a file's only":           {[]string{"AUTOWEBINAR_WEBHOOK_SECRET_FILE=" + alone}, "whsec_alone"},
		"the file comes first":    {[]string{"AUTOWEBINAR_WEBHOOK_SECRET_FILE=" + file, "AUTOWEBINAR_WEBHOOK_SECRET=whsec_a"}, "whsec_file"},
		"no file, set to nothing": {[]string{"AUTOWEBINAR_WEBHOOK_SECRET_FILE=", "AUTOWEBINAR_WEBHOOK_SECRET=whsec_a"}, "whsec_a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			secret, err := firstSecret(test.environ)
			require.NoError(t, err)
			assert.Equal(t, test.want, secret)
		})
	}

	code, _, errs := ask(t, []string{"AUTOWEBINAR_WEBHOOK_SECRET_FILE=/nowhere/whsec_given-by-mistake"}, "sink", "--listen", "127.0.0.1:0")
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "AUTOWEBINAR_WEBHOOK_SECRET_FILE cannot be read")
	assert.NotContains(t, errs, "by-mistake", "a secret where a path belongs is not printed")
}
