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
	defaultLimit = 500
	maxEventBody = 1 << 20
)

// Receipt is one delivery attempt as the receiver saw it.
type Receipt struct {
	Seq      uint64          `json:"seq"` // 1, 2, 3, … in order of arrival
	At       time.Time       `json:"at"`
	Outcome  Outcome         `json:"outcome"`
	Reason   string          `json:"reason,omitempty"` // why it was rejected
	Verified bool            `json:"verified"`         // the signature is valid
	User     string          `json:"user"`             // header autowebinar-user
	Type     string          `json:"type,omitempty"`   // of the body, if verified: client_webinar_…
	Attempt  int             `json:"attempt"`          // number of stored receipts with this id, including this one
	Repeat   bool            `json:"repeat"`           // a stored receipt shows that this id was accepted before
	Body     json.RawMessage `json:"body,omitempty"`   // as received; absent unless accepted
	ID       string          `json:"webhook_id"`       // the three headers of Standard Webhooks
	SentAt   string          `json:"webhook_timestamp"`
	Proof    string          `json:"webhook_signature"`
}

// Outcome is how the receiver responded.
type Outcome string

// The outcomes, with status 204, 401 and 503.
const (
	Accepted Outcome = "accepted"
	Forged   Outcome = "forged"
	Down     Outcome = "down"
)

// Receiver accepts the service's webhooks: it verifies their signatures with the
// public Standard Webhooks library, keeps the latest in memory and streams them
// to the page. It is safe for concurrent use.
type Receiver struct {
	webhook *standardwebhooks.Webhook
	limit   int

	mu       sync.Mutex
	down     bool
	seq      uint64
	receipts []Receipt     // the latest, oldest first
	changed  chan struct{} // closed and replaced at every change
	closed   chan struct{}
	once     sync.Once
}

// ReceiverConfig configures NewReceiver.
type ReceiverConfig struct {
	Secret string // whsec_…, required
	Limit  int    // receipts to keep; default 500
}

// NewReceiver returns a receiver that accepts events and has no receipts.
func NewReceiver(cfg ReceiverConfig) (*Receiver, error) {
	webhook, err := standardwebhooks.NewWebhook(cfg.Secret)
	if err != nil {
		return nil, fmt.Errorf("demo: receiver: %w", err)
	}
	if cfg.Limit == 0 {
		cfg.Limit = defaultLimit
	}
	return &Receiver{
		webhook: webhook, limit: cfg.Limit,
		changed: make(chan struct{}), closed: make(chan struct{}),
	}, nil
}

// ServeHTTP receives one webhook. It responds with 204 if it accepts the event,
// 401 if the signature is invalid, and 503 while the receiver is down.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, maxEventBody))
	if err != nil {
		http.Error(w, "cannot read the body", http.StatusBadRequest)
		return
	}
	switch receipt := r.record(request.Header, body); receipt.Outcome {
	case Down:
		http.Error(w, "the receiver is down", http.StatusServiceUnavailable)
	case Forged:
		http.Error(w, receipt.Reason, http.StatusUnauthorized)
	case Accepted:
		w.WriteHeader(http.StatusNoContent)
	}
}

func (r *Receiver) record(header http.Header, body []byte) Receipt {
	verifyErr := r.webhook.Verify(body, header)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	receipt := Receipt{
		Seq:      r.seq,
		At:       time.Now().UTC(),
		Outcome:  Accepted,
		Verified: verifyErr == nil,
		User:     header.Get("autowebinar-user"),
		Attempt:  1,
		ID:       header.Get(standardwebhooks.HeaderWebhookID),
		SentAt:   header.Get(standardwebhooks.HeaderWebhookTimestamp),
		Proof:    header.Get(standardwebhooks.HeaderWebhookSignature),
	}
	for _, old := range r.receipts {
		if old.ID == receipt.ID {
			receipt.Attempt++
			receipt.Repeat = receipt.Repeat || old.Outcome == Accepted
		}
	}
	if receipt.Verified {
		receipt.Type = eventType(body)
	}
	switch {
	case verifyErr != nil:
		receipt.Outcome, receipt.Reason = Forged, verifyErr.Error()
	case r.down:
		receipt.Outcome, receipt.Reason = Down, "the receiver is down"
	case !json.Valid(body):
		receipt.Body, _ = json.Marshal(string(body))
	default:
		receipt.Body = body
	}
	r.receipts = append(r.receipts, receipt)
	r.receipts = r.receipts[max(0, len(r.receipts)-r.limit):]
	r.notify()
	return receipt
}

// eventType returns the type of an event, or "" if the body has none.
func eventType(body []byte) string {
	var event struct {
		Type string `json:"type"`
	}
	_ = json.Unmarshal(body, &event)
	return event.Type
}

// SetDown starts an outage, in which the receiver responds with 503, or ends
// it.
func (r *Receiver) SetDown(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
	r.notify()
}

// notify wakes all streams. The caller must have locked r.mu.
func (r *Receiver) notify() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// since returns the receipts after a sequence number, whether the receiver is
// down, and a channel that closes at the next change. A number that this run has
// not assigned comes from an earlier run: since then returns all receipts.
func (r *Receiver) since(seq uint64) (receipts []Receipt, down bool, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if seq > r.seq {
		seq = 0
	}
	first := len(r.receipts)
	for first > 0 && r.receipts[first-1].Seq > seq {
		first--
	}
	return slices.Clone(r.receipts[first:]), r.down, r.changed
}

// Close ends all event streams. Register it with http.Server.RegisterOnShutdown,
// because Shutdown waits for them.
func (r *Receiver) Close() {
	r.once.Do(func() { close(r.closed) })
}
