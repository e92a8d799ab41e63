package main

import (
	"context"
	"fmt"
	"time"

	"autowebinar/internal/usermeta"
)

func outboxRetry(ctx context.Context, args []string, s streams, environ []string) error {
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
		return misused(set, "--due events need no retry")
	}
	t, err := openTools(s, environ)
	if err != nil {
		return err
	}
	defer t.close()
	selection := chosen.selection(time.Now())
	if len(selection.Places) == 0 {
		selection.Places = []usermeta.Place{usermeta.PlaceWaiting, usermeta.PlaceDead}
	}
	r := rework{verb: "retried", dryRun: *dryRun, asJSON: *asJSON, apply: t.outbox.Retry}
	return r.run(ctx, s, t, selection, func(e usermeta.Entry) bool { return e.Reading == usermeta.Readable })
}

func outboxDrop(ctx context.Context, args []string, s streams, environ []string) error {
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
	t, err := openTools(s, environ)
	if err != nil {
		return err
	}
	defer t.close()
	r := rework{verb: "dropped", dryRun: !*yes, asJSON: *asJSON, apply: t.outbox.Drop}
	err = r.run(ctx, s, t, chosen.selection(time.Now()), func(e usermeta.Entry) bool { return e.Reading != usermeta.OtherVersion })
	if err == nil && !*yes && !*asJSON {
		fmt.Fprintln(s.out, "nothing was dropped: repeat with --yes")
	}
	return err
}

// rework is a change of selected events, page by page.
type rework struct {
	verb           string
	dryRun, asJSON bool
	apply          func(context.Context, []usermeta.Entry) (int, error)
}

// reworked is what came of it.
type reworked struct {
	Selected int  `json:"selected"`
	Changed  int  `json:"changed"`
	Kept     int  `json:"kept"` // of the selected: not readable, or settled meanwhile
	DryRun   bool `json:"dry_run"`
}

func (r rework) run(ctx context.Context, s streams, t *tools, selection usermeta.Selection, may func(usermeta.Entry) bool) error {
	done := reworked{DryRun: r.dryRun}
	table := newEntryTable(s.out, r.asJSON)
	for page, err := range t.outbox.Entries(ctx, selection) {
		if err != nil {
			return interrupted(ctx, err)
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
			return fmt.Errorf("%d %s, then: %w", done.Changed, r.verb, interrupted(ctx, err))
		}
	}
	return r.report(s, table, done)
}

func (r rework) report(s streams, table *entryTable, done reworked) error {
	switch {
	case r.asJSON:
		return printJSON(s.out, done)
	case r.dryRun:
		return table.end()
	}
	fmt.Fprintf(s.out, "%s %s\n", count(done.Changed, "event"), r.verb)
	if done.Kept > 0 {
		fmt.Fprintf(s.out, "%d that cannot be read were kept as they are\n", done.Kept)
	}
	return nil
}
