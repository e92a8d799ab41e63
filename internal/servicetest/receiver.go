package servicetest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Delivery is an accepted delivery of an event.
type Delivery struct {
	ID, User string
	At       time.Time
	Type     string         `json:"type"`
	Time     time.Time      `json:"timestamp"`
	Data     map[string]any `json:"data"`
}

// Receiver receives webhooks. An invalid signature fails the test.
type Receiver struct {
	URL string

	t        testing.TB
	verifier *standardwebhooks.Webhook

	mu         sync.Mutex
	down       bool
	rejected   int
	deliveries []Delivery
}

func NewReceiver(t testing.TB) *Receiver {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(WebhookSecret)
	require.NoError(t, err)
	s := &Receiver{t: t, verifier: verifier}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL + "/events/receiver-token-of-the-tests"
	return s
}

func (s *Receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		s.rejected++
		http.Error(w, "down", http.StatusInternalServerError)
		return
	}
	body, err := io.ReadAll(r.Body)
	assert.NoError(s.t, err)
	assert.NoError(s.t, s.verifier.Verify(body, r.Header))
	d := Delivery{ID: r.Header.Get("webhook-id"), User: r.Header.Get("autowebinar-user"), At: time.Now()}
	assert.NoError(s.t, json.Unmarshal(body, &d))
	s.deliveries = append(s.deliveries, d)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Receiver) SetDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// EventTypes returns the types of a user's events in the order of their first delivery,
// without their common prefix.
func (s *Receiver) EventTypes(user string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var types []string
	seen := map[string]bool{}
	for _, d := range s.deliveries {
		if d.User == user && !seen[d.ID] {
			seen[d.ID] = true
			types = append(types, strings.TrimPrefix(d.Type, "client_webinar_"))
		}
	}
	return types
}

func (s *Receiver) Find(user, eventType string) []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Delivery
	for _, d := range s.deliveries {
		if d.User == user && d.Type == "client_webinar_"+eventType {
			found = append(found, d)
		}
	}
	return found
}

// WaitFor waits for events of a user, and fails the test unless they are of these types
// in this order.
func (s *Receiver) WaitFor(t testing.TB, user string, types ...string) {
	t.Helper()
	if !assert.Eventually(t, func() bool { return len(s.EventTypes(user)) >= len(types) }, startTimeout, 10*time.Millisecond) {
		t.Logf("received: %v", s.EventTypes(user))
	}
	require.Equal(t, types, s.EventTypes(user))
}
