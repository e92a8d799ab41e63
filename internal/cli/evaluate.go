package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/attendance"
	"autowebinar/internal/webinar"
)

// attendanceSummary is the output of the command.
type attendanceSummary struct {
	Evaluation  *uuid.UUID     `json:"evaluation_id"` // null in a dry run
	Webinar     webinar.ID     `json:"webinar_id"`
	Viewers     int            `json:"viewers"`
	Attended    int            `json:"attended"`
	NotAttended int            `json:"not_attended"`
	Outside     int            `json:"outside_the_range"`
	Gone        int            `json:"gone"` // the user or the session no longer exists
	Last        webinar.UserID `json:"last_user_id"`
}

func (t *adminEnv) evaluate(ctx context.Context, s Streams, e evaluation) error {
	summary := attendanceSummary{Webinar: e.webinar, Last: e.after}
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
		summary.Evaluation = &e.id
		fmt.Fprintf(s.Err, "evaluation %s\n", e.id)
		if e.id.Version() != 7 {
			fmt.Fprintln(s.Err, "the id is not a UUIDv7: a repeated run sends the same webhook ids but different times")
		}
	}
	users, err := t.store.UsersWithSession(ctx, e.webinar)
	if err != nil {
		return wrapCanceled(ctx, err)
	}
	users = slices.DeleteFunc(users, func(u webinar.UserID) bool { return u <= e.after })
	run := attendance.Evaluation{
		ID: e.id, Webinar: e.webinar, DryRun: e.dryRun,
		Include: func(session webinar.Session) bool { return e.inRange(session.LastSeenAt) },
		Rules:   webinar.Rules{Durations: t.cfg.Webinars}, Parallel: maxParallelEvaluations,
		Change: t.store.Change, Read: t.store.ReadViewers,
	}
	bar := newProgress(s, len(users))
	counts := attendance.Counts{}
	err = run.Run(ctx, users, func(page []attendance.Result) {
		counts.Add(page)
		summary.Viewers += len(page)
		summary.Last = page[len(page)-1].User
		bar.add(len(page))
	})
	bar.end()
	if err != nil {
		return fmt.Errorf("%w%s", wrapCanceled(ctx, err), e.resumeHint(summary.Last))
	}
	summary.Attended, summary.NotAttended = counts[attendance.Attended], counts[attendance.NotAttended]
	summary.Outside = counts[attendance.Excluded]
	summary.Gone = counts[attendance.NotEntered] + counts[attendance.UnknownUser]
	if e.asJSON {
		return printJSON(s.Out, summary)
	}
	return summary.print(s, e)
}

// resumeHint says how to evaluate the remaining users after a failure.
func (e evaluation) resumeHint(last webinar.UserID) string {
	switch {
	case e.dryRun:
		return ""
	case last == 0:
		return fmt.Sprintf("\nsome viewers may have been classified; repeat with --evaluation-id %s", e.id)
	}
	return fmt.Sprintf("\nviewers up to user %d are done; continue with --evaluation-id %s --after-user %d", last, e.id, last)
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

func (e evaluation) inRange(seen time.Time) bool {
	return !seen.Before(e.from) && (e.to.IsZero() || seen.Before(e.to))
}
