package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"autowebinar/internal/leader"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

const purgeHelp = `Deletes the service's rows (autowebinar_…) from the user meta table: of one viewer, of
users whom WordPress no longer has, or all of them (removal: stop the service first).
It says what would go and whose it is; --yes, or the word typed at a terminal, deletes it,
a few viewers at a time. Events that wait for delivery go with the rows and are never delivered.
While most users with rows seem to be gone, --orphans deletes nothing without --force: the
users table may be another site's.

It may run beside the service. A viewer is deleted as a whole, under the locks that the
service itself takes; whoever watches meanwhile begins a new session.`

// purge deletes rows.
func runPurge(ctx context.Context, args []string, s Streams, environ []string) error {
	set := flags("purge", s, purgeHelp,
		"  autowebinar purge --user 42\n"+
			"  autowebinar purge --orphans --yes")
	user := userFlag(set, "user", "the rows of this WordPress `user`")
	orphans := set.Bool("orphans", false, "the rows of users who were deleted")
	all := set.Bool("all", false, "every row of the service")
	yes := set.Bool("yes", false, "delete them")
	force := set.Bool("force", false, "with --orphans: although most users seem to be gone")
	asJSON := set.Bool("json", false, "print a JSON object")
	if err := parse(set, args); err != nil {
		return err
	}
	modes := 0
	for _, given := range []bool{*user != 0, *orphans, *all} {
		if given {
			modes++
		}
	}
	if modes != 1 {
		return usageErrorf(set, "give one of --user, --orphans, --all")
	}
	t, err := openAdminEnv(s, environ)
	if err != nil {
		return err
	}
	defer t.close()
	p := purgeCmd{adminEnv: t, user: *user, orphans: *orphans, yes: *yes, force: *force, asJSON: *asJSON}
	return p.run(ctx, s)
}

type purgeCmd struct {
	*adminEnv
	user    webinar.UserID // 0: of all, or of orphans
	orphans bool
	yes     bool
	force   bool
	asJSON  bool
}

// purged is what would be, or was, deleted.
type purgeResult struct {
	Users    int              `json:"users"`
	UserIDs  []webinar.UserID `json:"user_ids"`                      // the lowest of them, at most maxUserIDs
	Unlisted int              `json:"user_ids_not_listed,omitempty"` // the rest of them
	Rows     int              `json:"rows"`
	Events   int              `json:"undelivered_events"`
	Deleted  int              `json:"deleted_rows"`
	DryRun   bool             `json:"dry_run"`
}

// The user ids that are shown, of perhaps a million.
const (
	maxUserIDs  = 10_000
	textUserIDs = 100
)

func (p purgeCmd) run(ctx context.Context, s Streams) error {
	users, done, doubt, err := p.look(ctx)
	if err != nil {
		return wrapCanceled(ctx, err)
	}
	if doubt != nil && p.yes {
		return doubt
	}
	if !p.asJSON {
		fmt.Fprintf(s.Out, "%s of %s%s\n", count(done.Rows, "row"), count(done.Users, "user"), done.whose())
	}
	if err := p.warn(ctx, s, done); err != nil {
		return wrapCanceled(ctx, err)
	}
	if doubt != nil {
		fmt.Fprintf(s.Err, "warning: %v\n", doubt)
	}
	done.DryRun = !p.yes && (done.Rows == 0 || doubt != nil || !confirm(s, p.word()))
	if done.DryRun {
		if p.asJSON {
			return printJSON(s.Out, done)
		}
		flags := "--yes"
		if doubt != nil {
			flags += " --force"
		}
		_, err := fmt.Fprintln(s.Out, "nothing was deleted: repeat with "+flags)
		return err
	}
	if err := p.delete(ctx, s, users, &done); err != nil {
		return fmt.Errorf("%s deleted, then: %w; repeat the command for the rest", count(done.Deleted, "row"), wrapCanceled(ctx, err))
	}
	if p.asJSON {
		return printJSON(s.Out, done)
	}
	_, err = fmt.Fprintf(s.Out, "%s deleted\n", count(done.Deleted, "row"))
	return err
}

// look finds whose rows are meant. That most users are gone is doubted, and no row
// deleted, without --force: the users table may be another site's.
func (p purgeCmd) look(ctx context.Context) (users []webinar.UserID, done purgeResult, doubt, err error) {
	holdings, err := p.store.Usage(ctx, p.user)
	if err != nil {
		return nil, done, nil, err
	}
	for _, h := range holdings.Users {
		if p.orphans && h.Exists {
			continue
		}
		users = append(users, h.User)
		done.Users++
		done.Rows += h.Rows
		done.Events += h.Events
	}
	if all := len(holdings.Users); p.orphans && !p.force && 2*done.Users > all {
		doubt = fmt.Errorf("of %s with rows, %s has %d: check AUTOWEBINAR_USERS_TABLE (or the table prefix); if the others were deleted indeed, add --force",
			count(all, "user"), p.cfg.UsersTable, all-done.Users)
	}
	done.choose(users)
	return users, done, doubt, nil
}

// choose lists users, but not a million.
func (p *purgeResult) choose(users []webinar.UserID) {
	p.UserIDs = append([]webinar.UserID{}, users[:min(len(users), maxUserIDs)]...)
	p.Unlisted = len(users) - len(p.UserIDs)
}

// whose names the users in words.
func (p purgeResult) whose() string {
	if p.Users == 0 {
		return ""
	}
	var ids []string
	for _, user := range p.UserIDs[:min(p.Users, textUserIDs)] {
		ids = append(ids, strconv.FormatUint(uint64(user), 10))
	}
	text := ": " + strings.Join(ids, ", ")
	if more := p.Users - len(ids); more > 0 {
		text += fmt.Sprintf(" and %d more (see --json)", more)
	}
	return text
}

func (p purgeCmd) warn(ctx context.Context, s Streams, done purgeResult) error {
	if done.Events > 0 {
		fmt.Fprintf(s.Err, "warning: %s among them not delivered yet, and never will be (autowebinar outbox list)\n", count(done.Events, "event"))
	}
	led, err := leader.Exists(ctx, p.db)
	if err == nil && led && p.user == 0 && !p.orphans {
		fmt.Fprintln(s.Err, "warning: a service is running on this table: its viewers begin new sessions, whose rows stay; stop it first if you remove it")
	}
	return err
}

func (p purgeCmd) word() string {
	switch {
	case p.user != 0:
		return fmt.Sprintf("purge %d", p.user)
	case p.orphans:
		return "purge orphans"
	}
	return "purge all"
}

func (p purgeCmd) delete(ctx context.Context, s Streams, users []webinar.UserID, done *purgeResult) error {
	bar := newProgress(s, len(users))
	defer bar.end()
	for batch := range slices.Chunk(users, usermeta.PurgeBatch) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		n, err := p.store.Purge(ctx, batch, p.orphans)
		done.Deleted += n
		if err != nil {
			return err
		}
		bar.add(len(batch))
	}
	return nil
}
