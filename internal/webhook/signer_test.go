package webhook_test

import (
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

func TestSignaturesSatisfyTheReferenceVerifier(t *testing.T) {
	t.Parallel()
	keys, err := webhook.ParseSecrets(secret + ", " + rotated)
	require.NoError(t, err)
	header, body := http.Header{}, []byte(`{"type":"client_webinar_entered"}`)
	webhook.NewSigner(keys...).Sign(header, "msg-1", time.Now(), body)

	assert.Len(t, strings.Fields(header.Get(webhook.HeaderSignature)), 2)
	for _, held := range []string{secret, rotated} {
		receiver, err := standardwebhooks.NewWebhook(held)
		require.NoError(t, err)
		require.NoError(t, receiver.Verify(body, header))
		assert.Error(t, receiver.Verify(append(body, ' '), header), "another body")
	}
	stranger, err := standardwebhooks.NewWebhook("whsec_c3RyYW5nZXJzdHJhbmdlcnN0cmFuZ2Vy")
	require.NoError(t, err)
	assert.Error(t, stranger.Verify(body, header))
}

// The vector of the specification's libraries.
func TestSignatureVector(t *testing.T) {
	t.Parallel()
	keys, err := webhook.ParseSecrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	require.NoError(t, err)
	header := http.Header{}
	webhook.NewSigner(keys...).Sign(header, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	assert.Equal(t, "1614265330", header.Get("webhook-timestamp"))
	assert.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", header.Get("webhook-signature"))
}

func TestBadSecretsAreNamedByPositionAndNeverPrinted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ list, want string }{
		"nothing":       {"", "number 1 of 1 is empty"},
		"trailing":      {secret + ",", "number 2 of 2 is empty"},
		"prefix":        {secret + ",geheim", "number 2 of 2 does not begin with whsec_"},
		"not base64":    {"whsec_geheim!", "number 1 of 1 is not base64 after whsec_"},
		"not padded":    {strings.TrimRight(secret, "="), "number 1 of 1 is not base64 after whsec_"},
		"short":         {"whsec_Z2VoZWlt", "number 1 of 1 has 6 bytes, not 24 to 64"},
		"long":          {"whsec_" + strings.Repeat("Z2VoZWlt", 11), "number 1 of 1 has 66 bytes, not 24 to 64"},
		"only a prefix": {"whsec_", "number 1 of 1 has 0 bytes, not 24 to 64"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := webhook.ParseSecrets(c.list)
			require.ErrorIs(t, err, webhook.ErrSecret)
			assert.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "geheim")
			assert.NotContains(t, err.Error(), "Z2VoZWlt")
		})
	}
}

func FuzzParseSecrets(f *testing.F) {
	for _, seed := range []string{secret, secret + "," + rotated, "", "whsec_", ",", "whsec_geheim"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		keys, err := webhook.ParseSecrets(list)
		if err != nil {
			assert.ErrorIs(t, err, webhook.ErrSecret)
			assert.Less(t, len(err.Error()), 120)
			return
		}
		assert.Len(t, keys, strings.Count(list, ",")+1)
	})
}
