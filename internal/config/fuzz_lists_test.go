package config

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/webinar"
)

// fuzzList checks that a parser never panics, that its results satisfy check, and
// that parsing a formatted result returns the same value.
func fuzzList[T any](f *testing.F, parse func(string) (T, error), format func(T) string, check func(*testing.T, T), seeds ...string) {
	for _, seed := range append(seeds, "", ",", " , ", "\x00", "\xff,\xff") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		value, err := parse(text)
		if err != nil {
			return
		}
		check(t, value)
		again, err := parse(format(value))
		require.NoError(t, err)
		assert.Equal(t, value, again)
	})
}

func joinCommas[T any](list []T) string {
	items := make([]string, len(list))
	for i, v := range list {
		items[i] = fmt.Sprint(v)
	}
	return strings.Join(items, ",")
}

func FuzzBasePaths(f *testing.F) {
	fuzzList(f, parseBasePaths, joinCommas, func(t *testing.T, paths []string) {
		for _, p := range paths {
			u, err := url.Parse(p)
			require.NoError(t, err)
			assert.Equal(t, p, u.EscapedPath())
			assert.Equal(t, p, u.JoinPath().Path, "the path is clean")
			assert.True(t, strings.HasPrefix(p, "/") && !strings.HasSuffix(p, "/"))
		}
	}, "/wp-json/autowebinar/v1", "/a, /b", "/a/../b", "/", "/./a", "//")
}

func FuzzOrigins(f *testing.F) {
	fuzzList(f, parseOrigins, joinCommas, func(t *testing.T, origins []string) {
		for _, o := range origins {
			u, err := url.Parse(o)
			require.NoError(t, err)
			assert.Equal(t, o, u.Scheme+"://"+u.Host)
			assert.Equal(t, strings.ToLower(o), o)
			assert.NotContains(t, o, "*")
		}
	}, "https://app.example", "http://[::1]:3000", "https://A:443,http://a:80", "https://u@a", "https://a/?", "null", "*")
}

func FuzzProxies(f *testing.F) {
	fuzzList(f, parseProxies, joinCommas, func(t *testing.T, prefixes []netip.Prefix) {
		for _, p := range prefixes {
			assert.True(t, p.IsValid())
			assert.Equal(t, p.Masked(), p)
		}
	}, "10.0.0.0/8", "::1,192.0.2.1", "::ffff:10.0.0.1/100", "::ffff:10.0.0.0/90", "fe80::1%eth0", "10.0.0.0/33")
}

func FuzzRate(f *testing.F) {
	fuzzList(f, parseRate, Rate.String, func(t *testing.T, r Rate) {
		if r != (Rate{}) {
			assert.Greater(t, r.PerSecond, 0.0)
			assert.GreaterOrEqual(t, r.Burst, 1)
		}
	}, "50,300", "0", "0.5, 3", "1e3,1", "NaN,1", "Inf,1", "-1,1", "1,-1", "1")
}

func FuzzRetry(f *testing.F) {
	fuzzList(f, parseRetry, joinCommas, func(t *testing.T, delays []time.Duration) {
		assert.NotEmpty(t, delays)
		assert.Greater(t, slices.Min(delays), time.Duration(0))
		assert.LessOrEqual(t, slices.Max(delays), 7*24*time.Hour)
	}, "5s,30s,2m", "1ns", "168h", "0s", "-1s", "5")
}

func FuzzWebinars(f *testing.F) {
	format := func(webinars map[webinar.ID]int64) string {
		var items []string
		for _, id := range slices.Sorted(maps.Keys(webinars)) {
			items = append(items, fmt.Sprintf("%s=%d", id, webinars[id]))
		}
		return strings.Join(items, ",")
	}
	fuzzList(f, parseWebinars, format, func(t *testing.T, webinars map[webinar.ID]int64) {
		for id, seconds := range webinars {
			assert.Regexp(t, webinar.IDPattern, string(id))
			assert.True(t, seconds >= 1 && seconds <= webinar.MaxSeconds)
		}
	}, "intro=3600,pro=5400", "a = 1", "a=1,a=2", "=1", "a=", "a=1=2", "a=+1", "A=1", "a\n=1")
}

func FuzzServiceKeys(f *testing.F) {
	fuzzList(f, parseServiceKeys, joinCommas, func(t *testing.T, keys []string) {
		for _, k := range keys {
			assert.GreaterOrEqual(t, len(k), 16)
			assert.Equal(t, strings.Join(strings.Fields(k), ""), k)
		}
	}, "0123456789abcdef", "0123456789abcdef, fedcba9876543210", "short", "0123456789abcde\n")
}

func FuzzWebhookSecrets(f *testing.F) {
	format := func(keys [][]byte) string {
		items := make([]string, len(keys))
		for i, k := range keys {
			items[i] = "whsec_" + base64.StdEncoding.EncodeToString(k)
		}
		return strings.Join(items, ",")
	}
	fuzzList(f, parseWebhookSecrets, format, func(t *testing.T, keys [][]byte) {
		for _, k := range keys {
			assert.True(t, len(k) >= 24 && len(k) <= 64)
		}
	}, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "whsec_", "whsec_AAAA", "AAAA", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
}
