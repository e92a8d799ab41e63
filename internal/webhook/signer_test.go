package webhook_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webhook"
)

const rotated = "whsec_bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE="

func TestSignaturesSatisfyReferenceVerifier(t *testing.T) {
	t.Parallel()
	header, body := http.Header{}, []byte(`{"type":"client_webinar_entered"}`)
	webhook.NewSigner(keysOf(t, secret, rotated)...).Sign(header, "msg-1", time.Now(), body)

	assert.Len(t, strings.Fields(header.Get(webhook.HeaderSignature)), 2)
	for _, known := range []string{secret, rotated} {
		verifier, err := standardwebhooks.NewWebhook(known)
		require.NoError(t, err)
		require.NoError(t, verifier.Verify(body, header))
		assert.Error(t, verifier.Verify(append(body, ' '), header), "another body")
	}
	otherVerifier, err := standardwebhooks.NewWebhook("whsec_c3RyYW5nZXJzdHJhbmdlcnN0cmFuZ2Vy")
	require.NoError(t, err)
	assert.Error(t, otherVerifier.Verify(body, header))
}

// The test vector is from the specification's reference libraries.
func TestSignatureVector(t *testing.T) {
	t.Parallel()
	header := http.Header{}
	webhook.NewSigner(keysOf(t, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")...).Sign(header, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	assert.Equal(t, "1614265330", header.Get("webhook-timestamp"))
	assert.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", header.Get("webhook-signature"))
}

// keysOf decodes secrets like the configuration.
func keysOf(t testing.TB, secrets ...string) [][]byte {
	t.Helper()
	keys := make([][]byte, len(secrets))
	for i, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		require.NoError(t, err)
		keys[i] = key
	}
	return keys
}
