package cli

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

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

// evaluation is one run of the command.
type evaluation struct {
	webinar  webinar.ID
	id       uuid.UUID
	from, to time.Time // the range of last_seen_at without its end; zero if unbounded
	after    webinar.UserID
	dryRun   bool
	asJSON   bool
}

// runAttendance implements the command attendance.
func runAttendance(ctx context.Context, args []string, s Streams, environ []string) error {
	set := flags("attendance", s, attendanceHelp,
		"  autowebinar attendance --webinar intro --dry-run\n"+
			"  autowebinar attendance --webinar intro --last-seen-to 2026-11-22\n"+
			"  autowebinar attendance --webinar intro --evaluation-id 019aa8f5-5f3c-7000-8000-000000000001")
	var e evaluation
	id := webinarFlag(set)
	from := timeFlag(set, "last-seen-from", "only sessions last seen at this `time` or later")
	to := timeFlag(set, "last-seen-to", "only sessions last seen before this `time`")
	after := userFlag(set, "after-user", "start after this `user`, to continue an earlier run with the same id")
	set.Func("evaluation-id", "the `UUID` of an earlier run, to repeat or continue it (default: a new UUIDv7)", func(text string) (err error) {
		if e.id, err = uuid.Parse(text); err != nil || e.id == uuid.Nil {
			return errors.New("must be a UUID")
		}
		return nil
	})
	set.BoolVar(&e.dryRun, "dry-run", false, "only count")
	set.BoolVar(&e.asJSON, "json", false, "print a JSON object")
	if err := parse(set, args); err != nil {
		return err
	}
	e.webinar, e.from, e.to, e.after = *id, *from, *to, *after
	switch {
	case e.webinar == "":
		return usageErrorf(set, "--webinar is required")
	case !e.from.IsZero() && !e.to.IsZero() && !e.from.Before(e.to):
		return usageErrorf(set, "--last-seen-from must be before --last-seen-to")
	}
	t, err := openAdminEnv(s, environ)
	if err != nil {
		return err
	}
	defer t.close()
	if t.cfg.WebhookURL == nil && !e.dryRun {
		return errors.New("AUTOWEBINAR_WEBHOOK_URL is off: no event would be stored")
	}
	return t.evaluate(ctx, s, e)
}
