package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"time"
)

// service is the real binary as a child process, started as an operator starts
// it: by settings in its environment.
type service struct {
	*child
	public *url.URL
	admin  string // address of the status page, without a slash at the end
}

// supervisor runs the service and stops it when stdin closes, so that the
// service cannot outlive the demo, however that ends.
//
// A terminal sends its interrupt to all processes. The shell ignores it and
// returns the exit code of the service.
const supervisor = `
trap '' INT
exec 3<&0
"$@" </dev/null 3<&- & service=$!
( read -r _ <&3; kill "$service" ) >/dev/null 2>&1 & watcher=$!
exec 3<&-
wait "$service"; code=$?
kill "$watcher" 2>/dev/null
exit "$code"
`

// serviceEnv is the whole environment of the service.
func serviceEnv(dsn, webhookURL, secret string, site *Site) []string {
	env := []string{
		"AUTOWEBINAR_DB_DSN=" + dsn,
		"AUTOWEBINAR_LISTEN=127.0.0.1:0",
		"AUTOWEBINAR_ADMIN_LISTEN=127.0.0.1:0",
		"AUTOWEBINAR_LOG_FORMAT=text",
		"AUTOWEBINAR_WEBHOOK_URL=" + webhookURL,
		"AUTOWEBINAR_WEBHOOK_SECRET=" + secret,
		"AUTOWEBINAR_WEBHOOK_RETRY=1s,2s,5s",
		"AUTOWEBINAR_WEBINARS=" + Webinars,
		"AUTOWEBINAR_HEARTBEAT_SEC=2",
		"AUTOWEBINAR_JWT_SECRET=" + string(site.JWTSecret),
	}
	for name, value := range site.Salts {
		env = append(env, "WORDPRESS_"+name+"="+value)
	}
	return env
}

// The service logs its addresses once it listens.
var listening = regexp.MustCompile(`\baddress=(\S+) admin=(\S+)`)

// startService starts the service and returns once it is ready.
func startService(ctx context.Context, binary string, env []string, log io.Writer) (*service, error) {
	child, match, err := startChild(ctx, childConfig{
		name: "service", command: []string{"sh", "-c", supervisor, "sh", binary}, env: env, started: listening, log: log,
	})
	if err != nil {
		return nil, err
	}
	s := &service{child: child, public: &url.URL{Scheme: "http", Host: match[1]}, admin: "http://" + match[2]}
	if err := s.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *service) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.admin+"/readyz", nil)
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.done:
			return fmt.Errorf("demo: the service ended: %s", s.output)
		case <-tick.C:
		}
	}
}

// proxy forwards requests to the service, so that page and service share one
// origin, as they do on a site.
func (s *service) proxy() http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(s.public)
			r.Out.Host = r.In.Host
		},
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
}
