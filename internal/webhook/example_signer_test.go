package webhook_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"autowebinar/internal/webhook"
)

// The receiver can verify signatures with any Standard Webhooks library.
func ExampleSigner() {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		panic(err)
	}
	header, body := http.Header{}, []byte(`{"type":"client_webinar_entered"}`)
	webhook.NewSigner(key).Sign(header, "evt_1", time.Now(), body)

	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		panic(err)
	}
	fmt.Println("original body verified:", verifier.Verify(body, header) == nil)
	fmt.Println("modified body verified:", verifier.Verify(append(body, ' '), header) == nil)
	// Output:
	// original body verified: true
	// modified body verified: false
}
