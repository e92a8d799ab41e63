package telemetry_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/telemetry"
)

// watched runs a monitor over sources for the length of a test in a bubble.
func watched(t *testing.T, sources telemetry.Sources) (*telemetry.Metrics, *telemetry.Monitor) {
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

func TestTheOutboxIsCountedAtItsOwnPaceHoweverOftenSomebodyLooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var counts, takes atomic.Int64 // takes: how long a count lasts
		takes.Store(int64(10 * time.Millisecond))
		sources := quiet()
		sources.OutboxStats = func(context.Context) (telemetry.OutboxStats, error) {
			counts.Add(1)
			time.Sleep(time.Duration(takes.Load()))
			return telemetry.OutboxStats{}, nil
		}
		m, monitor := watched(t, sources)
		look := func() {
			for range 10 {
				scrape(t, m.Handler())
				monitor.Status(t.Context())
			}
		}

		time.Sleep(time.Second)
		look()
		assert.EqualValues(t, 1, counts.Load())
		time.Sleep(10 * time.Second)
		look()
		assert.EqualValues(t, 3, counts.Load(), "every five seconds")

		takes.Store(int64(2 * time.Second)) // twenty times as long is left to others
		time.Sleep(10 * time.Second)
		assert.EqualValues(t, 4, counts.Load())
		time.Sleep(30 * time.Second)
		look()
		assert.EqualValues(t, 4, counts.Load())
		time.Sleep(20 * time.Second)
		assert.EqualValues(t, 5, counts.Load())
	})
}

func TestACountThatFailsKeepsTheLastFigures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var fails atomic.Bool
		sources := quiet()
		sources.OutboxStats = func(context.Context) (telemetry.OutboxStats, error) {
			if fails.Load() {
				return telemetry.OutboxStats{}, errors.New("gone away")
			}
			return telemetry.OutboxStats{Dead: 2}, nil
		}
		m, monitor := watched(t, sources)
		time.Sleep(time.Second)
		at := monitor.Status(t.Context()).Outbox.At
		fails.Store(true)
		time.Sleep(10 * time.Second)

		outbox := monitor.Status(t.Context()).Outbox
		assert.Equal(t, 2, outbox.Dead)
		assert.Equal(t, at, outbox.At)
		assert.Equal(t, "gone away", outbox.Error)
		_, families := scrape(t, m.Handler())
		assert.EqualValues(t, 2, families["autowebinar_outbox_count_failures_total"].GetMetric()[0].GetCounter().GetValue())
	})
}

// A failure is logged when it begins and when it becomes another, and its end.
func TestACountThatFailsIsLoggedOncePerReason(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var reason atomic.Pointer[string]
		fails := func(text string) { reason.Store(&text) }
		fails("")
		sources := quiet()
		sources.OutboxStats = func(context.Context) (telemetry.OutboxStats, error) {
			if text := *reason.Load(); text != "" {
				return telemetry.OutboxStats{}, errors.New(text)
			}
			return telemetry.OutboxStats{}, nil
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
			fails(text)
			time.Sleep(time.Minute)
		}
		stop()
		<-done

		assert.Equal(t, 3, strings.Count(log.String(), "\n"), log.String())
		assert.Contains(t, log.String(), `msg="outbox not counted" error="gone away"`)
		assert.Contains(t, log.String(), `msg="outbox not counted" error=read-only`)
		assert.Contains(t, log.String(), `msg="outbox counted again"`)
	})
}

func TestTheHistoryIsTheLastFiveMinutesSecondBySecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, monitor := watched(t, quiet())
		synctest.Wait()
		time.Sleep(500 * time.Millisecond)
		m.SessionChanged(telemetry.SessionChange{Session: "a", Entered: true, Events: []string{"client_webinar_entered"}})
		m.AttemptDone(telemetry.Attempt{Accepted: true, Age: 2 * time.Second})
		m.AttemptDone(telemetry.Attempt{Accepted: true, Age: time.Second})
		time.Sleep(time.Second)
		m.SessionChanged(telemetry.SessionChange{Session: "a", Reported: true})
		m.SessionChanged(telemetry.SessionChange{Session: "b", Reported: true})
		m.RequestDone("/enter", 500, "autowebinar_internal", time.Second)
		m.AttemptDone(telemetry.Attempt{Error: "status 500"})
		time.Sleep(time.Second)

		assert.Equal(t, []telemetry.Sample{
			{Viewers: 1, Events: 1, Lag: 2},
			{Viewers: 2, Requests: 1, Reports: 2, Failures: 1, Failed: 1, Lag: -1},
		}, monitor.Status(t.Context()).History)

		time.Sleep(35 * time.Second)
		s := monitor.Status(t.Context())
		assert.Zero(t, s.Viewing.Viewers, "not heard of for 30 s")
		assert.Len(t, s.History, 37)
		time.Sleep(time.Hour)
		assert.Len(t, monitor.Status(t.Context()).History, 300)
	})
}

func TestErrorsOfTheSinkAreKeptByKindTheLatestFirst(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("test")
	monitor := telemetry.NewMonitor(telemetry.MonitorConfig{Metrics: m, Health: telemetry.NewHealth(), Sources: telemetry.Sources{
		Pool: func() sql.DBStats { return sql.DBStats{} }, Queue: quiet().Queue, Delivery: quiet().Delivery,
	}})
	for i := range 20 {
		m.AttemptDone(telemetry.Attempt{Outcome: "rejected", Error: "status 4" + string(rune('a'+i)), User: uint64(i)})
		m.AttemptDone(telemetry.Attempt{Outcome: "unavailable", Error: "status 500", User: uint64(i), WebhookID: "id", Type: "client_webinar_left"})
	}
	m.AttemptDone(telemetry.Attempt{Outcome: "interrupted", Interrupted: true, Error: "stopped"})

	mishaps := monitor.Status(t.Context()).Mishaps
	assert.Len(t, mishaps, 8)
	assert.Equal(t, "status 500", mishaps[0].Error)
	assert.Equal(t, 20, mishaps[0].Times)
	assert.EqualValues(t, 19, mishaps[0].User)
	assert.Equal(t, "status 4t", mishaps[1].Error)
	assert.Nil(t, monitor.Status(t.Context()).Outbox, "there is no outbox")
}
