package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/telemetry"
)

func TestLoggerWritesJSON(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, slog.LevelWarn, "json")

	log.Info("below the level")
	log.Warn("event dead", "user_id", 7)

	var entry map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &entry), "one line only")
	assert.Equal(t, "WARN", entry["level"])
	assert.Equal(t, "event dead", entry["msg"])
	assert.EqualValues(t, 7, entry["user_id"])
}

func TestLoggerWritesText(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	telemetry.NewLogger(&out, slog.LevelDebug, "text").Debug("started", "listen", ":8080")
	assert.Contains(t, out.String(), "level=DEBUG msg=started listen=:8080\n")
}
