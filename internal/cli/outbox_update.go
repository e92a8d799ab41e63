package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"autowebinar/internal/outbox"
	"autowebinar/internal/text"
)

func outboxRetry(ctx context.Context, args []string, s Streams, environ []string) error {
	set := newFlagSet("outbox retry", s,
		"Makes dead and deferred events due now and resets their attempts. The events of a viewer\n"+
			"are sent in order, so all deferred events of the same viewers become due too. An event\n"+
			"that is being sent at this moment may arrive twice, with the same webhook-id.",
		"  autowebinar outbox retry --deferred                   the receiver has recovered\n"+
			"  autowebinar outbox retry --dead --older-than 1d\n"+
			"  autowebinar outbox retry --event bf5e09eb-94f1-5986-8021-33d9866cd0b8")
	filter := filterFlags(set, outbox.StatusDeferred, outbox.StatusDead)
	filter.all = set.Bool("all", false, "all dead and deferred events")
	dryRun := set.Bool("dry-run", false, "only list the events")
	asJSON := set.Bool("json", false, "print a JSON object")
	if err := parse(set, args); err != nil {
		return err
	}
	if err := filter.requireFilter(set); err != nil {
		return err
	}
	env, err := openAdminEnv(s, environ)
	if err != nil {
		return err
	}
	defer env.close()
	change := bulkChange{
		verb: "retried", dryRun: *dryRun, asJSON: *asJSON,
		allowed: []outbox.Format{outbox.FormatOK}, apply: env.outbox.Retry,
	}
	return change.run(ctx, s, env, filter.outboxFilter(time.Now()))
}

func outboxDrop(ctx context.Context, args []string, s Streams, environ []string) error {
	set := newFlagSet("outbox drop", s,
		"Deletes events: they are never delivered. Without --yes it only lists them. An event that\n"+
			"is being sent at this moment may still arrive.",
		"  autowebinar outbox drop --dead --older-than 30d          list the events\n"+
			"  autowebinar outbox drop --dead --older-than 30d --yes")
	filter := filterFlags(set, outbox.Statuses()...)
	filter.all = set.Bool("all", false, "all events in the outbox")
	yes := set.Bool("yes", false, "delete the events")
	asJSON := set.Bool("json", false, "print a JSON object")
	if err := parse(set, args); err != nil {
		return err
	}
	if err := filter.requireFilter(set); err != nil {
		return err
	}
	env, err := openAdminEnv(s, environ)
	if err != nil {
		return err
	}
	defer env.close()
	change := bulkChange{
		verb: "dropped", dryRun: !*yes, asJSON: *asJSON,
		allowed: []outbox.Format{outbox.FormatOK, outbox.FormatCorrupt}, apply: env.outbox.Drop,
	}
	err = change.run(ctx, s, env, filter.outboxFilter(time.Now()))
	if err == nil && !*yes && !*asJSON {
		fmt.Fprintln(s.Out, "nothing was dropped: repeat with --yes")
	}
	return err
}

// bulkChange changes the selected events, page by page.
type bulkChange struct {
	verb           string
	dryRun, asJSON bool
	allowed        []outbox.Format // apply skips rows of other formats
	apply          func(context.Context, []outbox.Row) (int, error)
}

// bulkResult is the output of a bulkChange.
type bulkResult struct {
	Selected int  `json:"selected"`
	Changed  int  `json:"changed"`
	Skipped  int  `json:"skipped"` // selected, but not of an allowed format
	DryRun   bool `json:"dry_run"`
}

func (c bulkChange) run(ctx context.Context, s Streams, env *adminEnv, filter outbox.Filter) error {
	result := bulkResult{DryRun: c.dryRun}
	table := newEventTable(s.Out, c.asJSON)
	for page, err := range env.outbox.Rows(ctx, filter) {
		if err != nil {
			return wrapCanceled(ctx, err)
		}
		result.Selected += len(page)
		for _, row := range page {
			if !slices.Contains(c.allowed, row.Format) {
				result.Skipped++
			}
		}
		if c.dryRun {
			if c.asJSON {
				continue
			}
			if err := table.add(page); err != nil {
				return err
			}
			continue
		}
		n, err := c.apply(ctx, page)
		result.Changed += n
		if err != nil {
			return fmt.Errorf("%s %s, then: %w", text.Count(result.Changed, "event"), c.verb, wrapCanceled(ctx, err))
		}
	}
	switch {
	case c.asJSON:
		return printJSON(s.Out, result)
	case c.dryRun:
		return table.end()
	}
	fmt.Fprintf(s.Out, "%s %s\n", text.Count(result.Changed, "event"), c.verb)
	if result.Skipped > 0 {
		fmt.Fprintf(s.Out, "%s skipped: not decodable by this version\n", text.Count(result.Skipped, "event"))
	}
	return nil
}
