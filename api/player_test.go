package api_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/api"
)

// TestPlayerSize checks the documented size of 6 KiB, compressed.
func TestPlayerSize(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]int{
		"player.js": 6 << 10, "player.classic.js": 6 << 10, "player/vimeo.js": 1 << 10, "player/youtube.js": 1 << 10,
	} {
		content, err := api.Files.ReadFile("player/dist/" + name)
		require.NoError(t, err)
		var packed bytes.Buffer
		w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		require.NoError(t, err)
		_, err = w.Write(content)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		t.Logf("%s: %d bytes, %d gzipped", name, len(content), packed.Len())
		assert.LessOrEqual(t, packed.Len(), limit, name)
	}
}

func TestSourceMapsContainTheSources(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"player.js", "player.classic.js", "player/vimeo.js", "player/youtube.js"} {
		content, err := api.Files.ReadFile("player/dist/" + name)
		require.NoError(t, err)
		base := name[strings.LastIndex(name, "/")+1:]
		assert.True(t, strings.HasSuffix(string(content), "//# sourceMappingURL="+base+".map\n"), name)
		var sourceMap struct {
			Version        int
			Sources        []string
			SourcesContent []string
		}
		content, err = api.Files.ReadFile("player/dist/" + name + ".map")
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(content, &sourceMap))
		assert.Equal(t, 3, sourceMap.Version)
		assert.Len(t, sourceMap.SourcesContent, len(sourceMap.Sources))
	}
}
