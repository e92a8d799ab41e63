package wordpress

import (
	"math"
	"strconv"
)

// sessionExpiry finds a session in the serialized value of session_tokens and
// returns its last valid second, in Unix time. The error is errNoSession, or
// errSerialized if the value is invalid.
func sessionExpiry(sessionTokens []byte, verifier string) (int64, error) {
	if len(sessionTokens) == 0 {
		return 0, errNoSession
	}
	value, err := unserialize(sessionTokens)
	if err != nil {
		return 0, err
	}
	sessions, _ := value.(map[string]any)
	session, ok := sessions[verifier]
	if !ok {
		return 0, errNoSession
	}
	// Old versions of WordPress stored only the expiration.
	if fields, ok := session.(map[string]any); ok {
		session = fields["expiration"]
	}
	expires, ok := unixSeconds(session)
	if !ok {
		return 0, errNoSession
	}
	return expires, nil
}

// unixSeconds converts a number in any type that PHP plugins store.
func unixSeconds(value any) (int64, bool) {
	switch n := value.(type) {
	case int64:
		return n, true
	case float64:
		return int64(n), math.Abs(n) < 1<<62
	case string:
		seconds, err := strconv.ParseInt(n, 10, 64)
		return seconds, err == nil
	}
	return 0, false
}
