package main

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

	"autowebinar/internal/telemetry"
)

// receive is a receiver for trying things out: it verifies each webhook with
// the public Standard Webhooks library and prints it.
func runSink(ctx context.Context, args []string, s streams, environ []string) error {
	set := flags("sink", s)
	listen := set.String("listen", "127.0.0.1:9000", "address to listen on")
	secret := set.String("secret", "", "whsec_… (default: the first of AUTOWEBINAR_WEBHOOK_SECRET, or of the file that AUTOWEBINAR_WEBHOOK_SECRET_FILE names)")
	status := set.Int("status", http.StatusNoContent, "what to answer; 503 to see retries")
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
		return errors.New("sink: give --secret, AUTOWEBINAR_WEBHOOK_SECRET or AUTOWEBINAR_WEBHOOK_SECRET_FILE")
	}
	verifier, err := standardwebhooks.NewWebhook(*secret)
	if err != nil {
		return errors.New("sink: the secret is not of the form whsec_<base64>")
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "listening on http://%s\n", listener.Addr())
	log := telemetry.NewLogger(s.err, 0, "text")
	return serveAll(ctx, func(context.Context) error { return nil },
		boundServer{Server: server(printer(s.out, verifier, *status), log), on: listener})
}

// firstSecret is what the service would sign with: as there, the file comes first.
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
			return "", errors.New("sink: the file of AUTOWEBINAR_WEBHOOK_SECRET_FILE cannot be read")
		}
		secrets = string(content)
	}
	first, _, _ := strings.Cut(secrets, ",")
	return strings.TrimSpace(first), nil
}

// printer answers every webhook with a status and prints one line about it; one
// whose signature is wrong gets 401.
func printer(out io.Writer, verifier *standardwebhooks.Webhook, status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost { // autowebinar check, say
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "cannot read", http.StatusBadRequest)
			return
		}
		verdict, answer := "signature ok", status
		if err := verifier.Verify(body, r.Header); err != nil {
			verdict, answer = "SIGNATURE WRONG: "+err.Error(), http.StatusUnauthorized
		}
		var line bytes.Buffer
		if json.Compact(&line, body) != nil {
			line.Reset()
			fmt.Fprintf(&line, "%q", body)
		}
		fmt.Fprintf(out, "%s %s user=%s id=%s → %d\n  %s\n", time.Now().UTC().Format(time.RFC3339), verdict,
			r.Header.Get("autowebinar-user"), r.Header.Get("webhook-id"), answer, line.Bytes())
		w.WriteHeader(answer)
	})
}
