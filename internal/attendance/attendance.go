// Package attendance evaluates which viewers of a webinar attended it. An
// evaluation emits one event for each session and can be repeated: its events
// then have the same ids.
package attendance

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"autowebinar/internal/failpoint"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

// Outcome is the result of an evaluation for one user.
type Outcome int

// The outcomes.
const (
	Attended Outcome = iota + 1
	NotAttended
	Excluded    // Evaluation.Include rejected the session
	NotEntered  // the viewer has no session of the webinar
	UnknownUser // WordPress has no such user
)

// Result is the outcome for one user.
type Result struct {
	User    webinar.UserID
	Outcome Outcome
}

// Counts are numbers of users by outcome.
type Counts map[Outcome]int

// Add counts results.
func (c Counts) Add(results []Result) {
	for _, r := range results {
		c[r.Outcome]++
	}
}

// Evaluation configures [Evaluation.Run].
type Evaluation struct {
	ID      uuid.UUID
	Webinar webinar.ID                 // empty to evaluate each viewer's current session
	Include func(webinar.Session) bool // nil to include every session
	DryRun  bool                       // emit no events and do not check that the users exist

	Rules    webinar.Rules
	Parallel int // viewers evaluated at a time

	Change func(context.Context, webinar.UserID, webinar.Command) (webinar.Result, error)
	Read   func(context.Context, []webinar.UserID) ([]webinar.Viewer, error) // for Include and DryRun only
}

// pageSize is the number of viewers that one statement reads.
const pageSize = 200

// Run evaluates users, page by page, and passes each page's results, in the order
// of the users, to done. After an error some users of the next page may have been
// evaluated.
func (e Evaluation) Run(ctx context.Context, users []webinar.UserID, done func([]Result)) error {
	for page := range slices.Chunk(users, pageSize) {
		results, err := e.evaluatePage(ctx, page)
		if err != nil {
			return err
		}
		done(results)
	}
	return nil
}

func (e Evaluation) evaluatePage(ctx context.Context, users []webinar.UserID) ([]Result, error) {
	viewers := map[webinar.UserID]webinar.Viewer{}
	if e.readsFirst() {
		found, err := e.Read(ctx, users)
		if err != nil {
			return nil, err
		}
		for _, v := range found {
			viewers[v.User] = v
		}
	}
	results := make([]Result, len(users))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(e.Parallel)
	for i, user := range users {
		group.Go(func() (err error) {
			// A panic in a goroutine would end the process.
			defer func() {
				if cause := recover(); cause != nil {
					err = fmt.Errorf("attendance: panic: %v\n%s", cause, debug.Stack())
				}
			}()
			if err := ctx.Err(); err != nil {
				return err
			}
			results[i].User = user
			results[i].Outcome, err = e.evaluate(ctx, user, viewers[user])
			return err
		})
	}
	return results, group.Wait()
}

func (e Evaluation) readsFirst() bool { return e.DryRun || e.Include != nil }

// evaluate classifies one user. The viewer is set if readsFirst.
func (e Evaluation) evaluate(ctx context.Context, user webinar.UserID, v webinar.Viewer) (Outcome, error) {
	var session webinar.Session
	var err error
	if e.readsFirst() {
		session, err = e.Rules.Find(v, e.Webinar)
		if err == nil && e.Include != nil && !e.Include(session) {
			return Excluded, nil
		}
	}
	if err == nil && !e.DryRun {
		var result webinar.Result
		result, err = e.Change(ctx, user, e.command)
		session = result.Session
	}
	switch {
	case errors.Is(err, usermeta.ErrUnknownUser):
		return UnknownUser, nil
	case errors.Is(err, webinar.ErrNoSession), errors.Is(err, webinar.ErrWebinarRequired):
		return NotEntered, nil
	case err != nil:
		return 0, err
	case session.Completed:
		return Attended, nil
	}
	return NotAttended, nil
}

func (e Evaluation) command(v webinar.Viewer, now time.Time) (webinar.Result, error) {
	result, err := e.Rules.Evaluate(v, e.Webinar, e.ID, now)
	if err == nil && failpoint.Enabled(failpoint.EvaluateAbsent) {
		result.Events[0].Attended = false
	}
	return result, err
}
