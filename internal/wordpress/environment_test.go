package wordpress

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func environment(values map[string]string) LookupFunc {
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
}

func TestDockerLookup(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte(" from a file \r\n\n"), 0o600))
	for name, tt := range map[string]struct {
		env   map[string]string
		value string
		ok    bool
	}{
		"not set":                    {nil, "", false},
		"set":                        {map[string]string{"X": "v"}, "v", true},
		"set to nothing":             {map[string]string{"X": ""}, "", true},
		"a file wins":                {map[string]string{"X": "v", "X_FILE": secret}, " from a file ", true},
		"no file named":              {map[string]string{"X": "v", "X_FILE": ""}, "v", true},
		"0 is no file in PHP's eyes": {map[string]string{"X": "v", "X_FILE": "0"}, "v", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			value, ok, err := environment(tt.env).LookupFile("X")
			require.NoError(t, err)
			assert.Equal(t, tt.ok, ok)
			assert.Equal(t, tt.value, value)
		})
	}
}

func TestDockerLookupNamesTheVariableOfALostFile(t *testing.T) {
	t.Parallel()
	lost := filepath.Join(t.TempDir(), "lost")
	_, _, err := environment(map[string]string{"X": "v", "X_FILE": lost}).LookupFile("X")
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "X_FILE")
}
