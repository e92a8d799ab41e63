package cli

import (
	"context"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"autowebinar/internal/webinar"
)

// viewerPage is the number of viewers that one statement reads.
const viewerPage = 200

// runExport implements the command export.
func runExport(ctx context.Context, args []string, s Streams, environ []string) error {
	set := newFlagSet("export", s,
		"Writes the sessions of a webinar, current and parked, as CSV for a spreadsheet: UTF-8,\n"+
			"a header row, times in UTC. A text that a spreadsheet would evaluate as a formula is\n"+
			"prefixed with an apostrophe. Nothing is locked: each page of viewers is written as it\n"+
			"was when it was read.",
		"  autowebinar export --webinar intro > intro.csv")
	id := webinarFlag(set)
	format := set.String("format", "csv", "the output `format`; only csv")
	if err := parse(set, args); err != nil {
		return err
	}
	switch {
	case *id == "":
		return usageErrorf(set, "--webinar is required")
	case *format != "csv":
		return usageErrorf(set, "--format must be csv, not %q", *format)
	}
	env, err := openAdminEnv(s, environ)
	if err != nil {
		return err
	}
	defer env.close()
	users, err := env.store.UsersWithSession(ctx, *id)
	if err != nil {
		return wrapCanceled(ctx, err)
	}
	bar := newProgress(s, len(users))
	defer bar.clear()
	w := csv.NewWriter(s.Out)
	if err := w.Write(exportHeader()); err != nil {
		return err
	}
	for page := range slices.Chunk(users, viewerPage) {
		if err := env.exportPage(ctx, w, *id, page); err != nil {
			return fmt.Errorf("the output is incomplete: %w", wrapCanceled(ctx, err))
		}
		bar.add(len(page))
	}
	w.Flush()
	return w.Error()
}

func exportHeader() []string {
	return []string{
		"user_id", "user_login", "webinar_id", "session_id", "session_state", "registered_at", "started_at", "last_seen_at", "left_at",
		"last_position_sec", "furthest_sec", "progress_percent", "completed", "cta_clicked_at",
	}
}

func (env *adminEnv) exportPage(ctx context.Context, w *csv.Writer, id webinar.ID, page []webinar.UserID) error {
	viewers, err := env.store.ReadViewers(ctx, page)
	if err != nil {
		return err
	}
	logins, err := env.store.Logins(ctx, page)
	if err != nil {
		return err
	}
	for _, v := range viewers {
		session := v.Session(id)
		if session == nil {
			continue // deleted since the users were listed
		}
		if err := w.Write(exportRow(v, session, logins[v.User])); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func exportRow(v webinar.Viewer, s *webinar.Session, login string) []string {
	state := "current"
	if s != v.Current {
		state = "parked"
	}
	return []string{
		strconv.FormatUint(uint64(v.User), 10), escapeFormula(login), string(s.Webinar), escapeFormula(string(s.ID)), state,
		csvTime(v.Registered[s.Webinar]), csvTime(s.StartedAt), csvTime(s.LastSeenAt), csvTime(s.LeftAt),
		strconv.FormatInt(s.LastPosition, 10), strconv.FormatInt(s.Furthest, 10), strconv.Itoa(s.Percent),
		map[bool]string{true: "1", false: "0"}[s.Completed], csvTime(s.CTAClickedAt),
	}
}

func csvTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateTime)
}

// escapeFormula prevents a spreadsheet from evaluating a text as a formula, as
// OWASP advises. Control characters, which could end a cell, become spaces.
func escapeFormula(value string) string {
	value = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, value)
	if strings.HasPrefix(value, " ") || value != "" && strings.ContainsAny(value[:1], "=+-@") {
		return "'" + value
	}
	// Full-width forms are formulas in some locales.
	for _, sign := range []string{"＝", "＋", "－", "＠"} {
		if strings.HasPrefix(value, sign) {
			return "'" + value
		}
	}
	return value
}
