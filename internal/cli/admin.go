package cli

import (
	"context"
	"log/slog"

	"autowebinar/internal/config"
	"autowebinar/internal/doctor"
	"autowebinar/internal/outbox"
	"autowebinar/internal/telemetry"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/wpdb"
)

// adminEnv contains the configuration, store and queue of the commands that
// read or change data. These are the same packages that the service uses, so
// that changes are safe while replicas run.
type adminEnv struct {
	cfg      config.Config
	db       *wpdb.DB
	database *doctor.Database
	store    *usermeta.Store
	outbox   *outbox.Queue
}

// openAdminEnv does not connect to the database.
func openAdminEnv(s Streams, environ []string) (*adminEnv, error) {
	cfg, err := loadConfig(environ)
	if err != nil {
		return nil, err
	}
	db, err := doctor.OpenDatabase(cfg)
	if err != nil {
		return nil, err
	}
	log := telemetry.NewLogger(s.Err, slog.LevelWarn, "text")
	return &adminEnv{
		cfg: cfg, db: db,
		database: doctor.NewDatabase(db, log),
		store:    usermeta.New(db, usermeta.Options{Logger: log, DiscardEvents: cfg.WebhookURL == nil}),
		outbox:   outbox.New(db, outbox.Options{LeadMetaKey: cfg.LeadMetaKey, Logger: log}),
	}, nil
}

// verify checks the database and makes the store ready for changes.
func (env *adminEnv) verify(ctx context.Context) error {
	if err := env.database.Verify(ctx); err != nil {
		return err
	}
	env.store.SetReady()
	return nil
}

func (env *adminEnv) close() { _ = env.db.Close() }
