package webhook

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"autowebinar/internal/failpoint"
)

// Outcome classifies the result of an attempt.
type Outcome string

// The outcomes of an attempt. Their values are metric labels.
const (
	Accepted    Outcome = "accepted"    // 2xx: the receiver has the event
	Rejected    Outcome = "rejected"    // other 4xx: the receiver is available but rejects this event
	Unavailable Outcome = "unavailable" // no response, or one that says nothing about the event
	NoPayload   Outcome = "no_lead"     // no body could be built, usually for lack of a lead id; nothing was sent
	Canceled    Outcome = "canceled"    // the caller's context ended first; not counted as an attempt
)

// AttemptResult is the result of one attempt.
type AttemptResult struct {
	Outcome    Outcome
	Status     int           // HTTP status; 0 without a response
	RetryAfter time.Duration // from the response; 0 if it has none
	Duration   time.Duration
	Err        error // set if there is no status; contains neither body nor secret
}

// Reason describes the result in a few words, for operators.
func (a AttemptResult) Reason() string {
	if a.Err != nil {
		return a.Err.Error()
	}
	return fmt.Sprintf("status %d", a.Status)
}

const maxRetryAfter = 24 * time.Hour

// outcomeOf classifies an HTTP status. Statuses that commonly come from proxies,
// rate limits and wrong settings, including 410, concern the receiver rather
// than the event.
func outcomeOf(status int) Outcome {
	if failpoint.Enabled(failpoint.AcceptServerErrors) && status >= http.StatusInternalServerError {
		return Accepted
	}
	switch {
	case status/100 == 2:
		return Accepted
	case status/100 != 4:
		return Unavailable
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusRequestTimeout, http.StatusGone,
		http.StatusMisdirectedRequest, http.StatusTooEarly, http.StatusTooManyRequests:
		return Unavailable
	}
	return Rejected
}

// ParseRetryAfter parses a Retry-After header, in whole seconds or as an HTTP
// date, into a duration from now of at most 24 h. Invalid values give 0.
func ParseRetryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if rest := strings.TrimLeft(value, "0123456789"); value != "" && rest == "" {
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
