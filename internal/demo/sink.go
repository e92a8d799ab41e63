package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	keepDefault  = 500
	maxEventBody = 1 << 20
)

// Receipt is one delivery attempt as the sink saw it.
type Receipt struct {
	Seq      uint64          `json:"seq"` // 1, 2, 3, … in order of arrival
	At       time.Time       `json:"at"`
	Outcome  Outcome         `json:"outcome"`
	Reason   string          `json:"reason,omitempty"` // why it was refused
	Verified bool            `json:"verified"`         // the signature is genuine
	User     string          `json:"user"`             // header autowebinar-user
	Type     string          `json:"type,omitempty"`   // of the body, when genuine: client_webinar_…
	Attempt  int             `json:"attempt"`          // 1, 2, …: how often this id has come, of what is kept
	Repeat   bool            `json:"repeat"`           // this id was accepted before, and that is still kept
	Body     json.RawMessage `json:"body,omitempty"`   // as received; absent unless accepted
	ID       string          `json:"webhook_id"`       // the three headers of Standard Webhooks
	SentAt   string          `json:"webhook_timestamp"`
	Proof    string          `json:"webhook_signature"`
}

// Outcome is what the sink answered.
type Outcome string

// The outcomes: 204, 401 and 503.
const (
	Accepted Outcome = "accepted"
	Forged   Outcome = "forged"
	Down     Outcome = "down"
)

// Sink receives the service's webhooks: it verifies their signatures by the
// public Standard Webhooks library, keeps the last ones in memory and tells
// whoever listens. It is safe for concurrent use.
type Sink struct {
	webhook *standardwebhooks.Webhook
	keep    int
	now     func() time.Time

	mu       sync.Mutex
	down     bool
	seq      uint64
	receipts []Receipt     // the last keep, oldest first
	changed  chan struct{} // closed and replaced at every change
	closed   chan struct{}
	once     sync.Once
}

// SinkConfig is what NewSink needs.
type SinkConfig struct {
	Secret string           // whsec_…, required
	Keep   int              // receipts kept; default 500
	Now    func() time.Time // default time.Now
}

// NewSink returns a sink that is up and empty.
func NewSink(cfg SinkConfig) (*Sink, error) {
	webhook, err := standardwebhooks.NewWebhook(cfg.Secret)
	if err != nil {
		return nil, fmt.Errorf("demo: sink: %w", err)
	}
	if cfg.Keep == 0 {
		cfg.Keep = keepDefault
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Sink{
		webhook: webhook, keep: cfg.Keep, now: cfg.Now,
		changed: make(chan struct{}), closed: make(chan struct{}),
	}, nil
}

// ServeHTTP receives one webhook: 204 accepted, 401 not signed with the secret,
// 503 while the sink is down.
func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEventBody))
	if err != nil {
		http.Error(w, "cannot read the body", http.StatusBadRequest)
		return
	}
	switch receipt := s.receive(r.Header, body); receipt.Outcome {
	case Down:
		http.Error(w, "the sink is taken down", http.StatusServiceUnavailable)
	case Forged:
		http.Error(w, receipt.Reason, http.StatusUnauthorized)
	case Accepted:
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *Sink) receive(header http.Header, body []byte) Receipt {
	verifyErr := s.webhook.Verify(body, header)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	r := Receipt{
		Seq:      s.seq,
		At:       s.now().UTC(),
		Outcome:  Accepted,
		Verified: verifyErr == nil,
		User:     header.Get("autowebinar-user"),
		Attempt:  1,
		ID:       header.Get(standardwebhooks.HeaderWebhookID),
		SentAt:   header.Get(standardwebhooks.HeaderWebhookTimestamp),
		Proof:    header.Get(standardwebhooks.HeaderWebhookSignature),
	}
	for _, old := range s.receipts {
		if old.ID == r.ID {
			r.Attempt++
			r.Repeat = r.Repeat || old.Outcome == Accepted
		}
	}
	if r.Verified {
		r.Type = typeIn(body)
	}
	switch {
	case verifyErr != nil:
		r.Outcome, r.Reason = Forged, verifyErr.Error()
	case s.down:
		r.Outcome, r.Reason = Down, "the sink is taken down"
	case !json.Valid(body):
		r.Body, _ = json.Marshal(string(body))
	default:
		r.Body = body
	}
	s.receipts = append(s.receipts, r)
	s.receipts = s.receipts[max(0, len(s.receipts)-s.keep):]
	s.announce()
	return r
}

// typeIn is the type of an event, empty where the body has none.
func typeIn(body []byte) string {
	var event struct {
		Type string `json:"type"`
	}
	_ = json.Unmarshal(body, &event)
	return event.Type
}

// SetDown takes the sink down, so that it answers 503, or brings it back.
func (s *Sink) SetDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
	s.announce()
}

// announce wakes all listeners; s.mu is held.
func (s *Sink) announce() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// after returns what is kept beyond a sequence number, whether the sink is down,
// and a channel that closes at the next change. A number that was never given is
// another run's: everything is beyond it.
func (s *Sink) after(seq uint64) (receipts []Receipt, down bool, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq > s.seq {
		seq = 0
	}
	first := len(s.receipts)
	for first > 0 && s.receipts[first-1].Seq > seq {
		first--
	}
	return slices.Clone(s.receipts[first:]), s.down, s.changed
}

// Close ends all event streams. http.Server.Shutdown waits for them: register
// Close with RegisterOnShutdown.
func (s *Sink) Close() {
	s.once.Do(func() { close(s.closed) })
}
