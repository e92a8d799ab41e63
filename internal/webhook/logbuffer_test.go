package webhook_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
)

// logBuffer collects JSON log lines.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// lines returns the lines with the attribute, or all for "".
func (l *logBuffer) lines(attr string) (found []map[string]any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.buf.String()) {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) != nil {
			continue
		}
		if _, ok := fields[attr]; ok || attr == "" {
			found = append(found, fields)
		}
	}
	return found
}

// count returns the number of lines with the message.
func (l *logBuffer) count(message string) (n int) {
	for _, line := range l.lines("") {
		if line["msg"] == message {
			n++
		}
	}
	return n
}
