package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProgressBar(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		done, total int
		elapsed     time.Duration
		want        string
	}{
		{0, 10, time.Second, "[..............................] 0 of 10"},
		{5, 10, 10 * time.Second, "[###############...............] 5 of 10, 10s left"},
		{1, 3, 30 * time.Second, "[##########....................] 1 of 3, 1m0s left"},
		{10, 10, time.Second, "[##############################] 10 of 10"},
		{0, 0, 0, "[..............................] 0 of 1"},
		{12, 10, time.Second, "[##############################] 12 of 12"},
	} {
		p := &progress{done: test.done, total: test.total}
		assert.Equal(t, test.want, p.bar(test.elapsed))
	}
}

func TestIsTerminal(t *testing.T) {
	t.Parallel()
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer file.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	require.NoError(t, err)
	defer null.Close()
	in, out, err := os.Pipe()
	require.NoError(t, err)
	defer in.Close()
	defer out.Close()
	for _, stream := range []any{file, null, in, out, strings.NewReader("purge all\n"), nil} {
		assert.False(t, isTerminal(stream))
	}
	assert.False(t, confirm(Streams{In: strings.NewReader("purge all\n"), Err: &output{}}, "purge all"))
}
