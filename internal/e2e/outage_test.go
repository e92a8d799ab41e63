package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/servicetest"
)

func TestReceiverOutageFailsOnlyForms(t *testing.T) {
	t.Parallel()
	db, sink := mariadbtest.New(t), servicetest.NewReceiver(t)
	var viewers []servicetest.Viewer
	for id := uint64(1); id <= 10; id++ {
		viewers = append(viewers, servicetest.NewViewer(t, db, id))
	}
	s := servicetest.Start(t, servicetest.Settings(db.DSN, sink.URL)).Ready(t)
	form := `{"webinar_id":"intro","form_id":"survey","form_payload":{"liked":true},"submission_id":"5f0c4b9e-3a39-4c3b-a3a3-0d6f6a1f6a01"}`

	sink.SetDown(true)
	for _, v := range viewers {
		v.Must(t, s, 201, "/register", `{"webinar_id":"intro","source":"mail"}`)
		v.Must(t, s, 201, "/enter", `{"webinar_id":"intro"}`)
		v.Must(t, s, 200, "/exit", `{"webinar_id":"intro"}`)
		v.Must(t, s, 201, "/enter", `{"webinar_id":"pro"}`)
		refused := v.Must(t, s, 503, "/form", form)
		assert.NotEmpty(t, refused.Header.Get("Retry-After"))
	}
	sink.SetDown(false)
	for _, v := range viewers {
		sink.WaitFor(t, fmt.Sprint(v.ID), "registered", "entered", "left", "entered")
	}
	accepted := viewers[0].Must(t, s, 200, "/form", form)
	assert.Equal(t, "5f0c4b9e-3a39-4c3b-a3a3-0d6f6a1f6a01", accepted.Body["submission_id"])
	assert.Equal(t, map[string]any{"liked": true}, sink.Find("1", "form_submitted")[0].Data["form_payload"])
}

func TestDatabaseOutageReturns503WithRetryAfter(t *testing.T) {
	t.Parallel()
	db, sink := mariadbtest.New(t), servicetest.NewReceiver(t)
	v := servicetest.NewViewer(t, db, 1)
	wire := servicetest.NewFaultProxy(t, servicetest.AddressOf(t, db.DSN))
	s := servicetest.Start(t, servicetest.Settings(servicetest.WithAddress(t, db.DSN, wire.Address), sink.URL)).Ready(t)
	v.Must(t, s, 201, "/enter", `{"webinar_id":"intro"}`)

	wire.Cut()
	for range 3 {
		refused := v.Must(t, s, 503, "/progress", `{"webinar_id":"intro","position_sec":1}`)
		assert.Equal(t, "autowebinar_unavailable", refused.Body["code"])
		assert.NotEmpty(t, refused.Header.Get("Retry-After"))
	}
	require.Eventually(t, func() bool { return s.Readiness() == http.StatusServiceUnavailable }, time.Minute, 10*time.Millisecond)

	wire.Clear()
	require.Eventually(t, func() bool {
		a, err := v.Send(s, "/exit", `{"webinar_id":"intro"}`)
		return err == nil && a.Status == 200
	}, time.Minute, 50*time.Millisecond)
	sink.WaitFor(t, "1", "entered", "left")
	s.Ready(t)
}

func TestServiceStartsBeforeDatabase(t *testing.T) {
	t.Parallel()
	db, sink := mariadbtest.New(t), servicetest.NewReceiver(t)
	v := servicetest.NewViewer(t, db, 1)
	wire := servicetest.NewFaultProxy(t, servicetest.AddressOf(t, db.DSN))
	wire.Cut()
	s := servicetest.Start(t, servicetest.Settings(servicetest.WithAddress(t, db.DSN, wire.Address), sink.URL))
	v.Must(t, s, 503, "/enter", `{"webinar_id":"intro"}`)
	wire.Clear()
	v.Must(t, s.Ready(t), 201, "/enter", `{"webinar_id":"intro"}`)
	sink.WaitFor(t, "1", "entered")
}

// An instance whose locks go wrong keeps nobody else from starting.
func TestDatabaseCheckReleasesLocks(t *testing.T) {
	t.Parallel()
	db, sink := mariadbtest.New(t), servicetest.NewReceiver(t)
	wire := servicetest.NewFaultProxy(t, servicetest.AddressOf(t, db.DSN))
	var refused atomic.Int64
	wire.AddRule(func(statement string) *servicetest.Reply {
		if !strings.Contains(statement, "SELECT RELEASE_LOCK") {
			return nil
		}
		refused.Add(1)
		return &servicetest.Reply{Number: 1205, Message: "Lock wait timeout exceeded; try restarting transaction"}
	})
	first := servicetest.Start(t, servicetest.Settings(servicetest.WithAddress(t, db.DSN, wire.Address), sink.URL))
	require.Eventually(t, func() bool { return refused.Load() >= 2 }, time.Minute, 10*time.Millisecond)
	servicetest.Start(t, servicetest.Settings(db.DSN, sink.URL)).Ready(t)
	assert.Equal(t, http.StatusServiceUnavailable, first.Readiness())

	wire.Clear()
	first.Ready(t)
}
