package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"autowebinar/internal/config"
	"autowebinar/internal/doctor"
	"autowebinar/internal/outbox"
	"autowebinar/internal/telemetry"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

// adminEnv is what the commands that read or change data need. They use the
// service's own store and queue, so that a change is safe beside running replicas.
type adminEnv struct {
	cfg      config.Config
	db       *wpdb.DB
	database *doctor.Database
	store    *usermeta.Store
	outbox   *outbox.Queue
}

// Reading the ids of a long queue may take longer than any request of the
// service.
const (
	adminConnections = 8
	adminReadTimeout = time.Minute
)

// openAdminEnv does not connect to the database.
func openAdminEnv(s Streams, environ []string) (*adminEnv, error) {
	cfg, err := loadConfig(environ)
	if err != nil {
		return nil, err
	}
	log := telemetry.NewLogger(s.Err, slog.LevelWarn, "text")
	tables := wpdb.Config{DSN: cfg.DSN, UsersTable: cfg.UsersTable, UsermetaTable: cfg.UsermetaTable, MaxConnections: adminConnections}
	if tables.DSN.ReadTimeout == 0 {
		tables.DSN = tables.DSN.Clone()
		tables.DSN.ReadTimeout = adminReadTimeout
	}
	db, err := wpdb.Open(tables)
	if err != nil {
		return nil, err
	}
	return &adminEnv{
		cfg: cfg, db: db,
		database: doctor.NewDatabase(db, log),
		store:    usermeta.New(db, usermeta.Options{Logger: log, DiscardEvents: cfg.WebhookURL == nil}),
		outbox:   outbox.New(db, outbox.Options{LeadMetaKey: cfg.LeadMetaKey, Logger: log}),
	}, nil
}

// verify makes the store ready for changes.
func (e *adminEnv) verify(ctx context.Context) error {
	if err := e.database.Verify(ctx); err != nil {
		return err
	}
	e.store.SetReady()
	return nil
}

func (e *adminEnv) close() { _ = e.db.Close() }

// userFlag defines a flag for a WordPress user id; 0 by default.
func userFlag(set *flag.FlagSet, name, usage string) *webinar.UserID {
	var user webinar.UserID
	set.Func(name, usage, func(text string) error {
		id, err := strconv.ParseUint(text, 10, 64)
		if err != nil || id == 0 {
			return errors.New("must be a WordPress user id, a whole number from 1")
		}
		user = webinar.UserID(id)
		return nil
	})
	return &user
}

// webinarFlag defines the flag --webinar; empty by default.
func webinarFlag(set *flag.FlagSet) *webinar.ID {
	var id webinar.ID
	set.Func("webinar", "the `webinar_id` (required)", func(text string) error {
		if !webinar.IDPattern.MatchString(text) {
			return fmt.Errorf("must be a webinar id, matching %s", webinar.IDPattern)
		}
		id = webinar.ID(text)
		return nil
	})
	return &id
}

// timeFlag defines a flag for a time in UTC; zero by default.
func timeFlag(set *flag.FlagSet, name, usage string) *time.Time {
	var at time.Time
	set.Func(name, usage, func(text string) (err error) {
		at, err = parseTime(text)
		return err
	})
	return &at
}

func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, errors.New("must be a time such as 2026-11-22, \"2026-11-22 10:00:00\" or 2026-11-22T10:00:00+01:00 (without a zone: UTC)")
}

// parseAge parses a duration, also in days: 7d, 36h, 90m.
func parseAge(text string) (time.Duration, error) {
	age, err := time.ParseDuration(text)
	if days, found := strings.CutSuffix(text, "d"); found {
		var n float64
		n, err = strconv.ParseFloat(days, 64)
		age = time.Duration(n * 24 * float64(time.Hour))
	}
	if err != nil || age <= 0 || age > 100*365*24*time.Hour {
		return 0, errors.New("must be an age such as 7d, 36h or 90m")
	}
	return age, nil
}

// wrapCanceled replaces the error of a command that was interrupted.
func wrapCanceled(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}
