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

// The headers of Standard Webhooks. HeaderID is the id of the event, the same in
// every attempt; HeaderTimestamp is the time of the attempt in Unix seconds.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// Signer signs request bodies with each of its keys, so that during a rotation
// the receiver can verify with either the old secret or the new one.
type Signer struct {
	keys [][]byte
}

// NewSigner returns a signer for the keys of secrets: of `whsec_<base64>`, the
// decoded part.
func NewSigner(keys ...[]byte) *Signer {
	return &Signer{keys: keys}
}

// Sign sets the three headers for an attempt made at the given time.
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
