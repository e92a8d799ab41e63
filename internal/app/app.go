// Package app wires the service together, runs it and shuts it down.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"autowebinar/internal/config"
	"autowebinar/internal/doctor"
	"autowebinar/internal/httpapi"
	"autowebinar/internal/leader"
	"autowebinar/internal/outbox"
	"autowebinar/internal/telemetry"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
	"autowebinar/internal/wordpress"
	"autowebinar/internal/wpdb"
)

// app holds the wired components.
type app struct {
	cfg        config.Config
	version    string
	log        *slog.Logger
	db         *wpdb.DB
	database   *doctor.Database
	store      *usermeta.Store
	outbox     *outbox.Queue
	dispatcher *webhook.Dispatcher // nil without a receiver
	api        http.Handler
	health     *telemetry.Health
	monitor    *telemetry.Monitor
	admin      http.Handler
	stopping   atomic.Bool
}

// Run runs the service until ctx ends or a component fails.
func Run(ctx context.Context, cfg config.Config, version string, log *slog.Logger) error {
	a, err := newApp(cfg, version, log)
	if err != nil {
		return err
	}
	defer a.db.Close()
	public, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("AUTOWEBINAR_LISTEN: %w", err)
	}
	defer public.Close()
	admin, err := net.Listen("tcp", cfg.AdminListen)
	if err != nil {
		return fmt.Errorf("AUTOWEBINAR_ADMIN_LISTEN: %w", err)
	}
	defer admin.Close()
	log.Info("listening", "version", version, "address", public.Addr().String(), "admin", admin.Addr().String(), "config", cfg)

	context.AfterFunc(ctx, func() { a.stopping.Store(true) })
	err = Serve(ctx, log, a.work,
		Server{Handler: a.api, Listener: public, DelayShutdown: true},
		Server{Handler: a.admin, Listener: admin, DelayShutdown: true})
	if err != nil {
		log.Error("stopped", "error", err)
		return err
	}
	log.Info("stopped")
	return nil
}

// newApp wires the components. It does not connect to anything.
func newApp(cfg config.Config, version string, log *slog.Logger) (*app, error) {
	a := &app{cfg: cfg, version: version, log: log, health: telemetry.NewHealth()}
	metrics := telemetry.NewMetrics(version)
	tables := wpdb.Config{DSN: cfg.DSN, UsersTable: cfg.UsersTable, UsermetaTable: cfg.UsermetaTable}
	var err error
	if a.db, err = wpdb.Open(tables); err != nil {
		return nil, err
	}
	a.database = doctor.NewDatabase(a.db, log)
	a.outbox = outbox.New(a.db, outbox.Options{LeadMetaKey: cfg.LeadMetaKey, Retried: metrics.Retried, Logger: log})

	storeOptions := usermeta.Options{Logger: log, Observer: metrics, DiscardEvents: true}
	var forms httpapi.Forms
	if cfg.WebhookURL != nil {
		sender := webhook.NewSender(webhook.SenderConfig{
			URL: cfg.WebhookURL, Signer: webhook.NewSigner(cfg.WebhookSecrets...), Version: version, Observe: metrics.AttemptDone,
		})
		forms = webhook.NewForms(sender, log)
		a.dispatcher = webhook.New(webhook.Config{
			Queue: a.outbox, Sender: sender, Retry: webhook.RetryPolicy{Schedule: cfg.WebhookRetry}, Log: log,
		})
		storeOptions.OnEvents, storeOptions.DiscardEvents = a.dispatcher.Wake, false
	}
	a.store = usermeta.New(a.db, storeOptions)
	a.api = httpapi.New(httpapi.Config{
		BasePaths: cfg.BasePaths,
		Rules:     webinar.Rules{Durations: cfg.Webinars, MaxRate: cfg.MaxPlaybackRate, Heartbeat: int64(cfg.HeartbeatSec)},
		Viewers:   a.store, Leads: a.outbox, Forms: forms,
		Logins: a.newLogins(), JWTSecret: cfg.JWTSecret, ServiceKeys: cfg.ServiceKeys,
		CORSOrigins: cfg.CORSOrigins, TrustedProxies: cfg.TrustedProxies,
		RateViewer: cfg.RateViewer, RateLogin: cfg.RateLogin,
		Logger: log, Observer: metrics,
	})
	a.health.Register("database", a.database.Ping)
	a.health.Register("running", func(context.Context) error {
		if a.stopping.Load() {
			return errors.New("shutting down")
		}
		return nil
	})
	a.monitor = a.newMonitor(metrics)
	a.admin = telemetry.Admin(a.health, metrics, a.monitor)
	return a, nil
}

// newLogins returns nil if the salts do not allow WordPress logins; the rest of the
// service works without them.
func (a *app) newLogins() httpapi.Logins {
	salts, err := wordpress.NewSalts(a.cfg.Salts)
	if err != nil {
		a.log.Error("WordPress logins disabled", "error", err)
		return nil
	}
	return wordpress.NewLogins(wordpress.Config{
		Accounts: a.store, Salts: salts,
		CookieName: a.cfg.CookieName, NonceLife: a.cfg.NonceLife, Logger: a.log,
	})
}

func (a *app) newMonitor(metrics *telemetry.Metrics) *telemetry.Monitor {
	sources := telemetry.Sources{Pool: a.db.Stats, Load: a.store.Load}
	if a.dispatcher != nil {
		sources.Delivery = &telemetry.DeliverySources{
			Stats: a.dispatcher.Stats, Outbox: a.outbox.Stats,
			HasLeader: func(ctx context.Context) (bool, error) { return leader.Exists(ctx, a.db) },
		}
	}
	return telemetry.NewMonitor(telemetry.MonitorConfig{
		Version: a.version, Config: a.cfg, Metrics: metrics, Health: a.health, Sources: sources, Log: a.log,
	})
}

// work runs everything but the servers until ctx ends.
func (a *app) work(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	monitoring, stop := context.WithCancel(ctx)
	group.Go(func() error {
		a.monitor.Run(monitoring)
		return nil
	})
	group.Go(func() error {
		defer stop()
		return a.deliver(ctx)
	})
	return group.Wait()
}

// deliver waits for a usable database, then delivers events whenever this replica
// is the leader, until ctx ends.
func (a *app) deliver(ctx context.Context) error {
	if err := a.awaitDatabase(ctx); err != nil {
		return err
	}
	if a.dispatcher == nil {
		<-ctx.Done()
		return nil
	}
	var err error
	switch a.cfg.Dispatch {
	case config.DispatchOff:
		<-ctx.Done()
	case config.DispatchOn:
		err = a.dispatcher.Run(ctx)
	default:
		err = leader.Run(ctx, a.db.Config, a.log, func(ctx context.Context) { _ = a.dispatcher.Run(ctx) })
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// awaitDatabase returns nil once the database is usable, or an error if it is not
// supported.
func (a *app) awaitDatabase(ctx context.Context) error {
	var last string
	for ctx.Err() == nil {
		err := a.database.Verify(ctx)
		switch {
		case err == nil:
			a.store.SetReady()
			a.log.Info("ready")
			return nil
		case errors.Is(err, doctor.ErrUnsupportedDatabase):
			return err
		case err.Error() != last && ctx.Err() == nil:
			a.log.Warn("waiting for the database", "error", err)
			last = err.Error()
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}
