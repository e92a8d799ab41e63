package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
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

// Signer signs bodies with every key it has, so that a receiver may hold the
// old secret or the new one while they are changed.
type Signer struct {
	keys [][]byte
}

// NewSigner returns a signer for the decoded keys of secrets, `whsec_<base64>`.
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
