package webhook_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"autowebinar/internal/webhook"
)

const receiverSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// eventHandler is the HTTP handler of a receiver. It processes each event once,
// although an event may be delivered several times.
type eventHandler struct {
	verifier *standardwebhooks.Webhook
	process  func(eventType string, data json.RawMessage) error

	mu        sync.Mutex
	processed map[string]bool // by webhook-id; use a database table in production
}

func (h *eventHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, "unreadable body", http.StatusBadRequest)
		return
	}
	if err := h.verifier.Verify(body, r.Header); err != nil {
		http.Error(w, "invalid signature", http.StatusUnauthorized)
		return
	}
	var event struct {
		Type string          `json:"type"`
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		http.Error(w, "invalid JSON", http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	id := r.Header.Get("webhook-id")
	if !h.processed[id] {
		if err := h.process(event.Type, event.Data); err != nil {
			http.Error(w, "try again later", http.StatusServiceUnavailable)
			return
		}
		h.processed[id] = true // in the same transaction as the effects of the event
	}
	w.WriteHeader(http.StatusNoContent)
}

// A receiver verifies the signature, processes each webhook-id once, and
// responds with 204. It responds with a 5xx status if it wants a retry.
func Example_receiver() {
	verifier, err := standardwebhooks.NewWebhook(receiverSecret)
	if err != nil {
		panic(err)
	}
	handler := &eventHandler{
		verifier:  verifier,
		processed: map[string]bool{},
		process: func(eventType string, data json.RawMessage) error {
			fmt.Println("processing", eventType, string(data))
			return nil
		},
	}

	body := `{"type":"client_webinar_entered","timestamp":"2026-11-21T10:00:00Z","data":{"webinar_id":"intro"}}`
	for range 2 {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, signedRequest("evt_1", body))
		fmt.Println(w.Code)
	}
	forged := signedRequest("evt_2", body)
	forged.Header.Set(webhook.HeaderSignature, "v1,AAAA")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, forged)
	fmt.Println(w.Code)
	// Output:
	// processing client_webinar_entered {"webinar_id":"intro"}
	// 204
	// 204
	// 401
}

func signedRequest(id, body string) *http.Request {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(receiverSecret, "whsec_"))
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/webhooks", strings.NewReader(body))
	webhook.NewSigner(key).Sign(r.Header, id, time.Now(), []byte(body))
	return r
}
