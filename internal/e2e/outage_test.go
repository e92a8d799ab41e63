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
	db, receiver := mariadbtest.New(t), servicetest.NewReceiver(t)
	var viewers []servicetest.Viewer
	for id := uint64(1); id <= 10; id++ {
		viewers = append(viewers, servicetest.NewViewer(t, db, id))
	}
	s := servicetest.Start(t, servicetest.Settings(db.DSN, receiver.URL)).Ready(t)
	form := `{"webinar_id":"intro","form_id":"survey","form_payload":{"liked":true},"submission_id":"5f0c4b9e-3a39-4c3b-a3a3-0d6f6a1f6a01"}`

	receiver.SetDown(true)
	for _, v := range viewers {
		v.Must(t, s, 201, "/register", `{"webinar_id":"intro","source":"mail"}`)
		v.Must(t, s, 201, "/enter", `{"webinar_id":"intro"}`)
		v.Must(t, s, 200, "/exit", `{"webinar_id":"intro"}`)
		v.Must(t, s, 201, "/enter", `{"webinar_id":"pro"}`)
		failed := v.Must(t, s, 503, "/form", form)
		assert.NotEmpty(t, failed.Header.Get("Retry-After"))
	}
	receiver.SetDown(false)
	for _, v := range viewers {
		receiver.WaitFor(t, fmt.Sprint(v.ID), "registered", "entered", "left", "entered")
	}
	accepted := viewers[0].Must(t, s, 200, "/form", form)
	assert.Equal(t, "5f0c4b9e-3a39-4c3b-a3a3-0d6f6a1f6a01", accepted.Body["submission_id"])
	assert.Equal(t, map[string]any{"liked": true}, receiver.Find("1", "form_submitted")[0].Data["form_payload"])
}

func TestDatabaseOutageReturns503WithRetryAfter(t *testing.T) {
	t.Parallel()
	db, receiver := mariadbtest.New(t), servicetest.NewReceiver(t)
	v := servicetest.NewViewer(t, db, 1)
	proxy := servicetest.NewFaultProxy(t, servicetest.AddressOf(t, db.DSN))
	s := servicetest.Start(t, servicetest.Settings(servicetest.WithAddress(t, db.DSN, proxy.Address), receiver.URL)).Ready(t)
	v.Must(t, s, 201, "/enter", `{"webinar_id":"intro"}`)

	proxy.Cut()
	for range 3 {
		failed := v.Must(t, s, 503, "/progress", `{"webinar_id":"intro","position_sec":1}`)
		assert.Equal(t, "autowebinar_unavailable", failed.Body["code"])
		assert.NotEmpty(t, failed.Header.Get("Retry-After"))
	}
	require.Eventually(t, func() bool { return s.Readiness() == http.StatusServiceUnavailable }, time.Minute, 10*time.Millisecond)

	proxy.Clear()
	require.Eventually(t, func() bool {
		res, err := v.Send(s, "/exit", `{"webinar_id":"intro"}`)
		return err == nil && res.Status == 200
	}, time.Minute, 50*time.Millisecond)
	receiver.WaitFor(t, "1", "entered", "left")
	s.Ready(t)
}

func TestServiceStartsBeforeDatabase(t *testing.T) {
	t.Parallel()
	db, receiver := mariadbtest.New(t), servicetest.NewReceiver(t)
	v := servicetest.NewViewer(t, db, 1)
	proxy := servicetest.NewFaultProxy(t, servicetest.AddressOf(t, db.DSN))
	proxy.Cut()
	s := servicetest.Start(t, servicetest.Settings(servicetest.WithAddress(t, db.DSN, proxy.Address), receiver.URL))
	v.Must(t, s, 503, "/enter", `{"webinar_id":"intro"}`)
	proxy.Clear()
	v.Must(t, s.Ready(t), 201, "/enter", `{"webinar_id":"intro"}`)
	receiver.WaitFor(t, "1", "entered")
}

// A replica that cannot release the named lock of its database check must not
// prevent another replica from starting.
func TestDatabaseCheckReleasesLocks(t *testing.T) {
	t.Parallel()
	db, receiver := mariadbtest.New(t), servicetest.NewReceiver(t)
	proxy := servicetest.NewFaultProxy(t, servicetest.AddressOf(t, db.DSN))
	var failed atomic.Int64
	proxy.AddRule(func(statement string) *servicetest.Reply {
		if !strings.Contains(statement, "SELECT RELEASE_LOCK") {
			return nil
		}
		failed.Add(1)
		return &servicetest.Reply{Number: 1205, Message: "Lock wait timeout exceeded; try restarting transaction"}
	})
	first := servicetest.Start(t, servicetest.Settings(servicetest.WithAddress(t, db.DSN, proxy.Address), receiver.URL))
	require.Eventually(t, func() bool { return failed.Load() >= 2 }, time.Minute, 10*time.Millisecond)
	servicetest.Start(t, servicetest.Settings(db.DSN, receiver.URL)).Ready(t)
	assert.Equal(t, http.StatusServiceUnavailable, first.Readiness())

	proxy.Clear()
	first.Ready(t)
}
