package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"autowebinar/internal/leader"
	"autowebinar/internal/text"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

const purgeHelp = `Deletes the service's rows (autowebinar_…) from the usermeta table: those of one user, of
users deleted in WordPress, or all (to uninstall: stop the service first). It prints what it
would delete. With --yes, or once confirmed at a terminal, it deletes the rows, a few users
at a time. Undelivered events are deleted with the rows and never delivered.

If most users with rows are missing in the users table, which may then be another site's,
--orphans deletes nothing without --force.

The service may run meanwhile: a user's rows are deleted together, under the locks that the
service takes. A viewer who is watching starts a new session.`

// purgeCmd is one run of the command purge.
type purgeCmd struct {
	*adminEnv
	user    webinar.UserID // 0 for all users or for deleted ones
	orphans bool
	yes     bool
	force   bool
	asJSON  bool
}

// purgeResult is the output of the command.
type purgeResult struct {
	Users       int              `json:"users"`
	UserIDs     []webinar.UserID `json:"user_ids"`                      // the lowest ids, at most maxUserIDs
	Unlisted    int              `json:"user_ids_not_listed,omitempty"` // users that are not in UserIDs
	Rows        int              `json:"rows"`
	Events      int              `json:"undelivered_events"`
	DeletedRows int              `json:"deleted_rows"`
	DryRun      bool             `json:"dry_run"`
}

// The output is limited to so many user ids, because there may be a million.
const (
	maxUserIDs     = 10_000 // as JSON
	maxTextUserIDs = 100
)

// runPurge implements the command purge.
func runPurge(ctx context.Context, args []string, s Streams, environ []string) error {
	set := newFlagSet("purge", s, purgeHelp,
		"  autowebinar purge --user 42\n"+
			"  autowebinar purge --orphans --yes")
	var c purgeCmd
	user := userFlag(set, "user", "the rows of this WordPress `user`")
	set.BoolVar(&c.orphans, "orphans", false, "the rows of deleted users")
	all := set.Bool("all", false, "all rows of the service")
	set.BoolVar(&c.yes, "yes", false, "delete the rows")
	set.BoolVar(&c.force, "force", false, "with --orphans: even if most users are missing")
	set.BoolVar(&c.asJSON, "json", false, "print a JSON object")
	if err := parse(set, args); err != nil {
		return err
	}
	c.user = *user
	modes := 0
	for _, given := range []bool{c.user != 0, c.orphans, *all} {
		if given {
			modes++
		}
	}
	if modes != 1 {
		return usageErrorf(set, "give one of --user, --orphans, --all")
	}
	var err error
	if c.adminEnv, err = openAdminEnv(s, environ); err != nil {
		return err
	}
	defer c.close()
	return c.run(ctx, s)
}

func (c purgeCmd) run(ctx context.Context, s Streams) error {
	users, result, safetyErr, err := c.selectUsers(ctx)
	if err != nil {
		return wrapCanceled(ctx, err)
	}
	if safetyErr != nil && c.yes {
		return safetyErr
	}
	if !c.asJSON {
		fmt.Fprintf(s.Out, "%s of %s%s\n", text.Count(result.Rows, "row"), text.Count(result.Users, "user"), result.userList())
	}
	if err := c.warn(ctx, s, result); err != nil {
		return wrapCanceled(ctx, err)
	}
	if safetyErr != nil {
		fmt.Fprintf(s.Err, "warning: %v\n", safetyErr)
	}
	result.DryRun = !c.yes && (result.Rows == 0 || safetyErr != nil || !confirm(s, c.confirmPhrase()))
	if result.DryRun {
		if c.asJSON {
			return printJSON(s.Out, result)
		}
		flags := "--yes"
		if safetyErr != nil {
			flags += " --force"
		}
		_, err := fmt.Fprintln(s.Out, "nothing was deleted: repeat with "+flags)
		return err
	}
	if err := c.delete(ctx, s, users, &result); err != nil {
		return fmt.Errorf("%s deleted, then: %w; repeat the command for the rest", text.Count(result.DeletedRows, "row"), wrapCanceled(ctx, err))
	}
	if c.asJSON {
		return printJSON(s.Out, result)
	}
	_, err = fmt.Fprintf(s.Out, "%s deleted\n", text.Count(result.DeletedRows, "row"))
	return err
}

// selectUsers counts the rows to delete. safetyErr is why they must not be deleted
// without --force: if most users are missing, the users table may be another
// site's.
func (c purgeCmd) selectUsers(ctx context.Context) (users []webinar.UserID, result purgeResult, safetyErr, err error) {
	usage, err := c.store.Usage(ctx, c.user)
	if err != nil {
		return nil, result, nil, err
	}
	for _, u := range usage.Users {
		if c.orphans && u.Exists {
			continue
		}
		users = append(users, u.User)
		result.Users++
		result.Rows += u.Rows
		result.Events += u.Events
	}
	if all := len(usage.Users); c.orphans && !c.force && 2*result.Users > all {
		safetyErr = fmt.Errorf("%s contains only %d of %s with rows: check AUTOWEBINAR_USERS_TABLE (or the table prefix); if the others are deleted, add --force",
			c.cfg.UsersTable, all-result.Users, text.Count(all, "user"))
	}
	result.setUserIDs(users)
	return users, result, safetyErr, nil
}

func (r *purgeResult) setUserIDs(users []webinar.UserID) {
	r.UserIDs = append([]webinar.UserID{}, users[:min(len(users), maxUserIDs)]...)
	r.Unlisted = len(users) - len(r.UserIDs)
}

// userList returns the ids of the users as text.
func (r purgeResult) userList() string {
	if r.Users == 0 {
		return ""
	}
	var ids []string
	for _, user := range r.UserIDs[:min(r.Users, maxTextUserIDs)] {
		ids = append(ids, strconv.FormatUint(uint64(user), 10))
	}
	list := ": " + strings.Join(ids, ", ")
	if more := r.Users - len(ids); more > 0 {
		list += fmt.Sprintf(" and %d more (see --json)", more)
	}
	return list
}

func (c purgeCmd) warn(ctx context.Context, s Streams, r purgeResult) error {
	if r.Events > 0 {
		fmt.Fprintf(s.Err, "warning: %s will never be delivered (see autowebinar outbox list)\n", text.Count(r.Events, "undelivered event"))
	}
	hasLeader, err := leader.Exists(ctx, c.db)
	if err == nil && hasLeader && c.user == 0 && !c.orphans {
		fmt.Fprintln(s.Err, "warning: a service is running on this table: its viewers start new sessions, whose rows remain; to uninstall, stop it first")
	}
	return err
}

// confirmPhrase is the phrase that confirms a purge at a terminal.
func (c purgeCmd) confirmPhrase() string {
	switch {
	case c.user != 0:
		return fmt.Sprintf("purge %d", c.user)
	case c.orphans:
		return "purge orphans"
	}
	return "purge all"
}

func (c purgeCmd) delete(ctx context.Context, s Streams, users []webinar.UserID, result *purgeResult) error {
	bar := newProgress(s, len(users))
	defer bar.clear()
	for batch := range slices.Chunk(users, usermeta.PurgeBatch) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		n, err := c.store.Purge(ctx, batch, c.orphans)
		result.DeletedRows += n
		if err != nil {
			return err
		}
		bar.add(len(batch))
	}
	return nil
}
