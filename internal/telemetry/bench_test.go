package telemetry_test

import (
	"strconv"
	"testing"
	"time"

	"autowebinar/internal/httpapi"
	"autowebinar/internal/telemetry"
	"autowebinar/internal/webinar"
)

// BenchmarkRequest counts one player report in all metrics.
func BenchmarkRequest(b *testing.B) {
	m := telemetry.NewMetrics("test")
	sessions := make([]webinar.SessionID, 10_000)
	for i := range sessions {
		sessions[i] = webinar.SessionID("0199f3c2-5a1e-7000-8000-" + strconv.Itoa(100_000_000_000+i))
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			m.LoggedIn("cookie")
			m.SessionChanged(httpapi.SessionChange{Session: sessions[i%len(sessions)], Reported: true, From: 25, To: 25})
			m.RequestDone("/progress", 200, "", 3*time.Millisecond)
		}
	})
}
