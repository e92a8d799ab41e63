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
	set := flags("export", s,
		"Writes the sessions of a webinar, current and set aside, as CSV for a spreadsheet: UTF-8,\n"+
			"a header row, times in UTC. A text that a spreadsheet would take for a formula has an\n"+
			"apostrophe in front. Nothing is locked; what is written is what each page of viewers\n"+
			"was when it was read.",
		"  autowebinar export --webinar intro > intro.csv")
	id := webinarFlag(set)
	format := set.String("format", "csv", "csv is the only one")
	if err := parse(set, args); err != nil {
		return err
	}
	switch {
	case *id == "":
		return usageErrorf(set, "--webinar is required")
	case *format != "csv":
		return usageErrorf(set, "--format must be csv, not %q", *format)
	}
	t, err := openAdminEnv(s, environ)
	if err != nil {
		return err
	}
	defer t.close()
	users, err := t.store.UsersWithSession(ctx, *id)
	if err != nil {
		return wrapCanceled(ctx, err)
	}
	bar := newProgress(s, len(users))
	defer bar.end()
	w := csv.NewWriter(s.Out)
	if err := w.Write(exportHeader()); err != nil {
		return err
	}
	for page := range slices.Chunk(users, viewerPage) {
		if err := t.exportPage(ctx, w, *id, page); err != nil {
			return fmt.Errorf("the output is not complete: %w", wrapCanceled(ctx, err))
		}
		bar.add(len(page))
	}
	w.Flush()
	return w.Error()
}

func exportHeader() []string {
	return []string{
		"user_id", "user_login", "webinar_id", "session_id", "place", "registered_at", "started_at", "last_seen_at", "left_at",
		"last_position_sec", "furthest_sec", "progress_percent", "completed", "cta_clicked_at",
	}
}

func (t *adminEnv) exportPage(ctx context.Context, w *csv.Writer, id webinar.ID, page []webinar.UserID) error {
	viewers, err := t.store.ReadViewers(ctx, page)
	if err != nil {
		return err
	}
	logins, err := t.store.Logins(ctx, page)
	if err != nil {
		return err
	}
	for _, v := range viewers {
		session := v.Session(id)
		if session == nil {
			continue // gone since the list was made
		}
		if err := w.Write(exportRow(v, session, logins[v.User])); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func exportRow(v webinar.Viewer, s *webinar.Session, login string) []string {
	place := "current"
	if s != v.Current {
		place = "aside"
	}
	return []string{
		strconv.FormatUint(uint64(v.User), 10), escapeFormula(login), string(s.Webinar), escapeFormula(string(s.ID)), place,
		cell(v.Registered[s.Webinar]), cell(s.StartedAt), cell(s.LastSeenAt), cell(s.LeftAt),
		strconv.FormatInt(s.LastPosition, 10), strconv.FormatInt(s.Furthest, 10), strconv.Itoa(s.Percent),
		map[bool]string{true: "1", false: "0"}[s.Completed], cell(s.CTAClickedAt),
	}
}

func cell(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateTime)
}

// harmless keeps a spreadsheet from taking a text for a formula, as OWASP
// advises. Control characters, which could end a cell, become spaces.
func escapeFormula(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	if strings.HasPrefix(text, " ") || text != "" && strings.ContainsAny(text[:1], "=+-@") {
		return "'" + text
	}
	// Full-width forms are formulas in some locales.
	for _, sign := range []string{"＝", "＋", "－", "＠"} {
		if strings.HasPrefix(text, sign) {
			return "'" + text
		}
	}
	return text
}
