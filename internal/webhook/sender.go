package webhook

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/clock"
	"autowebinar/internal/failpoint"
	"autowebinar/internal/webinar"
)

// HeaderUser is the header with the WordPress user id of the viewer, in decimal.
const HeaderUser = "autowebinar-user"

const (
	sendTimeout  = 15 * time.Second
	drainTimeout = time.Second
	drainBytes   = 64 << 10
)

// SenderConfig is the configuration of a Sender.
type SenderConfig struct {
	URL       *url.URL          // of the receiver; required
	Signer    *Signer           // required
	Version   string            // of this service, for User-Agent; empty means "dev"
	Transport http.RoundTripper // if nil, a new one that uses the environment's proxy settings

	// Observe is called after every attempt, including those that failed before
	// anything was sent and those that were canceled. It must not block.
	Observe func(webinar.Event, AttemptResult)
}

// Sender makes single attempts. It is safe for concurrent use.
type Sender struct {
	cfg    SenderConfig
	client *http.Client
}

// NewSender returns a sender with a separate connection pool.
func NewSender(cfg SenderConfig) *Sender {
	if cfg.Transport == nil {
		cfg.Transport = newTransport()
	}
	if cfg.Observe == nil {
		cfg.Observe = func(webinar.Event, AttemptResult) {}
	}
	return &Sender{cfg, &http.Client{
		Transport:     cfg.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func newTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = DefaultParallel
	t.MaxIdleConnsPerHost = DefaultParallel
	t.DisableCompression = true // response bodies are discarded
	// Pings detect connections that died without a reset, so that they are not reused.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 5 * time.Second, PingTimeout: 5 * time.Second}
	return t
}

// Send posts the body of an event once, within 15 s.
func (s *Sender) Send(ctx context.Context, e webinar.Event, body []byte) AttemptResult {
	return s.post(ctx, e, body, sendTimeout)
}

func (s *Sender) post(ctx context.Context, e webinar.Event, body []byte, timeout time.Duration) AttemptResult {
	start := clock.Now()
	timed, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	a := s.exchange(timed, cancel, e, body)
	a.Duration = time.Since(start)
	switch {
	case a.Status != 0:
	case ctx.Err() != nil:
		a.Outcome = Canceled
	case timed.Err() != nil:
		a.Err = fmt.Errorf("no response within %v", timeout)
	}
	s.cfg.Observe(e, a)
	return a
}

// exchange sends the request and reads the response headers, which determine the
// outcome. It reads some of the body only to make the connection reusable.
func (s *Sender) exchange(ctx context.Context, cancel func(), e webinar.Event, body []byte) AttemptResult {
	req, err := s.request(ctx, e, body)
	if err != nil {
		return AttemptResult{Outcome: Unavailable, Err: err}
	}
	resp, err := s.client.Do(req)
	if err != nil {
		// The URL may contain a token, so only the cause is kept.
		if wrapped := new(url.Error); errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return AttemptResult{Outcome: Unavailable, Err: err}
	}
	defer resp.Body.Close()
	drainTimer := time.AfterFunc(drainTimeout, cancel)
	defer drainTimer.Stop()
	_, _ = io.CopyN(io.Discard, resp.Body, drainBytes)

	a := AttemptResult{Outcome: outcomeOf(resp.StatusCode), Status: resp.StatusCode}
	if a.Outcome != Accepted {
		a.RetryAfter = ParseRetryAfter(resp.Header.Get("Retry-After"), clock.Now())
	}
	return a
}

func (s *Sender) request(ctx context.Context, e webinar.Event, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cfg.URL.String(), bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("webhook: invalid receiver URL")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "autowebinar/"+cmp.Or(s.cfg.Version, "dev"))
	req.Header.Set(HeaderUser, strconv.FormatUint(uint64(e.User), 10))
	// A nil value is not sent. It marks the request as idempotent for net/http,
	// which then replaces an idle connection that the receiver has closed.
	req.Header["Idempotency-Key"] = nil
	if failpoint.Enabled(failpoint.NewWebhookID) {
		e.ID = uuid.New()
	}
	s.cfg.Signer.Sign(req.Header, e.ID.String(), clock.Now(), body)
	return req, nil
}
