package attendance_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/attendance"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

var (
	evaluationID = uuid.MustParse("0d5c1b1e-52f5-4d0e-9a35-0f7f6a5f6c11")
	now          = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	errOdd       = errors.New("odd")
)

// store has the viewers of webinar intro: 1 completed it, 2 did not, 3 parked it
// for pro, 4 is in pro only, 5 has a session without a webinar.
type store struct {
	mu     sync.Mutex
	events map[webinar.UserID][]webinar.Event
}

func viewers() map[webinar.UserID]webinar.Viewer {
	session := func(id webinar.ID, completed bool) *webinar.Session {
		return &webinar.Session{ID: "s", Webinar: id, LastSeenAt: now, Completed: completed}
	}
	return map[webinar.UserID]webinar.Viewer{
		1: {User: 1, Current: session("intro", true)},
		2: {User: 2, Current: session("intro", false)},
		3: {User: 3, Current: session("pro", true), Parked: map[webinar.ID]*webinar.Session{"intro": session("intro", false)}},
		4: {User: 4, Current: session("pro", true)},
		5: {User: 5, Current: session("", false)},
	}
}

func (s *store) change(_ context.Context, user webinar.UserID, command webinar.Command) (webinar.Result, error) {
	v, ok := viewers()[user]
	if !ok {
		return webinar.Result{}, usermeta.ErrUnknownUser
	}
	result, err := command(v, now)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.events == nil {
		s.events = map[webinar.UserID][]webinar.Event{}
	}
	s.events[user] = append(s.events[user], result.Events...)
	return result, err
}

func (s *store) read(_ context.Context, users []webinar.UserID) ([]webinar.Viewer, error) {
	var found []webinar.Viewer
	for _, user := range users {
		if v, ok := viewers()[user]; ok {
			found = append(found, v)
		}
	}
	return found, nil
}

func (s *store) evaluation() attendance.Evaluation {
	return attendance.Evaluation{ID: evaluationID, Webinar: "intro", Parallel: 4, Change: s.change, Read: s.read}
}

// run evaluates users and returns their outcomes in the order of the results.
func run(t *testing.T, e attendance.Evaluation, users ...webinar.UserID) []attendance.Result {
	t.Helper()
	var all []attendance.Result
	require.NoError(t, e.Run(t.Context(), users, func(page []attendance.Result) { all = append(all, page...) }))
	return all
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	s := &store{}
	results := run(t, s.evaluation(), 6, 4, 3, 1, 2)
	assert.Equal(t, []attendance.Result{
		{User: 6, Outcome: attendance.UnknownUser}, {User: 4, Outcome: attendance.NotEntered}, {User: 3, Outcome: attendance.NotAttended},
		{User: 1, Outcome: attendance.Attended}, {User: 2, Outcome: attendance.NotAttended},
	}, results)
	counts := attendance.Counts{}
	counts.Add(results[:3])
	counts.Add(results[3:])
	assert.Equal(t, attendance.Counts{
		attendance.UnknownUser: 1, attendance.NotEntered: 1, attendance.NotAttended: 2, attendance.Attended: 1,
	}, counts)
	for user, attended := range map[webinar.UserID]bool{1: true, 2: false, 3: false} {
		require.Len(t, s.events[user], 1)
		event := s.events[user][0]
		assert.Equal(t, webinar.EventID(webinar.EventAttendanceClassified, user, "s", evaluationID.String()), event.ID)
		assert.Equal(t, attended, event.Attended)
	}
	assert.Empty(t, s.events[4])
}

func TestWithoutWebinarCurrentSessionsAreEvaluated(t *testing.T) {
	t.Parallel()
	e := (&store{}).evaluation()
	e.Webinar = ""
	assert.Equal(t, []attendance.Result{
		{User: 3, Outcome: attendance.Attended}, {User: 5, Outcome: attendance.NotEntered},
	}, run(t, e, 3, 5))
}

