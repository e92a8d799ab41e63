package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/httpapi"
	"autowebinar/internal/outbox"
	"autowebinar/internal/telemetry"
	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
)

// runMonitor runs a monitor until the end of the test.
func runMonitor(t *testing.T, sources telemetry.Sources) (*telemetry.Metrics, *telemetry.Monitor) {
	t.Helper()
	m := telemetry.NewMetrics("test")
	monitor := telemetry.NewMonitor(telemetry.MonitorConfig{
		Metrics: m, Health: telemetry.NewHealth(), Sources: sources, Log: slog.New(slog.DiscardHandler),
	})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		monitor.Run(ctx)
	}()
	t.Cleanup(func() { stop(); <-done })
	return m, monitor
}

func TestOutboxPollIntervalIsIndependentOfScrapes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var queries, duration atomic.Int64
		duration.Store(int64(10 * time.Millisecond))
		sources := idleSources()
		sources.Delivery.Outbox = func(context.Context) (outbox.Stats, error) {
			queries.Add(1)
			time.Sleep(time.Duration(duration.Load()))
			return outbox.Stats{}, nil
		}
		m, monitor := runMonitor(t, sources)
		scrapeAll := func() {
			for range 10 {
				scrape(t, m.Handler())
				monitor.Status(t.Context())
			}
		}

		time.Sleep(time.Second)
		scrapeAll()
		assert.EqualValues(t, 1, queries.Load())
		time.Sleep(10 * time.Second)
		scrapeAll()
		assert.EqualValues(t, 3, queries.Load(), "every five seconds")

		duration.Store(int64(2 * time.Second)) // the pause is twenty times as long
		time.Sleep(10 * time.Second)
		assert.EqualValues(t, 4, queries.Load())
		time.Sleep(30 * time.Second)
		scrapeAll()
		assert.EqualValues(t, 4, queries.Load())
		time.Sleep(20 * time.Second)
		assert.EqualValues(t, 5, queries.Load())
	})
}

func TestOutboxPollFailureKeepsLastStats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var failing atomic.Bool
		sources := idleSources()
		sources.Delivery.Outbox = func(context.Context) (outbox.Stats, error) {
			if failing.Load() {
				return outbox.Stats{}, errors.New("gone away")
			}
			return outbox.Stats{Dead: 2}, nil
		}
		m, monitor := runMonitor(t, sources)
		time.Sleep(time.Second)
		at := monitor.Status(t.Context()).Outbox.At
		failing.Store(true)
		time.Sleep(10 * time.Second)

		outbox := monitor.Status(t.Context()).Outbox
		assert.Equal(t, 2, outbox.Dead)
		assert.Equal(t, at, outbox.At)
		assert.Equal(t, "gone away", outbox.Error)
		_, families := scrape(t, m.Handler())
		assert.EqualValues(t, 2, families["autowebinar_outbox_count_failures_total"].GetMetric()[0].GetCounter().GetValue())
	})
}

// A failure is logged when it starts, when its error changes and when it ends.
func TestOutboxPollFailureIsLoggedOncePerError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var failure atomic.Pointer[string]
		setFailure := func(text string) { failure.Store(&text) }
		setFailure("")
		sources := idleSources()
		sources.Delivery.Outbox = func(context.Context) (outbox.Stats, error) {
			if text := *failure.Load(); text != "" {
				return outbox.Stats{}, errors.New(text)
			}
			return outbox.Stats{}, nil
		}
		monitor := telemetry.NewMonitor(telemetry.MonitorConfig{
			Metrics: telemetry.NewMetrics("test"), Health: telemetry.NewHealth(), Sources: sources,
			Log: telemetry.NewLogger(&log, slog.LevelInfo, "text"),
		})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			monitor.Run(ctx)
		}()
		for _, text := range []string{"", "gone away", "read-only", ""} {
			setFailure(text)
			time.Sleep(time.Minute)
		}
		stop()
		<-done

		assert.Equal(t, 3, strings.Count(log.String(), "\n"), log.String())
		assert.Contains(t, log.String(), `msg="outbox count failed" error="gone away"`)
		assert.Contains(t, log.String(), `msg="outbox count failed" error=read-only`)
		assert.Contains(t, log.String(), `msg="outbox count recovered"`)
	})
}

func TestHistoryCoversFiveMinutesPerSecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, monitor := runMonitor(t, idleSources())
		synctest.Wait()
		time.Sleep(500 * time.Millisecond)
		m.SessionChanged(httpapi.SessionChange{Session: "a", Entered: true, Events: []webinar.Event{event(webinar.EventEntered, 0)}})
		m.AttemptDone(event(webinar.EventEntered, 2*time.Second), webhook.AttemptResult{Outcome: webhook.Accepted})
		m.AttemptDone(event(webinar.EventEntered, time.Second), webhook.AttemptResult{Outcome: webhook.Accepted})
		time.Sleep(time.Second)
		m.SessionChanged(httpapi.SessionChange{Session: "a", Reported: true})
		m.SessionChanged(httpapi.SessionChange{Session: "b", Reported: true})
		m.RequestDone("/enter", 500, "autowebinar_internal", time.Second)
		m.AttemptDone(event(webinar.EventEntered, 0), webhook.AttemptResult{Outcome: webhook.Unavailable, Status: 500})
		time.Sleep(time.Second)

		assert.Equal(t, []telemetry.Sample{
			{ActiveSessions: 1, Events: 1, Lag: 2},
			{ActiveSessions: 2, Requests: 1, Reports: 2, ServerErrors: 1, FailedAttempts: 1, Lag: -1},
		}, monitor.Status(t.Context()).History)

		time.Sleep(35 * time.Second)
		s := monitor.Status(t.Context())
		assert.Zero(t, s.Activity.ActiveSessions, "no request for 30 s")
		assert.Len(t, s.History, 37)
		time.Sleep(time.Hour)
		assert.Len(t, monitor.Status(t.Context()).History, 300)
	})
}

func TestRecentErrorsAreGroupedLatestFirst(t *testing.T) {
	t.Parallel()
	m, sources := telemetry.NewMetrics("test"), idleSources()
	sources.Delivery = nil
	monitor := telemetry.NewMonitor(telemetry.MonitorConfig{Metrics: m, Health: telemetry.NewHealth(), Sources: sources})
	attempt := func(user int, result webhook.AttemptResult) {
		m.AttemptDone(webinar.Event{Type: webinar.EventLeft, User: webinar.UserID(user)}, result)
	}
	for i := range 20 {
		attempt(i, webhook.AttemptResult{Outcome: webhook.Rejected, Status: 400 + i})
		attempt(i, webhook.AttemptResult{Outcome: webhook.Unavailable, Status: 500})
	}
	attempt(21, webhook.AttemptResult{Outcome: webhook.Canceled, Err: errors.New("stopped")})

	recent := monitor.Status(t.Context()).RecentErrors
	assert.Len(t, recent, 8)
	assert.Equal(t, "status 500", recent[0].Error)
	assert.Equal(t, 20, recent[0].Count)
	assert.EqualValues(t, 19, recent[0].User)
	assert.Equal(t, "status 419", recent[1].Error)
	assert.Nil(t, monitor.Status(t.Context()).Outbox, "no receiver configured")
}
