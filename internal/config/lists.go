package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"autowebinar/internal/webinar"
)

// parseList splits text at commas, trims spaces around the items and parses
// each. Empty items are errors, because a value is probably missing. Errors
// number the items from 1.
func parseList[T any](text string, parse func(string) (T, error)) ([]T, error) {
	var list []T
	for i, item := range strings.Split(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			return nil, fmt.Errorf("item %d is empty", i+1)
		}
		v, err := parse(item)
		if err != nil {
			return nil, fmt.Errorf("item %d %w", i+1, err)
		}
		list = append(list, v)
	}
	return list, nil
}

// parseSet is parseList for items that must be unique.
func parseSet[T any](text string, parse func(string) (T, error)) ([]T, error) {
	list, err := parseList(text, parse)
	if err != nil {
		return nil, err
	}
	for i, v := range list {
		if slices.ContainsFunc(list[:i], func(earlier T) bool { return reflect.DeepEqual(v, earlier) }) {
			return nil, fmt.Errorf("item %d repeats an earlier one", i+1)
		}
	}
	return list, nil
}

func parseBasePaths(text string) ([]string, error) {
	// A router may treat other characters as patterns.
	pattern := regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)
	return parseSet(text, func(path string) (string, error) {
		segments := strings.Split(path, "/")
		if !pattern.MatchString(path) || slices.Contains(segments, "..") || slices.Contains(segments, ".") {
			return "", errors.New("must be a path such as /wp-json/autowebinar/v1, without a slash at the end and without . or .. segments")
		}
		return path, nil
	})
}

// parseOrigins returns origins as browsers send them: in lower case and without
// the default port of the scheme.
func parseOrigins(text string) ([]string, error) {
	return parseSet(text, func(item string) (string, error) {
		errForm := errors.New("must be an http or https origin, scheme://host or scheme://host:port, without a path")
		scheme, host, found := strings.Cut(strings.ToLower(item), "://")
		u, err := url.Parse(scheme + "://" + host)
		if !found || err != nil || scheme != "http" && scheme != "https" || u.Host != host || !validPort(u) {
			return "", errForm
		}
		if _, err := netip.ParseAddr(u.Hostname()); err != nil && !isHostname(u.Hostname()) {
			return "", errForm
		}
		if scheme == "http" && u.Port() == "80" || scheme == "https" && u.Port() == "443" {
			host = strings.TrimSuffix(host, ":"+u.Port())
		}
		return scheme + "://" + host, nil
	})
}

// parseProxies returns masked prefixes. IPv4-mapped IPv6 becomes IPv4, because
// addresses of peers are compared in that form.
func parseProxies(text string) ([]netip.Prefix, error) {
	return parseSet(text, func(item string) (netip.Prefix, error) {
		prefix, err := netip.ParsePrefix(item)
		if addr, addrErr := netip.ParseAddr(item); addrErr == nil && addr.Zone() == "" {
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return netip.Prefix{}, errors.New("must be an address or a CIDR block, such as 10.0.0.0/8")
		}
		if prefix.Addr().Is4In6() && prefix.Bits() >= 96 {
			prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
		}
		return prefix.Masked(), nil
	})
}

// parseRate parses "rate,burst", or "0" for no limit.
func parseRate(text string) (Rate, error) {
	if text == "0" {
		return Rate{}, nil
	}
	perSecond, burst, _ := strings.Cut(text, ",")
	rate, errRate := strconv.ParseFloat(strings.TrimSpace(perSecond), 64)
	n, errBurst := parseDigits(strings.TrimSpace(burst), 1, 1_000_000)
	if errRate != nil || errBurst != nil || !(rate >= 0.001 && rate <= 1_000_000) {
		return Rate{}, errors.New("must be a rate per second from 0.001 to 1000000 and a burst from 1 to 1000000, such as 50,300, or 0 for no limit")
	}
	return Rate{PerSecond: rate, Burst: int(n)}, nil
}

func parseRetry(text string) ([]time.Duration, error) {
	delays, err := parseList(text, func(item string) (time.Duration, error) {
		delay, err := time.ParseDuration(item)
		if err != nil || delay <= 0 || delay > 7*24*time.Hour {
			return 0, errors.New("must be a duration above 0 and at most 168h, such as 30s")
		}
		return delay, nil
	})
	if len(delays) > 100 {
		return nil, errors.New("must have at most 100 items")
	}
	return delays, err
}

// parseWebinars parses "id=seconds,…".
func parseWebinars(text string) (map[webinar.ID]int64, error) {
	webinars := map[webinar.ID]int64{}
	_, err := parseSet(text, func(item string) (string, error) {
		id, duration, _ := strings.Cut(item, "=")
		id, duration = strings.TrimSpace(id), strings.TrimSpace(duration)
		if !webinar.IDPattern.MatchString(id) {
			return "", errors.New("must be id=seconds with an id that matches " + webinar.IDPattern.String())
		}
		seconds, err := parseDigits(duration, 1, webinar.MaxSeconds)
		if err != nil {
			return "", errors.New("must be id=seconds with 1 to " + strconv.Itoa(webinar.MaxSeconds) + " seconds")
		}
		webinars[webinar.ID(id)] = seconds
		return id, nil
	})
	return webinars, err
}

func parseServiceKeys(text string) ([]string, error) {
	// The characters of a bearer token; clients cannot send others.
	pattern := regexp.MustCompile(`^[A-Za-z0-9._~+/=-]{16,}$`)
	return parseSet(text, func(key string) (string, error) {
		if !pattern.MatchString(key) {
			return "", errors.New("must be at least 16 characters long: letters, digits and ._~+/=- only")
		}
		return key, nil
	})
}

func parseWebhookSecrets(text string) ([][]byte, error) {
	return parseSet(text, func(item string) ([]byte, error) {
		encoded, found := strings.CutPrefix(item, "whsec_")
		key, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if !found || err != nil || len(key) < 24 || len(key) > 64 {
			return nil, errors.New("must be whsec_ followed by the base64 of 24 to 64 bytes")
		}
		return key, nil
	})
}