func TestDryRunChangesNothing(t *testing.T) {
	t.Parallel()
	s := &store{}
	e := s.evaluation()
	e.DryRun, e.Change = true, nil
	assert.Equal(t, []attendance.Result{
		{User: 1, Outcome: attendance.Attended}, {User: 2, Outcome: attendance.NotAttended},
		{User: 4, Outcome: attendance.NotEntered}, {User: 6, Outcome: attendance.NotEntered},
	}, run(t, e, 1, 2, 4, 6))
	assert.Empty(t, s.events)
}

func TestExcludedSessionsEmitNoEvent(t *testing.T) {
	t.Parallel()
	for _, dryRun := range []bool{false, true} {
		s := &store{}
		e := s.evaluation()
		e.DryRun, e.Include = dryRun, func(session webinar.Session) bool { return session.Completed }
		assert.Equal(t, []attendance.Result{
			{User: 1, Outcome: attendance.Attended}, {User: 2, Outcome: attendance.Excluded}, {User: 4, Outcome: attendance.NotEntered},
		}, run(t, e, 1, 2, 4))
		assert.Empty(t, s.events[2])
	}
}

// sequence returns the user ids from 1 to n.
func sequence(n int) []webinar.UserID {
	users := make([]webinar.UserID, n)
	for i := range users {
		users[i] = webinar.UserID(i + 1)
	}
	return users
}

func TestUsersAreEvaluatedInPages(t *testing.T) {
	t.Parallel()
	e := (&store{}).evaluation()
	var read, done []int
	e.DryRun, e.Read = true, func(_ context.Context, users []webinar.UserID) ([]webinar.Viewer, error) {
		read = append(read, len(users))
		return nil, nil
	}
	require.NoError(t, e.Run(t.Context(), sequence(450), func(page []attendance.Result) { done = append(done, len(page)) }))
	assert.Equal(t, []int{200, 200, 50}, read)
	assert.Equal(t, read, done)
}

func TestParallelEvaluationsAreLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := (&store{}).evaluation()
		var running atomic.Int64
		e.Change = func(context.Context, webinar.UserID, webinar.Command) (webinar.Result, error) {
			assert.LessOrEqual(t, running.Add(1), int64(4))
			time.Sleep(time.Second)
			running.Add(-1)
			return webinar.Result{}, nil
		}
		started := time.Now()
		run(t, e, sequence(40)...)
		assert.Equal(t, 10*time.Second, time.Since(started))
	})
}

func TestErrorStopsEvaluation(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func() error
		want   string
	}{
		"an error": {func() error { return errOdd }, "odd"},
		"a panic":  {func() error { panic(errOdd) }, "panic: odd"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &store{}
			e := s.evaluation()
			e.Parallel = 1
			e.Change = func(ctx context.Context, user webinar.UserID, command webinar.Command) (webinar.Result, error) {
				if user == 202 {
					return webinar.Result{}, tt.change()
				}
				return s.change(ctx, 1, command)
			}
			var done []webinar.UserID
			err := e.Run(t.Context(), sequence(450), func(page []attendance.Result) {
				for _, result := range page {
					done = append(done, result.User)
				}
			})
			require.ErrorContains(t, err, tt.want)
			assert.Equal(t, sequence(200), done, "only complete pages are reported")
			assert.Len(t, s.events[1], 201)
		})
	}
}

func TestFailedReadStopsEvaluation(t *testing.T) {
	t.Parallel()
	e := (&store{}).evaluation()
	e.DryRun, e.Read = true, func(context.Context, []webinar.UserID) ([]webinar.Viewer, error) {
		return nil, errOdd
	}
	require.ErrorIs(t, e.Run(t.Context(), sequence(1), nil), errOdd)
}

func TestCanceledEvaluationBeginsNoChange(t *testing.T) {
	t.Parallel()
	s := &store{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.evaluation().Run(ctx, slices.Repeat([]webinar.UserID{1}, 10), nil), context.Canceled)
	assert.Empty(t, s.events)
}
