package httpapi_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// chunked sends a body without its length.
func chunked(r *http.Request) {
	if r.Body != nil {
		r.Body, r.ContentLength = struct{ io.ReadCloser }{r.Body}, -1
	}
}

func withLength(r *http.Request) {}

// padded returns a body of exactly size bytes.
func padded(start string, size int) string {
	return start + `,"pad":"` + strings.Repeat("x", size-len(start)-len(`,"pad":""}`)) + `"}`
}

func TestBodySizeLimits(t *testing.T) {
	t.Parallel()
	const small, large = 16 << 10, 64 << 10
	for name, framing := range map[string]requestOption{"with a length": withLength, "chunked": chunked} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			s.db.SetMeta(t, 7, leadKey, "L-1")
			s.enter(t, anna(), "intro")
			for _, tt := range []struct {
				route, start string
				limit        int
			}{
				{"/enter", `{"webinar_id":"intro"`, small},
				{"/progress", `{"webinar_id":"intro","position_sec":1`, small},
				{"/exit", `{"webinar_id":"intro"`, small},
				{"/resume", `{"webinar_id":"intro"`, small},
				{"/cta", `{"webinar_id":"intro"`, small},
				{"/register", `{"webinar_id":"intro","source":"s"`, small},
				{"/attendance", `{"user_ids":[7]`, large},
				{"/form", `{"webinar_id":"intro","form_id":"f","form_payload":{}`, large},
			} {
				who, prefix := asService(), "/users/7"
				if tt.route == "/attendance" {
					prefix = ""
				}
				res := s.call(t, "POST", prefix+tt.route, padded(tt.start, tt.limit), who, framing)
				assert.Less(t, res.status, 300, "%s: %s", tt.route, res.raw)
				for _, excess := range []int{1, 1 << 20} {
					res = s.call(t, "POST", prefix+tt.route, padded(tt.start, tt.limit+excess), who, framing)
					res.assertError(t, "413 autowebinar_body_too_large")
				}
			}
		})
	}
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.enter(t, anna(), "intro")
	for mediaType, want := range map[string]string{
		"application/json":                   "200",
		"application/json; charset=utf-8":    "200",
		"Application/JSON;charset=\"UTF-8\"": "200",
		"application/vnd.api+json":           "200",
		"text/plain":                         "200",
		"text/plain;charset=UTF-8":           "200",
		"application/x-www-form-urlencoded":  "200", // curl's type for any body
		"multipart/form-data; boundary=x":    "415 autowebinar_unsupported_media_type",
		"text/html":                          "415 autowebinar_unsupported_media_type",
		"text/json+json":                     "415 autowebinar_unsupported_media_type",
		"application/octet-stream":           "415 autowebinar_unsupported_media_type",
		"application/xml":                    "415 autowebinar_unsupported_media_type",
		"json":                               "415 autowebinar_unsupported_media_type",
		"application/json; charset":          "200",
		"application/json, application/json": "415 autowebinar_unsupported_media_type",
	} {
		res := s.call(t, "POST", "/enter", `{"webinar_id":"intro"}`, page(anna()), header("Content-Type", mediaType))
		assert.Equal(t, want, res.summary(), mediaType)
	}
	res := s.call(t, "GET", "/session", "ignored", page(anna()), header("Content-Type", "text/html"))
	assert.Equal(t, 200, res.status, "a GET has no body")
	res = s.call(t, "POST", "/enter", "webinar_id=intro", page(anna()), header("Content-Type", "application/x-www-form-urlencoded"))
	res.assertError(t, "415 autowebinar_unsupported_media_type")
}

func TestBodyWithoutContentType(t *testing.T) {
	t.Parallel()
	s := setup(t)
	// Not in the contract: browsers always send a type.
	untyped := func(r *http.Request) { r.Header.Del("Content-Type") }
	res := s.sendThrough(t, s.server.Client().Transport, "POST", base+"/users/7/enter", `{"webinar_id":"intro"}`, asService(), untyped)
	assert.Equal(t, 201, res.status)
}

func TestResponsesArePrivateJSON(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, res := range []response{
		s.call(t, "POST", "/enter", `{"webinar_id":"intro"}`, page(anna())),
		s.call(t, "POST", "/enter", `{}`, page(anna())),
		s.call(t, "GET", "/session", ""),
		s.call(t, "GET", "/nowhere", ""),
	} {
		assert.Equal(t, "application/json; charset=UTF-8", res.header.Get("Content-Type"))
		assert.Equal(t, "nosniff", res.header.Get("X-Content-Type-Options"))
		assert.Equal(t, "noindex", res.header.Get("X-Robots-Tag"))
		assert.Contains(t, res.header.Get("Cache-Control"), "no-store")
		assert.Contains(t, res.header.Get("Cache-Control"), "private")
		assert.Equal(t, "Origin", res.header.Get("Vary"))
		assert.NotEmpty(t, res.header.Get("X-Request-Id"))
	}
}
