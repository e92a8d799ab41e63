package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/attendance"
	"autowebinar/internal/text"
	"autowebinar/internal/webinar"
)

// maxParallelEvaluations is how many viewers are evaluated at a time. They share
// commits.
const maxParallelEvaluations = 32

const attendanceHelp = `Classifies the attendance of the viewers of a webinar, as POST /attendance does: each
session, current or parked, gets an event client_webinar_attendance_classified that says
whether it is completed now. The evaluation has an id. Repeating it with the same id is
safe: its events have the same webhook ids, and one that is still in the outbox is not
added again.`

// attendanceCmd is one run of the command attendance.
type attendanceCmd struct {
	*adminEnv
	webinar  webinar.ID
	id       uuid.UUID
	from, to time.Time // the range of last_seen_at without its end; zero if unbounded
	after    webinar.UserID
	dryRun   bool
	asJSON   bool
}

// attendanceResult is the output of the command.
type attendanceResult struct {
	Evaluation  *uuid.UUID     `json:"evaluation_id"` // null in a dry run
	Webinar     webinar.ID     `json:"webinar_id"`
	Viewers     int            `json:"viewers"`
	Attended    int            `json:"attended"`
	NotAttended int            `json:"not_attended"`
	OutOfRange  int            `json:"out_of_range"`
	Gone        int            `json:"gone"` // the user or the session no longer exists
	LastUser    webinar.UserID `json:"last_user_id"`
}

// runAttendance implements the command attendance.
func runAttendance(ctx context.Context, args []string, s Streams, environ []string) error {
	set := newFlagSet("attendance", s, attendanceHelp,
		"  autowebinar attendance --webinar intro --dry-run\n"+
			"  autowebinar attendance --webinar intro --last-seen-to 2026-11-22\n"+
			"  autowebinar attendance --webinar intro --evaluation-id 019aa8f5-5f3c-7000-8000-000000000001")
	var c attendanceCmd
	id := webinarFlag(set)
	from := timeFlag(set, "last-seen-from", "only sessions last seen at this `time` or later")
	to := timeFlag(set, "last-seen-to", "only sessions last seen before this `time`")
	after := userFlag(set, "after-user", "start after this `user`, to continue an earlier run with the same id")
	set.Func("evaluation-id", "the `UUID` of an earlier run, to repeat or continue it (default: a new UUIDv7)", func(value string) (err error) {
		if c.id, err = uuid.Parse(value); err != nil || c.id == uuid.Nil {
			return errors.New("must be a UUID")
		}
		return nil
	})
	set.BoolVar(&c.dryRun, "dry-run", false, "only count")
	set.BoolVar(&c.asJSON, "json", false, "print a JSON object")
	if err := parse(set, args); err != nil {
		return err
	}
	c.webinar, c.from, c.to, c.after = *id, *from, *to, *after
	switch {
	case c.webinar == "":
		return usageErrorf(set, "--webinar is required")
	case !c.from.IsZero() && !c.to.IsZero() && !c.from.Before(c.to):
		return usageErrorf(set, "--last-seen-from must be before --last-seen-to")
	}
	var err error
	if c.adminEnv, err = openAdminEnv(s, environ); err != nil {
		return err
	}
	defer c.close()
	if c.cfg.WebhookURL == nil && !c.dryRun {
		return errors.New("AUTOWEBINAR_WEBHOOK_URL is off: no event would be stored")
	}
	return c.run(ctx, s)
}

func (c attendanceCmd) run(ctx context.Context, s Streams) error {
	result := attendanceResult{Webinar: c.webinar, LastUser: c.after}
	if !c.dryRun {
		if err := c.verify(ctx); err != nil {
			return err
		}
		if c.id == uuid.Nil {
			var err error
			if c.id, err = uuid.NewV7(); err != nil {
				return err
			}
		}
		result.Evaluation = &c.id
		fmt.Fprintf(s.Err, "evaluation %s\n", c.id)
		if c.id.Version() != 7 {
			fmt.Fprintln(s.Err, "the id is not a UUIDv7: a repeated run sends the same webhook ids but different times")
		}
	}
	users, err := c.store.UsersWithSession(ctx, c.webinar)
	if err != nil {
		return wrapCanceled(ctx, err)
	}
	users = slices.DeleteFunc(users, func(u webinar.UserID) bool { return u <= c.after })
	evaluation := attendance.Evaluation{
		ID: c.id, Webinar: c.webinar, DryRun: c.dryRun,
		Include: func(session webinar.Session) bool { return c.inRange(session.LastSeenAt) },
		Rules:   webinar.Rules{Durations: c.cfg.Webinars}, Parallel: maxParallelEvaluations,
		Change: c.store.Change, Read: c.store.ReadViewers,
	}
	bar := newProgress(s, len(users))
	counts := attendance.Counts{}
	err = evaluation.Run(ctx, users, func(page []attendance.Result) {
		counts.Add(page)
		result.Viewers += len(page)
		result.LastUser = page[len(page)-1].User
		bar.add(len(page))
	})
	bar.clear()
	if err != nil {
		return fmt.Errorf("%w%s", wrapCanceled(ctx, err), c.resumeHint(result.LastUser))
	}
	result.Attended, result.NotAttended = counts[attendance.Attended], counts[attendance.NotAttended]
	result.OutOfRange = counts[attendance.Excluded]
	result.Gone = counts[attendance.NotEntered] + counts[attendance.UnknownUser]
	if c.asJSON {
		return printJSON(s.Out, result)
	}
	return c.print(s, result)
}

// resumeHint returns the command that evaluates the remaining users after a
// failure.
func (c attendanceCmd) resumeHint(last webinar.UserID) string {
	switch {
	case c.dryRun:
		return ""
	case last == 0:
		return fmt.Sprintf("\nsome viewers may have been classified; repeat with --evaluation-id %s", c.id)
	}
	return fmt.Sprintf("\nviewers up to user %d are done; continue with --evaluation-id %s --after-user %d", last, c.id, last)
}

func (c attendanceCmd) print(s Streams, r attendanceResult) error {
	verb := "classified"
	if c.dryRun {
		verb = "would be classified"
	}
	_, err := fmt.Fprintf(s.Out, "%s of %s: %d %s (%d attended, %d did not attend), %d outside the period, %d deleted meanwhile\n",
		text.Count(r.Viewers, "viewer"), r.Webinar, r.Attended+r.NotAttended, verb, r.Attended, r.NotAttended, r.OutOfRange, r.Gone)
	return err
}

func (c attendanceCmd) inRange(seen time.Time) bool {
	return !seen.Before(c.from) && (c.to.IsZero() || seen.Before(c.to))
}
