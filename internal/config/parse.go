package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

func parseListen(text string) (string, error) {
	errForm := errors.New("must be host:port or :port with a port from 0 to 65535")
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", errForm
	}
	if _, err := parseDigits(port, 0, math.MaxUint16); err != nil {
		return "", errForm
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && !isHostname(host) {
		return "", errForm
	}
	return text, nil
}

func isHostname(host string) bool {
	return len(host) <= 253 && regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?$`).MatchString(host)
}

// parseDigits parses a number of decimal digits, without sign and spaces.
func parseDigits(text string, low, high int64) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strings.TrimLeft(text, "0123456789") != "" || n < low || n > high {
		return 0, fmt.Errorf("must be a whole number from %d to %d", low, high)
	}
	return n, nil
}

func parseHeartbeat(text string) (int64, error) { return parseDigits(text, 1, 300) }

// parsePlaybackRate rejects rates between 0 and 1, which would clamp viewers at
// normal speed.
func parsePlaybackRate(text string) (float64, error) {
	rate, err := strconv.ParseFloat(text, 64)
	if err != nil || rate != 0 && !(rate >= 1 && rate <= 16) {
		return 0, errors.New("must be a number from 1 to 16, or 0 to disable the check")
	}
	return math.Abs(rate), nil // "-0" is 0
}

func parseLevel(text string) (slog.Level, error) {
	var level slog.Level
	// UnmarshalText also reads levels such as "info+2".
	if err := level.UnmarshalText([]byte(text)); err != nil || strings.ContainsAny(text, "+-") {
		return 0, errors.New("must be debug, info, warn or error")
	}
	return level, nil
}

func oneOf[T ~string](allowed ...T) func(string) (T, error) {
	return func(text string) (T, error) {
		if slices.Contains(allowed, T(text)) {
			return T(text), nil
		}
		return "", fmt.Errorf("must be one of %s", strings.Join(toStrings(allowed), ", "))
	}
}

// parseNonceLife requires an even number of seconds, because a nonce's tick is
// half of its life.
func parseNonceLife(text string) (time.Duration, error) {
	life, err := time.ParseDuration(text)
	if seconds, digitsErr := parseDigits(text, 0, math.MaxInt32); digitsErr == nil {
		life, err = time.Duration(seconds)*time.Second, nil
	}
	if err != nil || life < time.Minute || life > 365*24*time.Hour || life%(2*time.Second) != 0 {
		return 0, errors.New("must be an even number of seconds from 1m to 8760h, as a duration or in seconds")
	}
	return life, nil
}

func parseJWTSecret(text string) ([]byte, error) {
	if len(text) < 32 {
		return nil, errors.New("must be at least 32 bytes long")
	}
	return []byte(text), nil
}

func parseCookieName(text string) (string, error) {
	if !regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,255}$").MatchString(text) {
		return "", errors.New("must be a cookie name: letters, digits and !#$%&'*+.^_`|~- only")
	}
	return text, nil
}

// parseMetaKey rejects the keys of this service, because the lead id belongs to
// the CRM.
func parseMetaKey(text string) (string, error) {
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > 255 || strings.ContainsFunc(text, unicode.IsControl) {
		return "", errors.New("must be a meta key of at most 255 characters without control characters")
	}
	if strings.TrimSpace(text) != text {
		return "", errors.New("must not begin or end with white space")
	}
	if strings.HasPrefix(strings.ToLower(text), "autowebinar_") {
		return "", errors.New("must not be an autowebinar_ key, which belongs to this service")
	}
	return text, nil
}

func parseTable(text string) (string, error) {
	if !regexp.MustCompile(`^[A-Za-z0-9_$]{1,64}$`).MatchString(text) {
		return "", errors.New("must be a plain table name: 1 to 64 letters, digits, _ and $")
	}
	return text, nil
}

// parseWebhookURL returns nil for "off".
func parseWebhookURL(text string) (*url.URL, error) {
	if text == "off" {
		return nil, nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("must be an http or https URL, or off")
	case u.User != nil:
		return nil, errors.New("must not contain a user name or password; receivers verify the signature instead")
	case u.Hostname() == "" || u.Opaque != "" || !validPort(u):
		return nil, errors.New("must contain a host and, if it contains a port, one from 1 to 65535")
	case u.Fragment != "" || strings.HasSuffix(text, "#"):
		return nil, errors.New("must not contain a fragment, which would not be sent")
	}
	return u, nil
}

func validPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	_, err := parseDigits(u.Port(), 1, math.MaxUint16)
	return err == nil
}
