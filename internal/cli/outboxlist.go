package cli

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/outbox"
	"autowebinar/internal/webhook"
)

func outboxList(ctx context.Context, args []string, s Streams, environ []string) error {
	set := flags("outbox list", s,
		"Lists the events that are not delivered, oldest first.",
		"  autowebinar outbox list --dead\n"+
			"  autowebinar outbox list --user 42 --event entered\n"+
			"  autowebinar outbox list --waiting --older-than 1d --json | jq .webhook_id")
	chosen := choiceFlags(set)
	asJSON := set.Bool("json", false, "print one JSON object a line")
	if err := parse(set, args); err != nil {
		return err
	}
	t, err := openAdminEnv(s, environ)
	if err != nil {
		return err
	}
	defer t.close()
	table := newEntryTable(s.Out, *asJSON)
	for page, err := range t.outbox.Rows(ctx, chosen.selection(time.Now())) {
		if err != nil {
			return wrapCanceled(ctx, err)
		}
		if err := table.add(page); err != nil {
			return err
		}
	}
	return table.end()
}

func outboxShow(ctx context.Context, args []string, s Streams, environ []string) error {
	set := flags("outbox show", s,
		"Shows events whole, with the body as it would be sent now. Each is named by its row\n"+
			"(the first column of the list) or its webhook id.",
		"  autowebinar outbox show 4711\n"+
			"  autowebinar outbox show --json bf5e09eb-94f1-5986-8021-33d9866cd0b8")
	asJSON := set.Bool("json", false, "print one JSON object a line")
	words, err := parseWords(set, args)
	if err != nil {
		return err
	}
	selections, err := named(set, words)
	if err != nil {
		return err
	}
	t, err := openAdminEnv(s, environ)
	if err != nil {
		return err
	}
	defer t.close()
	for i, selection := range selections {
		found := false
		for page, err := range t.outbox.Rows(ctx, selection) {
			if err != nil {
				return wrapCanceled(ctx, err)
			}
			for _, e := range page {
				found = true
				if err := t.show(ctx, s.Out, e, *asJSON); err != nil {
					return err
				}
			}
		}
		if !found {
			return fmt.Errorf("no event %s is in the outbox: it was delivered, dropped, or never was", words[i])
		}
	}
	return nil
}

// named makes a selection of each word of the command line.
func named(set *flag.FlagSet, words []string) ([]outbox.Filter, error) {
	if len(words) == 0 {
		return nil, usageErrorf(set, "name at least one event by its row or webhook id")
	}
	var selections []outbox.Filter
	for _, word := range words {
		if row, err := strconv.ParseUint(word, 10, 64); err == nil && row > 0 {
			selections = append(selections, outbox.Filter{RowIDs: []uint64{row}})
		} else if id, err := uuid.Parse(word); err == nil {
			selections = append(selections, outbox.Filter{EventID: id})
		} else {
			return nil, usageErrorf(set, "%q is neither a row nor a webhook id", word)
		}
	}
	return selections, nil
}

// show prints one event with its body.
func (t *adminEnv) show(ctx context.Context, w io.Writer, e outbox.Row, asJSON bool) error {
	view := viewEntry(e)
	view.Value = e.Value
	exists, err := t.store.Exists(ctx, e.User)
	if err != nil {
		return err
	}
	view.UserExists = &exists
	if e.Format == outbox.FormatOK {
		lead, err := t.outbox.LeadID(ctx, e.User)
		if err != nil {
			return err
		}
		body, err := webhook.Body(e.Message.Event, lead)
		switch {
		case errors.Is(err, webhook.ErrNoLead):
			view.Unsendable = "the viewer has no lead id: it waits until there is one"
		case err != nil:
			view.Unsendable = err.Error()
		}
		view.Body = body
	}
	if asJSON {
		return json.NewEncoder(w).Encode(view)
	}
	return view.print(w)
}
