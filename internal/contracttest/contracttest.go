// Package contracttest holds a test's HTTP traffic to api/openapi.yaml. It
// promises that a test which goes through Transport or Check fails on any
// answer that the document does not describe (route, method, status, header,
// media type or member), and on any request that the service took with a 2xx
// though the document forbids it.
//
// What the service accepts as another way of saying the same thing is put into
// the documented form first: see routeOf. Two kinds of answer stand outside the
// document's paths: 404 rest_no_route, which is right only where no route is
// documented, and the 204 to a CORS preflight.
package contracttest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Transport returns base with every exchange checked against the contract. A
// breach fails t and leaves the answer as it is. A nil base means
// http.DefaultTransport. An exchange that ends in an error is not checked.
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

// RoundTrip reads both bodies whole, so the caller never sees a partial answer.
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
		return nil, fmt.Errorf("contracttest: read the answer: %w", err)
	}
	res.Body = io.NopCloser(bytes.NewReader(resBody))
	Check(tr.t, req, reqBody, res, resBody)
	return res, nil
}

// buffer reads the body of req and returns a request that sends it; a
// RoundTripper must not change the one it was given.
func buffer(req *http.Request) ([]byte, *http.Request, error) {
	if req.Body == nil || req.Body == http.NoBody {
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
	sent.Body = io.NopCloser(bytes.NewReader(body))
	sent.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return body, sent, nil
}

// Check fails t if the exchange breaks the contract. The bodies are given
// beside the request and the answer, which may have been read; neither is
// changed.
func Check(t testing.TB, req *http.Request, reqBody []byte, res *http.Response, resBody []byte) {
	t.Helper()
	c, err := loadContract()
	if err != nil {
		t.Errorf("contracttest: %v", err)
		return
	}
	if breaches := c.check(req, reqBody, res, resBody); len(breaches) > 0 {
		t.Errorf("contract broken: %s %s answered %d\n\t%s\nrequest:  %s\nresponse: %s",
			req.Method, req.URL, res.StatusCode, strings.Join(breaches, "\n\t"), truncate(reqBody), truncate(resBody))
	}
}

func truncate(body []byte) string {
	const most = 1000
	if len(body) > most {
		return fmt.Sprintf("%s… (%d bytes)", body[:most], len(body))
	}
	return string(body)
}
