package webhook

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Outcome says what an attempt showed, about the message or about the sink.
type Outcome string

// The outcomes of an attempt.
const (
	Accepted    Outcome = "accepted"    // 2xx: the sink has it
	Rejected    Outcome = "rejected"    // other 4xx: the sink is alive and does not want this message
	Unavailable Outcome = "unavailable" // no answer, or one that speaks of the sink: nothing is known of the message
	NoPayload   Outcome = "no_lead"     // no body could be made, for want of a lead id: nothing is known of the sink
	Canceled    Outcome = "canceled"    // our own context ended first: no attempt was made
)

// Answer is the result of one attempt.
type AttemptResult struct {
	Outcome    Outcome
	Status     int           // HTTP status; 0: none
	RetryAfter time.Duration // 0: none asked for
	Duration   time.Duration
	Err        error // why there is no status; holds neither body nor secret
}

const maxRetryAfter = 24 * time.Hour

// classify reads a status. Statuses that come from proxies, limits and wrong
// configuration, 410 among them, are about the sink and not about the message.
func outcomeOf(status int) Outcome {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusRequestTimeout, http.StatusGone,
		http.StatusMisdirectedRequest, http.StatusTooEarly, http.StatusTooManyRequests:
		return Unavailable
	}
	switch status / 100 {
	case 2:
		return Accepted
	case 4:
		return Rejected
	}
	return Unavailable
}

// ParseRetryAfter reads a Retry-After header, whole seconds or an HTTP date, as
// a wait from now. It is 0 for anything else and 24 h at most.
func ParseRetryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if digits := strings.TrimLeft(value, "0123456789"); value != "" && digits == "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > int64(maxRetryAfter/time.Second) {
			return maxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}
