package webhook_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/webhook"
)

func TestParseRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                                 0,
		"0":                                0,
		"120":                              2 * time.Minute,
		" 120 ":                            2 * time.Minute,
		"86400":                            24 * time.Hour,
		"86401":                            24 * time.Hour,
		"99999999999999999999999":          24 * time.Hour,
		"-5":                               0,
		"1.5":                              0,
		"soon":                             0,
		"Sat, 21 Nov 2026 10:01:00 GMT":    time.Minute,
		"Sat, 21 Nov 2026 09:00:00 GMT":    0,
		"Tue, 21 Nov 2028 10:00:00 GMT":    24 * time.Hour,
		"Saturday, 21-Nov-26 10:01:00 GMT": time.Minute,
		"Sat, 32 Nov 2026 10:01:00 GMT":    0,
	} {
		assert.Equal(t, want, webhook.ParseRetryAfter(value, now), value)
	}
}

func FuzzParseRetryAfter(f *testing.F) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for _, seed := range []string{"", "120", "-1", "99999999999999999999", now.Add(time.Hour).Format(http.TimeFormat), "Sat, 21 Nov 0000 10:01:00 GMT", "1e3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		after := webhook.ParseRetryAfter(value, now)
		assert.GreaterOrEqual(t, after, time.Duration(0))
		assert.LessOrEqual(t, after, 24*time.Hour)
	})
}
