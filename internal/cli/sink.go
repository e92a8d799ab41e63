package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"autowebinar/internal/app"
	"autowebinar/internal/telemetry"
)

// runSink receives webhooks: it verifies each with the public Standard Webhooks
// library and prints it.
func runSink(ctx context.Context, args []string, s Streams, environ []string) error {
	set := newFlagSet("sink", s,
		"Receives webhooks, verifies their signatures and prints them.")
	listen := set.String("listen", "127.0.0.1:9000", "the `address` to listen on")
	secret := set.String("secret", "", "the `secret`, whsec_… (default: the first in AUTOWEBINAR_WEBHOOK_SECRET or in the file AUTOWEBINAR_WEBHOOK_SECRET_FILE)")
	status := set.Int("status", http.StatusNoContent, "the response `status`; 503 causes retries")
	if err := parse(set, args); err != nil {
		return err
	}
	if *secret == "" {
		var err error
		if *secret, err = firstSecret(environ); err != nil {
			return err
		}
	}
	if *secret == "" {
		return errors.New("no secret: set --secret, AUTOWEBINAR_WEBHOOK_SECRET or AUTOWEBINAR_WEBHOOK_SECRET_FILE")
	}
	verifier, err := standardwebhooks.NewWebhook(*secret)
	if err != nil {
		return errors.New("the secret must have the form whsec_<base64>")
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "listening on http://%s\n", listener.Addr())
	log := telemetry.NewLogger(s.Err, 0, "text")
	return app.Serve(ctx, log, func(context.Context) error { return nil },
		app.Server{Handler: printWebhooks(s.Out, verifier, *status), Listener: listener})
}

// firstSecret returns the secret that the service would sign with. As in the
// service, the file takes precedence.
func firstSecret(environ []string) (string, error) {
	var secrets, path string
	for _, entry := range environ {
		switch name, value, _ := strings.Cut(entry, "="); name {
		case "AUTOWEBINAR_WEBHOOK_SECRET":
			secrets = value
		case "AUTOWEBINAR_WEBHOOK_SECRET_FILE":
			path = value
		}
	}
	if path != "" {
		content, err := os.ReadFile(path)
		if err != nil {
			return "", errors.New("cannot read the file AUTOWEBINAR_WEBHOOK_SECRET_FILE")
		}
		secrets = string(content)
	}
	first, _, _ := strings.Cut(secrets, ",")
	return strings.TrimSpace(first), nil
}

// printWebhooks prints every webhook and responds with status, or with 401 if the
// signature is invalid.
func printWebhooks(out io.Writer, verifier *standardwebhooks.Webhook, status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost { // such as the request of autowebinar check
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "cannot read the body", http.StatusBadRequest)
			return
		}
		result, response := "signature ok", status
		if err := verifier.Verify(body, r.Header); err != nil {
			result, response = "SIGNATURE INVALID: "+err.Error(), http.StatusUnauthorized
		}
		var line bytes.Buffer
		if json.Compact(&line, body) != nil {
			line.Reset()
			fmt.Fprintf(&line, "%q", body)
		}
		fmt.Fprintf(out, "%s %s user=%s id=%s → %d\n  %s\n", time.Now().UTC().Format(time.RFC3339), result,
			r.Header.Get("autowebinar-user"), r.Header.Get("webhook-id"), response, line.Bytes())
		w.WriteHeader(response)
	})
}
