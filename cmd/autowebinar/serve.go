package main

import (
	"context"
	"fmt"
	"net"

	"autowebinar/internal/telemetry"
)

// serve runs the service until ctx ends.
func runServe(ctx context.Context, args []string, s streams, environ []string) error {
	if err := parse(flags("serve", s), args); err != nil {
		return err
	}
	cfg, err := loadConfig(environ)
	if err != nil {
		return err
	}
	log := telemetry.NewLogger(s.err, cfg.LogLevel, cfg.LogFormat)
	svc, err := newService(cfg, log)
	if err != nil {
		return err
	}
	defer svc.close()

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
	log.Info("listening", "version", version(), "address", public.Addr().String(), "admin", admin.Addr().String(), "config", cfg)

	context.AfterFunc(ctx, func() { svc.stopping.Store(true) })
	err = serveAll(ctx, svc.run,
		boundServer{Server: server(svc.handler, log), on: public, delayShutdown: true},
		boundServer{Server: server(svc.admin, log), on: admin, delayShutdown: true})
	log.Info("stopped", "error", err)
	return err
}
