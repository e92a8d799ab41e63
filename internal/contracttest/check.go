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

// check returns what is wrong with the exchange, one line each.
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

	breaches := c.checkResponse(documented, res, resBody, req.Method == http.MethodHead)
	if res.StatusCode/100 == 2 {
		breaches = append(breaches, c.checkAcceptedRequest(r, req, reqBody)...)
	}
	return breaches
}

// checkAcceptedRequest checks a request that the service took.
func (c *contract) checkAcceptedRequest(r route, req *http.Request, reqBody []byte) []string {
	const prefix = "the request was accepted, but"
	if r.operation.RequestBody != nil && len(reqBody) > 0 && isEmptyJSON(reqBody) {
		return []string{prefix + " its body says nothing"}
	}
	_, errs := c.validator.ValidateHttpRequestSync(documentedRequest(r, req, reqBody))
	return formatErrors(prefix, errs)
}

// isPreflight tells the answer to a CORS preflight, which browsers ask and no
// operation documents.
func isPreflight(req *http.Request, res *http.Response, resBody []byte) bool {
	return req.Method == http.MethodOptions && req.Header.Get("Access-Control-Request-Method") != "" &&
		res.StatusCode == http.StatusNoContent && len(resBody) == 0
}

func isNoRoute(res *http.Response, resBody []byte) bool {
	var answer struct {
		Code string `json:"code"`
	}
	return res.StatusCode == http.StatusNotFound &&
		json.Unmarshal(resBody, &answer) == nil && answer.Code == "rest_no_route"
}

// checkNoRoute checks the answer where no route is documented.
func (c *contract) checkNoRoute(r route, req *http.Request, res *http.Response, resBody []byte) []string {
	head := req.Method == http.MethodHead
	if res.StatusCode != http.StatusNotFound || !head && !isNoRoute(res, resBody) {
		return []string{fmt.Sprintf("%s %s is not documented, so only 404 rest_no_route may be the answer",
			r.method, req.URL.Path)}
	}
	return c.checkResponse(c.noRoute, res, resBody, head)
}

// checkResponse checks headers, media type and body. Only the body is left out
// for HEAD, which has none.
func (c *contract) checkResponse(documented *v3.Response, res *http.Response, resBody []byte, head bool) []string {
	breaches := c.checkHeaders(documented, res)
	if documented.Content == nil {
		if len(resBody) > 0 {
			breaches = append(breaches, "a body is not documented")
		}
		return breaches
	}
	mediaType, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	content, ok := documented.Content.Get(mediaType)
	switch {
	case !ok:
		return append(breaches, fmt.Sprintf("Content-Type %q is not documented", res.Header.Get("Content-Type")))
	case head || mediaType != jsonType:
		return breaches
	case isEmptyJSON(resBody):
		return append(breaches, "the body is empty")
	}
	_, errs := c.schemas.ValidateSchemaBytes(content.Schema.Schema(), resBody)
	return append(breaches, formatErrors("the answer's body", errs)...)
}

// checkHeaders reads a header's value as JSON where a number is documented, and
// as text elsewhere: an id of digits alone is still text.
func (c *contract) checkHeaders(documented *v3.Response, res *http.Response) []string {
	var breaches []string
	for name, header := range documented.Headers.FromOldest() {
		values, schema := res.Header.Values(name), header.Schema.Schema()
		if len(values) == 0 && header.Required {
			breaches = append(breaches, fmt.Sprintf("the header %s is missing", name))
		}
		for _, value := range values {
			text := strconv.Quote(value)
			if slices.Contains(schema.Type, "integer") && !isEmptyJSON([]byte(value)) {
				text = value
			}
			_, errs := c.schemas.ValidateSchemaString(schema, text)
			breaches = append(breaches, formatErrors("the header "+name, errs)...)
		}
	}
	return breaches
}

// isEmptyJSON is true of bodies that the validator would pass over unread.
func isEmptyJSON(body []byte) bool {
	text := string(bytes.TrimSpace(body))
	return text == "" || text == "null"
}

// documentedRequest returns the request as the document has it: its own path and
// method, and JSON said to be JSON.
func documentedRequest(r route, req *http.Request, reqBody []byte) *http.Request {
	plain := req.Clone(req.Context())
	plain.Method = r.method
	plain.URL = &url.URL{Path: basePath + r.path, RawQuery: req.URL.RawQuery}
	plain.Body = io.NopCloser(bytes.NewReader(reqBody))
	plain.ContentLength = int64(len(reqBody))
	contentType := req.Header.Get("Content-Type")
	mediaType, _, _ := mime.ParseMediaType(contentType)
	switch {
	case len(reqBody) == 0:
		plain.Header.Del("Content-Type")
	case contentType == "", mediaType == "text/plain", mediaType == "application/json",
		mediaType == "application/x-www-form-urlencoded" && bytes.HasPrefix(reqBody, []byte("{")),
		strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json"):
		plain.Header.Set("Content-Type", jsonType)
	}
	return plain
}

// formatErrors flattens the validator's findings; those of a schema name the member.
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
