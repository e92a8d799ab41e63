package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
	"golang.org/x/sync/errgroup"

	"autowebinar/internal/config"
	"autowebinar/internal/httpapi"
	"autowebinar/internal/telemetry"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webhook"
	"autowebinar/internal/webinar"
	"autowebinar/internal/wordpress"
)

// service is everything wired together, at rest.
type service struct {
	cfg        config.Config
	log        *slog.Logger
	pool       *sqlx.DB
	store      *usermeta.Store
	outbox     *usermeta.Outbox
	dispatcher *webhook.Dispatcher // nil: WEBHOOK_URL is off
	handler    http.Handler
	health     *telemetry.Health
	monitor    *telemetry.Monitor
	admin      http.Handler
	stopping   atomic.Bool
}

// newService wires the service, from the database up to the door. Nothing is
// connected yet.
func newService(cfg config.Config, log *slog.Logger) (*service, error) {
	s := &service{cfg: cfg, log: log, health: telemetry.NewHealth()}
	metrics := telemetry.NewMetrics(version())
	watch := observer{metrics}
	tables := usermeta.Config{DSN: cfg.DSN, UsersTable: cfg.UsersTable, UsermetaTable: cfg.UsermetaTable, Observer: watch}
	var err error
	if s.pool, err = usermeta.Open(tables); err != nil {
		return nil, err
	}
	s.outbox = usermeta.NewOutbox(s.pool, tables, cfg.LeadMetaKey, log)

	var forms httpapi.Forms
	nudge := func() {}
	if cfg.WebhookURL != nil {
		sender := webhook.NewSender(webhook.SenderConfig{
			URL: cfg.WebhookURL, Signer: webhook.NewSigner(cfg.WebhookSecrets...), Version: version(), Observe: watch.attemptDone,
		})
		forms = webhook.NewForms(sender, log)
		s.dispatcher = webhook.New(webhook.Config{
			Queue: s.outbox, Sender: sender, Retry: webhook.RetryPolicy{Schedule: cfg.WebhookRetry}, Log: log,
		})
		nudge = s.dispatcher.Wake
	}
	s.store = usermeta.New(s.pool, tables, log, nudge)
	logins, loginsOff := s.logins()
	s.handler = httpapi.New(httpapi.Config{
		BasePaths: cfg.BasePaths,
		Rules:     webinar.Rules{Durations: cfg.Webinars, MaxRate: cfg.MaxPlaybackRate, Heartbeat: int64(cfg.HeartbeatSec)},
		Viewers:   s.store, Leads: s.outbox, Forms: forms,
		Logins: logins, JWTSecret: cfg.JWTSecret, ServiceKeys: cfg.ServiceKeys,
		CORSOrigins: cfg.CORSOrigins, TrustedProxies: cfg.TrustedProxies,
		RateViewer: httpapi.Rate(cfg.RateViewer), RateLogin: httpapi.Rate(cfg.RateLogin),
		Logger: log, Observer: watch,
	})
	s.health.Register("database", s.store.Ping)
	s.health.Register("running", func(context.Context) error {
		if s.stopping.Load() {
			return errors.New("the service is stopping")
		}
		return nil
	})
	s.health.AddInfo("dispatcher", s.describeDispatcher)
	s.monitor = s.newMonitor(metrics, loginsOff)
	s.admin = telemetry.Admin(s.health, metrics, s.monitor)
	return s, nil
}

// logins is nil, and why is not empty, where the salts do not allow for cookie
// logins: the rest of the service works without.
func (s *service) logins() (logins httpapi.Logins, why string) {
	salts, err := wordpress.NewSalts(s.cfg.Salts)
	if err != nil {
		s.log.Error("WordPress logins are off", "error", err)
		why = strings.TrimPrefix(err.Error(), "wordpress: ")
		s.health.AddInfo("logins", func() string { return "WordPress logins are off: " + why })
		return nil, why
	}
	s.health.AddInfo("logins", func() string { return "WordPress logins are on" })
	return wordpress.NewLogins(wordpress.Config{
		DB: s.pool, UsersTable: s.cfg.UsersTable, UsermetaTable: s.cfg.UsermetaTable, Salts: salts,
		CookieName: s.cfg.CookieName, NonceLife: s.cfg.NonceLife, Logger: s.log,
	}), ""
}

func (s *service) describeDispatcher() string {
	switch {
	case s.dispatcher == nil:
		return "off: AUTOWEBINAR_WEBHOOK_URL is off"
	case s.cfg.Dispatch == config.DispatchOff:
		return "off: AUTOWEBINAR_DISPATCH is off"
	case !s.dispatcher.Stats().Running:
		return "another replica leads, or none"
	}
	return "leads"
}

// run does the work beside the requests until ctx ends.
func (s *service) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	watching, stop := context.WithCancel(ctx)
	group.Go(func() error {
		s.monitor.Run(watching)
		return nil
	})
	group.Go(func() error {
		defer stop()
		return s.deliver(ctx)
	})
	return group.Wait()
}

// deliver waits for a usable database, then delivers events whenever this replica
// is chosen, until ctx ends.
func (s *service) deliver(ctx context.Context) error {
	if err := s.awaitDatabase(ctx); err != nil {
		return err
	}
	if s.dispatcher == nil {
		<-ctx.Done()
		return nil
	}
	var err error
	switch s.cfg.Dispatch {
	case config.DispatchOff:
		<-ctx.Done()
	case config.DispatchOn:
		err = s.dispatcher.Run(ctx)
	default:
		err = s.outbox.Lead(ctx, func(ctx context.Context) { _ = s.dispatcher.Run(ctx) })
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// awaitDatabase returns once the database can be used. One that is down may come
// up; one that must not be used is an error.
func (s *service) awaitDatabase(ctx context.Context) error {
	var last string
	for ctx.Err() == nil {
		err := s.store.Verify(ctx)
		switch {
		case err == nil:
			s.log.Info("ready")
			return nil
		case errors.Is(err, usermeta.ErrUnsupportedDatabase):
			return err
		case err.Error() != last && ctx.Err() == nil:
			s.log.Warn("waiting for the database", "error", err)
			last = err.Error()
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

func (s *service) close() { _ = s.pool.Close() }

// server is an HTTP server that slow clients cannot hold up.
func server(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       75 * time.Second,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// The two parts of a stop, together less than the ten seconds that container
// engines give. While it lingers a server still takes requests, and the service
// says that it is not ready, so that balancers look elsewhere.
const (
	shutdownDelay   = time.Second
	shutdownTimeout = 6 * time.Second
)

// listening is a server with its listener.
type boundServer struct {
	*http.Server
	on            net.Listener
	delayShutdown bool
}

// serveAll runs servers and the work beside them: the first failure, or the end
// of ctx, stops all, and all are waited for.
func serveAll(ctx context.Context, work func(context.Context) error, servers ...boundServer) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return work(ctx) })
	for _, srv := range servers {
		group.Go(func() error {
			if err := srv.Serve(srv.on); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
		group.Go(func() error {
			<-ctx.Done()
			if srv.delayShutdown {
				time.Sleep(shutdownDelay)
			}
			stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
			defer cancel()
			if err := srv.Shutdown(stopping); err != nil {
				return srv.Close()
			}
			return nil
		})
	}
	return group.Wait()
}
