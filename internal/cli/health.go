package cli

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// health asks the admin address of a service on this machine. It needs no shell
// and no curl, so an image without either can have a HEALTHCHECK.
func runHealth(ctx context.Context, args []string, s Streams, environ []string) error {
	set := flags("health", s)
	path := set.String("path", "/healthz", "what to ask for; /readyz asks for the database too")
	if err := parse(set, args); err != nil {
		return err
	}
	cfg, err := loadConfig(environ)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
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
		return fmt.Errorf("%s answers %s", *path, res.Status)
	}
	return nil
}

// reachable turns an address to listen on into one to connect to.
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
