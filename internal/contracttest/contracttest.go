// Package contracttest checks the HTTP traffic of tests against api/openapi.yaml.
// A test that uses Transport or Check fails on any response that the document
// does not describe (route, method, status, header, media type or member), and
// on any request that the service accepts with a 2xx although the document
// forbids it.
//
// Requests in one of the other forms that the service accepts are first converted
// to the documented form, see routeOf. Two kinds of response are not part of the
// document's paths: 404 rest_no_route, which is correct only where no route is
// documented, and 204 for a CORS preflight.
package contracttest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Transport returns base with a check of every exchange. A violation fails t and
// does not change the response. A nil base means http.DefaultTransport. An
// exchange that ends in an error is not checked.
func Transport(t testing.TB, base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return transport{t: t, base: base}
}

type transport struct {
	t    testing.TB
	base http.RoundTripper
}

// RoundTrip reads both bodies completely before it returns.
func (tr transport) RoundTrip(req *http.Request) (*http.Response, error) {
	tr.t.Helper()
	reqBody, sent, err := buffer(req)
	if err != nil {
		return nil, err
	}
	res, err := tr.base.RoundTrip(sent)
	if err != nil {
		return nil, err
	}
	resBody, err := io.ReadAll(res.Body)
	if closeErr := res.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("contracttest: read the response: %w", err)
	}
	res.Body = io.NopCloser(bytes.NewReader(resBody))
	Check(tr.t, req, reqBody, res, resBody)
	return res, nil
}

// buffer reads the body of req and returns a copy of the request that sends it,
// because a RoundTripper must not change its argument.
func buffer(req *http.Request) ([]byte, *http.Request, error) {
	if req.Body == nil {
		return nil, req, nil
	}
	body, err := io.ReadAll(req.Body)
	if closeErr := req.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, nil, fmt.Errorf("contracttest: read the request: %w", err)
	}
	sent := req.Clone(req.Context())
	sent.Body, sent.GetBody = nil, nil
	if len(body) > 0 {
		sent.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		sent.Body, _ = sent.GetBody()
	}
	return body, sent, nil
}

// Check fails t if the exchange violates the contract. It uses reqBody and resBody
// instead of the bodies of req and res, which may have been read.
func Check(t testing.TB, req *http.Request, reqBody []byte, res *http.Response, resBody []byte) {
	t.Helper()
	c, err := loadContract()
	if err != nil {
		t.Errorf("contracttest: %v", err)
		return
	}
	if violations := c.check(req, reqBody, res, resBody); len(violations) > 0 {
		t.Errorf("contract violated: %s %s responded %d\n\t%s\nrequest:  %s\nresponse: %s",
			req.Method, req.URL, res.StatusCode, strings.Join(violations, "\n\t"), truncate(reqBody), truncate(resBody))
	}
}

func truncate(body []byte) string {
	const limit = 1000
	if len(body) > limit {
		return fmt.Sprintf("%s… (%d bytes)", body[:limit], len(body))
	}
	return string(body)
}
