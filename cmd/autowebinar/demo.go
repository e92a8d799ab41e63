package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"autowebinar/internal/config"
	"autowebinar/internal/demo"
	"autowebinar/internal/telemetry"
)

// demonstrate starts a database, the service, a sink and a page, all on this
// machine and at one address. Nothing of it is meant to last.
func runDemo(ctx context.Context, args []string, s streams, _ []string) error {
	set := flags("demo", s)
	choice := set.String("db", demo.Auto, "auto, mariadbd, embedded, or the DSN of an empty database")
	address := set.String("listen", "127.0.0.1:8080", "address of the page; if it is taken, another port")
	verbose := set.Bool("v", false, "show the service's log")
	if err := parse(set, args); err != nil {
		return err
	}
	database, err := demo.OpenDatabase(ctx, *choice, func(text string) { fmt.Fprintln(s.err, text) })
	if err != nil {
		return err
	}
	defer database.Close()
	listener, err := listenNear(*address)
	if err != nil {
		return err
	}
	defer listener.Close()
	log := slog.New(slog.DiscardHandler)
	if *verbose {
		log = telemetry.NewLogger(s.err, slog.LevelInfo, "text")
	}
	return showDemo(ctx, s, database, listener, log)
}

func showDemo(ctx context.Context, s streams, database *demo.Database, listener net.Listener, log *slog.Logger) error {
	url := "http://" + listener.Addr().String()
	secret := randomSecret()
	wire, dsn, err := demo.NewWire(database.DSN)
	if err != nil {
		return err
	}
	defer wire.Close()
	cfg, err := demoConfig(dsn, url, secret)
	if err != nil {
		return err
	}
	site, err := seed(ctx, cfg)
	if err != nil {
		return err
	}
	cfg.Salts, cfg.JWTSecret = site.Salts, site.JWTSecret
	svc, err := newService(cfg, log)
	if err != nil {
		return err
	}
	defer svc.close()
	sink, err := demo.NewSink(demo.SinkConfig{Secret: secret})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/wp-json/", svc.handler)
	mux.Handle("/", demo.Handler(demo.Config{
		Site: site, DB: svc.pool.DB, Sink: sink, Wire: wire, Engine: database.Name, Logger: log,
	}))
	srv := server(mux, log)
	srv.WriteTimeout = 0 // the page follows the events on one long answer
	srv.RegisterOnShutdown(sink.Close)

	fmt.Fprint(s.out, demo.Banner(demo.BannerConfig{URL: url, Database: database, Site: site, Now: time.Now()}))
	return serveAll(ctx, svc.run, boundServer{Server: srv, on: listener})
}

// demoConfig goes through the same door as an operator's settings.
func demoConfig(dsn, url, secret string) (config.Config, error) {
	return config.Load([]string{
		"AUTOWEBINAR_DB_DSN=" + dsn,
		"AUTOWEBINAR_WEBHOOK_URL=" + url + demo.SinkPath,
		"AUTOWEBINAR_WEBHOOK_SECRET=" + secret,
		"AUTOWEBINAR_WEBHOOK_RETRY=1s,2s,5s",
		"AUTOWEBINAR_WEBINARS=" + demo.Webinars,
		"AUTOWEBINAR_HEARTBEAT_SEC=2",
	}, os.ReadFile)
}

// seed makes the viewers, before the service itself begins.
func seed(ctx context.Context, cfg config.Config) (*demo.Site, error) {
	svc, err := newService(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer svc.close()
	return demo.Seed(ctx, svc.pool.DB, time.Now())
}

// listenNear listens on the address, or on another port of it if that one is
// taken.
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

func randomSecret() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return "whsec_" + base64.StdEncoding.EncodeToString(key)
}
