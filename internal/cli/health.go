package cli

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

const healthTimeout = 3 * time.Second

// runHealth requests a path of the admin address of a service on this machine. It
// serves as HEALTHCHECK in an image that contains neither a shell nor curl.
func runHealth(ctx context.Context, args []string, s Streams, environ []string) error {
	set := newFlagSet("health", s,
		"Requests a path of the admin address of the service in this container. The exit code is 0\n"+
			"if the response is 200.")
	path := set.String("path", "/healthz", "the `path` to request; /readyz also checks the database")
	if err := parse(set, args); err != nil {
		return err
	}
	cfg, err := loadConfig(environ)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+dialAddr(cfg.AdminListen)+*path, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: status %s", *path, res.Status)
	}
	return nil
}

// dialAddr returns an address to connect to for an address to listen on.
func dialAddr(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
