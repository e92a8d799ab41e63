package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"autowebinar/internal/config"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/wordpress"
)

// check looks at everything that the service depends on and says what is wrong
// and what to do. It changes nothing and sends no event.
func check(ctx context.Context, args []string, s streams, environ []string) error {
	if err := parse(flags("check", s), args); err != nil {
		return err
	}
	cfg, err := loadConfig(environ)
	if err != nil {
		return err
	}
	findings, err := inspectDatabase(ctx, cfg)
	if err != nil {
		return err
	}
	findings = append(findings, inspectSalts(cfg), inspectSink(ctx, cfg))
	failed := 0
	for _, f := range findings {
		fmt.Fprintf(s.out, "%-5s %-16s %s\n", f.State, f.Name, f.Detail)
		if f.State != usermeta.OK && f.Advice != "" {
			fmt.Fprintf(s.out, "%22s %s\n", "→", f.Advice)
		}
		if f.State == usermeta.Fail || f.State == usermeta.Unfit {
			failed++
		}
	}
	if failed > 0 {
		fmt.Fprintf(s.out, "\n%d of %d checks failed\n", failed, len(findings))
		return errReported
	}
	return nil
}

func inspectDatabase(ctx context.Context, cfg config.Config) ([]usermeta.Finding, error) {
	tables := usermeta.Config{DSN: cfg.DSN, UsersTable: cfg.UsersTable, UsermetaTable: cfg.UsermetaTable}
	pool, err := usermeta.Open(tables)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	return usermeta.New(pool, tables, slog.New(slog.DiscardHandler), nil).Inspect(ctx), nil
}

func inspectSalts(cfg config.Config) usermeta.Finding {
	f := usermeta.Finding{Name: "salts", State: usermeta.OK, Detail: "WordPress logins can be verified"}
	if _, err := wordpress.NewSalts(cfg.Salts); err != nil {
		f.State, f.Detail = usermeta.Fail, err.Error()
		f.Advice = "give both containers the same eight WORDPRESS_…_KEY and WORDPRESS_…_SALT values; without them only tokens and service keys log in"
	}
	return f
}

// inspectSink asks for an answer, any answer, without an event.
func inspectSink(ctx context.Context, cfg config.Config) usermeta.Finding {
	f := usermeta.Finding{Name: "sink", State: usermeta.OK}
	if cfg.WebhookURL == nil {
		f.State, f.Detail, f.Advice = usermeta.Warn, "AUTOWEBINAR_WEBHOOK_URL is off: no event is ever written", "set the address of the scenario engine"
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, cfg.WebhookURL.String(), nil)
	if err != nil {
		f.State, f.Detail = usermeta.Fail, "the address cannot be used"
		return f
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		f.State, f.Detail, f.Advice = usermeta.Fail, "no answer from "+cfg.WebhookURL.Host, "events wait in the outbox until it answers; check the address and the network"
		return f
	}
	defer res.Body.Close()
	f.Detail = fmt.Sprintf("%s answers (status %d to HEAD)", cfg.WebhookURL.Host, res.StatusCode)
	if at, err := http.ParseTime(res.Header.Get("Date")); err == nil && time.Since(at).Abs() > time.Minute {
		f.State, f.Detail = usermeta.Warn, fmt.Sprintf("its clock is %s from this machine's", time.Since(at).Round(time.Second))
		f.Advice = "synchronise the clocks: receivers refuse signatures that are minutes old"
	}
	if res.StatusCode/100 == 3 {
		f.State, f.Advice = usermeta.Warn, "redirects are not followed: set the final address"
	}
	return f
}
