package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"autowebinar/internal/webinar"
)

// HeaderUser carries the WordPress user id of the viewer, decimal.
const HeaderUser = "autowebinar-user"

const (
	sendTimeout  = 15 * time.Second
	drainTimeout = time.Second
	drainBytes   = 64 << 10
)

// SenderConfig says where and how events are sent.
type SenderConfig struct {
	URL       *url.URL          // the sink; required
	Signer    *Signer           // required
	Version   string            // of this service, for User-Agent; empty: "dev"
	Parallel  int               // idle connections kept; 0: DefaultParallel
	Transport http.RoundTripper // nil: one of its own, with the environment's proxy

	// Observe is told of every attempt, those that failed before they left and
	// those that a stop cut off among them; nil: nobody is. It must not block.
	Observe func(webinar.Event, AttemptResult)
}

// Sender makes single attempts. It is safe for parallel use.
type Sender struct {
	url       string
	signer    *Signer
	userAgent string
	client    *http.Client
	observe   func(webinar.Event, AttemptResult)
}

// NewSender returns a sender with its own pool of connections.
func NewSender(cfg SenderConfig) *Sender {
	if cfg.Version == "" {
		cfg.Version = "dev"
	}
	if cfg.Parallel == 0 {
		cfg.Parallel = DefaultParallel
	}
	if cfg.Transport == nil {
		cfg.Transport = newTransport(cfg.Parallel)
	}
	if cfg.Observe == nil {
		cfg.Observe = func(webinar.Event, AttemptResult) {}
	}
	return &Sender{
		url:       cfg.URL.String(),
		signer:    cfg.Signer,
		userAgent: "autowebinar/" + cfg.Version,
		observe:   cfg.Observe,
		client: &http.Client{
			Transport:     cfg.Transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

func newTransport(parallel int) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = parallel
	t.MaxIdleConnsPerHost = parallel
	t.DisableCompression = true // answers are thrown away
	// A connection that died without a word is noticed, not used again and again.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 5 * time.Second, PingTimeout: 5 * time.Second}
	return t
}

// Send posts the body of an event once, within 15 s, and says what came of it.
func (s *Sender) Send(ctx context.Context, e webinar.Event, body []byte) AttemptResult {
	return s.post(ctx, e, body, sendTimeout)
}

func (s *Sender) post(ctx context.Context, e webinar.Event, body []byte, timeout time.Duration) AttemptResult {
	began := time.Now()
	timed, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer := s.exchange(timed, cancel, e, body)
	answer.Duration = time.Since(began)
	switch {
	case answer.Status != 0:
	case ctx.Err() != nil:
		answer.Outcome = Canceled
	case timed.Err() != nil:
		answer.Err = fmt.Errorf("no answer within %v", timeout)
	}
	s.observe(e, answer)
	return answer
}

// exchange ends with the status line and headers: what follows cannot change
// the outcome, and is read only so that the connection can be used again.
func (s *Sender) exchange(ctx context.Context, cancel func(), e webinar.Event, body []byte) AttemptResult {
	req, err := s.request(ctx, e, body)
	if err != nil {
		return AttemptResult{Outcome: Unavailable, Err: err}
	}
	resp, err := s.client.Do(req)
	if err != nil {
		// The address may hold a token: only what went wrong is kept.
		if wrapped := new(url.Error); errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return AttemptResult{Outcome: Unavailable, Err: err}
	}
	defer resp.Body.Close()
	slow := time.AfterFunc(drainTimeout, cancel)
	defer slow.Stop()
	_, _ = io.CopyN(io.Discard, resp.Body, drainBytes)

	answer := AttemptResult{Outcome: outcomeOf(resp.StatusCode), Status: resp.StatusCode}
	if answer.Outcome != Accepted {
		answer.RetryAfter = ParseRetryAfter(resp.Header.Get("Retry-After"), time.Now())
	}
	return answer
}

func (s *Sender) request(ctx context.Context, e webinar.Event, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("webhook: the sink's address cannot be used")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", s.userAgent)
	req.Header.Set(HeaderUser, strconv.FormatUint(uint64(e.User), 10))
	// Never sent; it tells net/http that a repeat is harmless, so a kept
	// connection that the sink closed meanwhile is replaced without a failure.
	req.Header["Idempotency-Key"] = nil
	s.signer.Sign(req.Header, e.ID.String(), time.Now(), body)
	return req, nil
}
