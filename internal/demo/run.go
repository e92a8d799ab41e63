package demo

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
	"golang.org/x/sync/errgroup"
)

// Options are the settings of Run.
type Options struct {
	Database string    // Auto, MariaDB, Embedded, or the DSN of an empty database
	Listen   string    // address of the page; another port is used if it is taken
	Service  string    // path of the service's binary; if empty, it is built from this checkout
	Out      io.Writer // receives the banner once the page can be opened
	Progress io.Writer // receives a line before each slow step
	Log      io.Writer // receives the service's log; may be nil
}

// Run starts a database, the service and the page, and serves until ctx ends.
func Run(ctx context.Context, o Options) error {
	listener, err := listenNear(o.Listen)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer listener.Close()
	database, binary, err := o.provide(ctx)
	if database != nil {
		defer database.Close()
	}
	if err != nil {
		return err
	}
	proxy, dsn, err := NewDatabaseProxy(database.DSN)
	if err != nil {
		return err
	}
	defer proxy.Close()
	db, err := openPool(dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	site, err := Seed(ctx, db, time.Now())
	if err != nil {
		return err
	}
	secret, url := newWebhookSecret(), "http://"+listener.Addr().String()
	receiver, err := NewReceiver(ReceiverConfig{Secret: secret})
	if err != nil {
		return err
	}
	service, err := startService(ctx, binary, serviceEnv(dsn, url+ReceiverPath, secret, site), o.Log)
	if err != nil {
		return err
	}

	log := slog.New(slog.DiscardHandler)
	if o.Log != nil {
		log = slog.New(slog.NewTextHandler(o.Log, nil))
	}
	mux := http.NewServeMux()
	mux.Handle("/wp-json/", service.proxy())
	mux.Handle("/", Handler(Config{
		Site: site, DB: db, Receiver: receiver, Proxy: proxy, Database: database.Name, Logger: log,
	}))
	server := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second, // no WriteTimeout: the event stream is one long response
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	server.RegisterOnShutdown(receiver.Close)
	fmt.Fprint(o.Out, Banner(BannerConfig{
		URL: url, Status: service.admin + "/", Database: database.Name, Site: site, Now: time.Now(),
	}))
	return serve(ctx, server, listener, service)
}

// provide opens the database and builds the service concurrently, because either
// may have to be compiled first.
func (o Options) provide(ctx context.Context) (database *Database, binary string, err error) {
	var mu sync.Mutex
	say := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintln(o.Progress, text)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		database, err = OpenDatabase(ctx, o.Database, say)
		return err
	})
	group.Go(func() (err error) {
		if binary = o.Service; binary == "" {
			binary, err = buildService(ctx, say)
		}
		return err
	})
	err = group.Wait()
	return database, binary, err
}

// serve serves the page until ctx ends or the service does. The service stops
// first, because requests to the receiver may still be in flight.
func serve(ctx context.Context, server *http.Server, listener net.Listener, service *service) error {
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-served:
	case <-service.done:
		if ctx.Err() == nil {
			err = fmt.Errorf("demo: the service ended: %s", service.output)
		}
	}
	err = errors.Join(err, service.close())
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if server.Shutdown(stopping) != nil {
		server.Close()
	}
	return err
}

// listenNear listens on the address, or on another port if that one is taken.
func listenNear(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return listener, err
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return net.Listen("tcp", net.JoinHostPort(host, "0"))
}

// openPool opens the page's own connections. The driver logs nothing: its
// connections are cut on purpose.
func openPool(dsn string) (*sql.DB, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	cfg.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	return sql.OpenDB(connector), nil
}

func newWebhookSecret() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return "whsec_" + base64.StdEncoding.EncodeToString(key)
}
