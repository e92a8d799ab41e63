package cli

import (
	"context"

	"autowebinar/internal/app"
	"autowebinar/internal/telemetry"
)

// runServe runs the service until ctx ends.
func runServe(ctx context.Context, args []string, s Streams, environ []string) error {
	if err := parse(newFlagSet("serve", s, "Runs the service until it is interrupted or terminated."), args); err != nil {
		return err
	}
	cfg, err := loadConfig(environ)
	if err != nil {
		return err
	}
	return app.Run(ctx, cfg, version(), telemetry.NewLogger(s.Err, cfg.LogLevel, cfg.LogFormat))
}
