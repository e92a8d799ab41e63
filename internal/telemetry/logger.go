package telemetry

import (
	"io"
	"log/slog"
)

// NewLogger writes one line an entry, in the format "text" (key=value) or, for
// "json" and whatever else, as a JSON object. Entries below level are dropped.
func NewLogger(w io.Writer, level slog.Level, format string) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}
