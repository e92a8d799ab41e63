package telemetry

import (
	"io"
	"log/slog"
)

// NewLogger returns a logger that writes one line per entry: key=value pairs if
// the format is "text", else a JSON object. It drops entries below level.
func NewLogger(w io.Writer, level slog.Level, format string) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}
