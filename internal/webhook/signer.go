package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of Standard Webhooks. HeaderID carries the id of the event, the
// same at each attempt; HeaderTimestamp the Unix seconds of the attempt.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

const (
	secretPrefix   = "whsec_"
	minSecretBytes = 24
	maxSecretBytes = 64
)

// ErrSecret is the cause of every error of ParseSecrets.
var ErrSecret = errors.New("webhook: bad signing secret")

// ParseSecrets reads a comma-separated list of secrets, each `whsec_` and the
// base64 of 24 to 64 bytes. Errors name the position and never the secret.
func ParseSecrets(list string) ([][]byte, error) {
	items := strings.Split(list, ",")
	keys := make([][]byte, 0, len(items))
	for i, item := range items {
		key, err := parseSecret(strings.TrimSpace(item))
		if err != nil {
			return nil, fmt.Errorf("%w: number %d of %d %w", ErrSecret, i+1, len(items), err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func parseSecret(item string) ([]byte, error) {
	encoded, found := strings.CutPrefix(item, secretPrefix)
	switch {
	case item == "":
		return nil, errors.New("is empty")
	case !found:
		return nil, errors.New("does not begin with " + secretPrefix)
	}
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return nil, errors.New("is not base64 after " + secretPrefix)
	}
	if len(key) < minSecretBytes || len(key) > maxSecretBytes {
		return nil, fmt.Errorf("has %d bytes, not %d to %d", len(key), minSecretBytes, maxSecretBytes)
	}
	return key, nil
}

// Signer signs bodies with every key it has, so that a receiver may hold the
// old secret or the new one while they are changed.
type Signer struct {
	keys [][]byte
}

// NewSigner returns a signer for decoded keys, as ParseSecrets gives them.
func NewSigner(keys ...[]byte) *Signer {
	return &Signer{keys: keys}
}

// Sign sets the three headers for one attempt at the time at.
func (s *Signer) Sign(header http.Header, id string, at time.Time, body []byte) {
	seconds := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, len(s.keys))
	for i, key := range s.keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + seconds + "."))
		mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	header.Set(HeaderID, id)
	header.Set(HeaderTimestamp, seconds)
	header.Set(HeaderSignature, strings.Join(signatures, " "))
}
