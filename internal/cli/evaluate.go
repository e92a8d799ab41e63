package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

// evaluated is what came of an evaluation.
type attendanceSummary struct {
	Evaluation  *uuid.UUID     `json:"evaluation_id"` // null in a dry run
	Webinar     webinar.ID     `json:"webinar_id"`
	Viewers     int            `json:"viewers"`
	Attended    int            `json:"attended"`
	NotAttended int            `json:"not_attended"`
	Outside     int            `json:"outside_the_range"`
	Gone        int            `json:"gone"` // user or session
	Last        webinar.UserID `json:"last_user_id"`
}

func (t *adminEnv) evaluate(ctx context.Context, s Streams, e evaluation) error {
	done := attendanceSummary{Webinar: e.webinar}
	if !e.dryRun {
		if err := t.verify(ctx); err != nil {
			return err
		}
		if e.id == uuid.Nil {
			var err error
			if e.id, err = uuid.NewV7(); err != nil {
				return err
			}
		}
		done.Evaluation = &e.id
		fmt.Fprintf(s.Err, "evaluation %s\n", e.id)
		if e.id.Version() != 7 {
			fmt.Fprintln(s.Err, "the id is no UUIDv7, so a repeat of it has the same webhook ids but other times")
		}
	}
	users, err := t.store.UsersWithSession(ctx, e.webinar)
	if err != nil {
		return wrapCanceled(ctx, err)
	}
	users = slices.DeleteFunc(users, func(u webinar.UserID) bool { return u <= e.after })
	bar := newProgress(s, len(users))
	done.Last = e.after
	for page := range slices.Chunk(users, viewerPage) {
		if err := t.evaluatePage(ctx, e, page, &done); err != nil {
			bar.end()
			return fmt.Errorf("%w%s", wrapCanceled(ctx, err), e.resumeHint(done.Last))
		}
		done.Last = page[len(page)-1]
		done.Viewers += len(page)
		bar.add(len(page))
	}
	bar.end()
	if e.asJSON {
		return printJSON(s.Out, done)
	}
	return done.print(s, e)
}

// howToGoOn says how to do the rest after the last user that is done.
func (e evaluation) resumeHint(last webinar.UserID) string {
	switch {
	case e.dryRun:
		return ""
	case last == 0:
		return fmt.Sprintf("\nsome viewers may be done; repeat with --evaluation-id %s", e.id)
	}
	return fmt.Sprintf("\nthe viewers up to user %d are done; go on with --evaluation-id %s --after-user %d", last, e.id, last)
}

func (d attendanceSummary) print(s Streams, e evaluation) error {
	verb := "classified"
	if e.dryRun {
		verb = "would be classified"
	}
	_, err := fmt.Fprintf(s.Out, "%s of %s: %d %s (%d attended, %d not), %d outside the range, %d gone\n",
		count(d.Viewers, "viewer"), d.Webinar, d.Attended+d.NotAttended, verb, d.Attended, d.NotAttended, d.Outside, d.Gone)
	return err
}

// evaluatePage does some viewers; the counts are kept even if it fails half-way.
func (t *adminEnv) evaluatePage(ctx context.Context, e evaluation, page []webinar.UserID, done *attendanceSummary) error {
	viewers, err := t.store.ReadViewers(ctx, page)
	if err != nil {
		return err
	}
	done.Gone += len(page) - len(viewers)
	var attended, not, gone atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(viewersAtOnce)
	for _, v := range viewers {
		session := v.Session(e.webinar)
		switch {
		case session == nil:
			gone.Add(1)
			continue
		case !e.inRange(session.LastSeenAt):
			done.Outside++
			continue
		}
		group.Go(func() error {
			completed, err := t.classify(ctx, e, v.User, session)
			switch {
			case errors.Is(err, usermeta.ErrUnknownUser), errors.Is(err, webinar.ErrNoSession):
				gone.Add(1)
				return nil
			case err != nil:
				return err
			case completed:
				attended.Add(1)
			default:
				not.Add(1)
			}
			return nil
		})
	}
	err = group.Wait()
	done.Attended += int(attended.Load())
	done.NotAttended += int(not.Load())
	done.Gone += int(gone.Load())
	return err
}

// classify evaluates one viewer and tells whether they attended.
func (t *adminEnv) classify(ctx context.Context, e evaluation, user webinar.UserID, seen *webinar.Session) (completed bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if e.dryRun {
		return seen.Completed, nil
	}
	rules := webinar.Rules{Durations: t.cfg.Webinars}
	result, err := t.store.Change(ctx, user, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return rules.Evaluate(v, e.webinar, e.id, now)
	})
	return result.Session.Completed, err
}

func (e evaluation) inRange(seen time.Time) bool {
	return !seen.Before(e.from) && (e.to.IsZero() || seen.Before(e.to))
}
