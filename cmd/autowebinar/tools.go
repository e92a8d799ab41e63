package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"autowebinar/internal/config"
	"autowebinar/internal/telemetry"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

// tools is what an operator's command works with: the service's own store and
// queue, so that whatever it changes is safe beside running replicas.
type adminEnv struct {
	cfg    config.Config
	pool   *sqlx.DB
	store  *usermeta.Store
	outbox *usermeta.Outbox
}

// The connections of a command, few, and its patience with one answer: reading
// the ids of a long queue may take longer than any request.
const (
	toolConnections  = 8
	adminReadTimeout = time.Minute
)

// openTools makes the tools. Nothing is connected yet.
func openAdminEnv(s streams, environ []string) (*adminEnv, error) {
	cfg, err := loadConfig(environ)
	if err != nil {
		return nil, err
	}
	log := telemetry.NewLogger(s.err, slog.LevelWarn, "text")
	tables := tablesOf(cfg)
	tables.MaxConnections = toolConnections
	if tables.DSN.ReadTimeout == 0 {
		tables.DSN = tables.DSN.Clone()
		tables.DSN.ReadTimeout = adminReadTimeout
	}
	pool, err := usermeta.Open(tables)
	if err != nil {
		return nil, err
	}
	return &adminEnv{
		cfg: cfg, pool: pool,
		store:  usermeta.New(pool, tables, log, nil),
		outbox: usermeta.NewOutbox(pool, tables, cfg.LeadMetaKey, log),
	}, nil
}

func (t *adminEnv) close() { _ = t.pool.Close() }

func tablesOf(cfg config.Config) usermeta.Config {
	return usermeta.Config{DSN: cfg.DSN, UsersTable: cfg.UsersTable, UsermetaTable: cfg.UsermetaTable}
}

// userFlag is a WordPress user id; 0 where it is not given.
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

// webinarFlag is a webinar id; empty where it is not given.
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

// timeFlag is a point in time, UTC; zero where it is not given.
func timeFlag(set *flag.FlagSet, name, usage string) *time.Time {
	var at time.Time
	set.Func(name, usage, func(text string) (err error) {
		at, err = parseMoment(text)
		return err
	})
	return &at
}

func parseMoment(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, errors.New("must be a time such as 2026-11-22, \"2026-11-22 10:00:00\" or 2026-11-22T10:00:00+01:00 (without a zone: UTC)")
}

// parseAge reads a duration that may have days: 7d, 36h, 90m.
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

// interrupted tells a command that was stopped from one that failed.
func wrapCanceled(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}
