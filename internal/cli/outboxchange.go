package cli

import (
	"context"
	"fmt"
	"time"

	"autowebinar/internal/outbox"
)

func outboxRetry(ctx context.Context, args []string, s Streams, environ []string) error {
	set := flags("outbox retry", s,
		"Makes dead and waiting events due now, with their attempts counted anew. A viewer's\n"+
			"events go out in order, so all that waits for the same viewer becomes due too. An event\n"+
			"that is being sent at this moment may arrive twice, with the same webhook-id.",
		"  autowebinar outbox retry --waiting                    the engine is back: don't wait\n"+
			"  autowebinar outbox retry --dead --older-than 1d\n"+
			"  autowebinar outbox retry --event bf5e09eb-94f1-5986-8021-33d9866cd0b8")
	chosen := choiceFlags(set)
	chosen.all = set.Bool("all", false, "all dead and waiting events")
	dryRun := set.Bool("dry-run", false, "only list what would be retried")
	asJSON := set.Bool("json", false, "print a JSON object")
	if err := parse(set, args); err != nil {
		return err
	}
	if err := chosen.mustChoose(set); err != nil {
		return err
	}
	if *chosen.due {
		return usageErrorf(set, "--due events need no retry")
	}
	t, err := openAdminEnv(s, environ)
	if err != nil {
		return err
	}
	defer t.close()
	selection := chosen.selection(time.Now())
	if len(selection.Statuses) == 0 {
		selection.Statuses = []outbox.Status{outbox.StatusDeferred, outbox.StatusDead}
	}
	r := bulkChange{verb: "retried", dryRun: *dryRun, asJSON: *asJSON, apply: t.outbox.Retry}
	return r.run(ctx, s, t, selection, func(e outbox.Row) bool { return e.Format == outbox.FormatOK })
}

func outboxDrop(ctx context.Context, args []string, s Streams, environ []string) error {
	set := flags("outbox drop", s,
		"Deletes events: they are never delivered. Without --yes it lists what would go. An event\n"+
			"that is being sent at this moment may arrive all the same.",
		"  autowebinar outbox drop --dead --older-than 30d          what would go\n"+
			"  autowebinar outbox drop --dead --older-than 30d --yes")
	chosen := choiceFlags(set)
	chosen.all = set.Bool("all", false, "every event in the outbox")
	yes := set.Bool("yes", false, "delete them")
	asJSON := set.Bool("json", false, "print a JSON object")
	if err := parse(set, args); err != nil {
		return err
	}
	if err := chosen.mustChoose(set); err != nil {
		return err
	}
	t, err := openAdminEnv(s, environ)
	if err != nil {
		return err
	}
	defer t.close()
	r := bulkChange{verb: "dropped", dryRun: !*yes, asJSON: *asJSON, apply: t.outbox.Drop}
	err = r.run(ctx, s, t, chosen.selection(time.Now()), func(e outbox.Row) bool { return e.Format != outbox.FormatUnsupported })
	if err == nil && !*yes && !*asJSON {
		fmt.Fprintln(s.Out, "nothing was dropped: repeat with --yes")
	}
	return err
}

// rework is a change of selected events, page by page.
type bulkChange struct {
	verb           string
	dryRun, asJSON bool
	apply          func(context.Context, []outbox.Row) (int, error)
}

// reworked is what came of it.
type bulkResult struct {
	Selected int  `json:"selected"`
	Changed  int  `json:"changed"`
	Kept     int  `json:"kept"` // of the selected: not readable, or settled meanwhile
	DryRun   bool `json:"dry_run"`
}

func (r bulkChange) run(ctx context.Context, s Streams, t *adminEnv, selection outbox.Filter, may func(outbox.Row) bool) error {
	done := bulkResult{DryRun: r.dryRun}
	table := newEntryTable(s.Out, r.asJSON)
	for page, err := range t.outbox.Rows(ctx, selection) {
		if err != nil {
			return wrapCanceled(ctx, err)
		}
		done.Selected += len(page)
		for _, e := range page {
			if !may(e) {
				done.Kept++
			}
		}
		if r.dryRun {
			if r.asJSON {
				continue
			}
			if err := table.add(page); err != nil {
				return err
			}
			continue
		}
		n, err := r.apply(ctx, page)
		done.Changed += n
		if err != nil {
			return fmt.Errorf("%d %s, then: %w", done.Changed, r.verb, wrapCanceled(ctx, err))
		}
	}
	return r.report(s, table, done)
}

func (r bulkChange) report(s Streams, table *entryTable, done bulkResult) error {
	switch {
	case r.asJSON:
		return printJSON(s.Out, done)
	case r.dryRun:
		return table.end()
	}
	fmt.Fprintf(s.Out, "%s %s\n", count(done.Changed, "event"), r.verb)
	if done.Kept > 0 {
		fmt.Fprintf(s.Out, "%d that cannot be read were kept as they are\n", done.Kept)
	}
	return nil
}
