package contracttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/pb33f/libopenapi-validator/errors"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

const jsonType = "application/json"

// check returns the violations of the contract in an exchange, one per line.
func (c *contract) check(req *http.Request, reqBody []byte, res *http.Response, resBody []byte) []string {
	if isPreflight(req, res, resBody) {
		return nil
	}
	r := c.routeOf(req)
	if r.operation == nil || r.guessed && isNoRoute(res, resBody) {
		return c.checkNoRoute(r, req, res, resBody)
	}
	documented := r.operation.Responses.Codes.GetOrZero(strconv.Itoa(res.StatusCode))
	if documented == nil {
		return []string{fmt.Sprintf("status %d is not documented for %s %s", res.StatusCode, r.method, r.template)}
	}
	c.coverage.add(DocumentedResponse{Path: r.template, Method: r.method, Status: res.StatusCode})

	violations := c.checkResponse(documented, res, resBody, req.Method == http.MethodHead)
	if res.StatusCode/100 == 2 {
		violations = append(violations, c.checkAcceptedRequest(r, req, reqBody)...)
	}
	return violations
}

// checkAcceptedRequest checks a request that the service accepted.
func (c *contract) checkAcceptedRequest(r route, req *http.Request, reqBody []byte) []string {
	const prefix = "the request was accepted, but"
	if r.operation.RequestBody != nil && len(reqBody) > 0 && isEmptyJSON(reqBody) {
		return []string{prefix + " its body is empty"}
	}
	_, errs := c.validator.ValidateHttpRequestSync(documentedRequest(r, req, reqBody))
	return formatErrors(prefix, errs)
}

// isPreflight reports whether the exchange is a CORS preflight, which no operation
// documents.
func isPreflight(req *http.Request, res *http.Response, resBody []byte) bool {
	return req.Method == http.MethodOptions && req.Header.Get("Access-Control-Request-Method") != "" &&
		res.StatusCode == http.StatusNoContent && len(resBody) == 0
}

func isNoRoute(res *http.Response, resBody []byte) bool {
	var body struct {
		Code string `json:"code"`
	}
	return res.StatusCode == http.StatusNotFound &&
		json.Unmarshal(resBody, &body) == nil && body.Code == "rest_no_route"
}

// checkNoRoute checks the response to a request without a documented route.
func (c *contract) checkNoRoute(r route, req *http.Request, res *http.Response, resBody []byte) []string {
	head := req.Method == http.MethodHead
	if res.StatusCode != http.StatusNotFound || !head && !isNoRoute(res, resBody) {
		return []string{fmt.Sprintf("%s %s is not documented, so only 404 rest_no_route is allowed",
			r.method, req.URL.Path)}
	}
	return c.checkResponse(c.noRoute, res, resBody, head)
}

// checkResponse checks headers, media type and, except for HEAD, the body.
func (c *contract) checkResponse(documented *v3.Response, res *http.Response, resBody []byte, head bool) []string {
	violations := c.checkHeaders(documented, res)
	if documented.Content == nil {
		if len(resBody) > 0 {
			violations = append(violations, "a body is not documented")
		}
		return violations
	}
	mediaType, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	content, ok := documented.Content.Get(mediaType)
	switch {
	case !ok:
		return append(violations, fmt.Sprintf("Content-Type %q is not documented", res.Header.Get("Content-Type")))
	case head || mediaType != jsonType:
		return violations
	case isEmptyJSON(resBody):
		return append(violations, "the body is empty")
	}
	_, errs := c.schemas.ValidateSchemaBytes(content.Schema.Schema(), resBody)
	return append(violations, formatErrors("response body", errs)...)
}

// checkHeaders parses the value of a header as a number where the document says
// integer. Elsewhere it is a string: a request id may consist of digits.
func (c *contract) checkHeaders(documented *v3.Response, res *http.Response) []string {
	var violations []string
	for name, header := range documented.Headers.FromOldest() {
		values, schema := res.Header.Values(name), header.Schema.Schema()
		if len(values) == 0 && header.Required {
			violations = append(violations, fmt.Sprintf("the header %s is missing", name))
		}
		for _, value := range values {
			text := strconv.Quote(value)
			if slices.Contains(schema.Type, "integer") && !isEmptyJSON([]byte(value)) {
				text = value
			}
			_, errs := c.schemas.ValidateSchemaString(schema, text)
			violations = append(violations, formatErrors("the header "+name, errs)...)
		}
	}
	return violations
}

// isEmptyJSON reports whether the validator ignores a JSON text as absent.
func isEmptyJSON(body []byte) bool {
	text := string(bytes.TrimSpace(body))
	return text == "" || text == "null"
}

// documentedRequest returns the request in the documented form: with the
// documented path and method, and with the JSON content type if the service
// treats the body as JSON.
func documentedRequest(r route, req *http.Request, reqBody []byte) *http.Request {
	documented := req.Clone(req.Context())
	documented.Method = r.method
	documented.URL = &url.URL{Path: basePath + r.path, RawQuery: req.URL.RawQuery}
	documented.Body = io.NopCloser(bytes.NewReader(reqBody))
	documented.ContentLength = int64(len(reqBody))
	contentType := req.Header.Get("Content-Type")
	mediaType, _, _ := mime.ParseMediaType(contentType)
	switch {
	case len(reqBody) == 0:
		documented.Header.Del("Content-Type")
	case contentType == "", mediaType == "text/plain", mediaType == "application/json",
		mediaType == "application/x-www-form-urlencoded" && bytes.HasPrefix(reqBody, []byte("{")),
		strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json"):
		documented.Header.Set("Content-Type", jsonType)
	}
	return documented
}

// formatErrors flattens the errors of the validator. Errors of a schema name the
// member.
func formatErrors(about string, errs []*errors.ValidationError) []string {
	var out []string
	for _, e := range errs {
		if len(e.SchemaValidationErrors) == 0 {
			out = append(out, fmt.Sprintf("%s: %s: %s", about, e.Message, e.Reason))
		}
		for _, s := range e.SchemaValidationErrors {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s: %s %s", about, s.FieldPath, s.Reason)))
		}
	}
	return out
}
