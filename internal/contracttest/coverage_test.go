package contracttest

import (
	"cmp"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/api"
)

// newTestContract returns a contract without coverage.
func newTestContract(t *testing.T) *contract {
	t.Helper()
	source, err := api.Files.ReadFile("openapi.yaml")
	require.NoError(t, err)
	c, err := newContract(source)
	require.NoError(t, err)
	return c
}

func TestCoverageCountsDocumentedResponses(t *testing.T) {
	t.Parallel()
	c := newTestContract(t)
	before := c.uncovered()
	assert.Contains(t, before, DocumentedResponse{Path: "/users/{user_id}/enter", Method: "POST", Status: 201})
	assert.Contains(t, before, DocumentedResponse{Path: "/session", Method: "GET", Status: 404})
	assert.NotContains(t, before, DocumentedResponse{Path: "/session", Method: "GET", Status: 201})

	res := &http.Response{StatusCode: 201, Header: http.Header{}}
	c.check(httptest.NewRequest(http.MethodPost, "/blog/wp-json/autowebinar/v1/users/7/enter/", nil), nil, res, nil)
	assert.Len(t, c.uncovered(), len(before)-1)
	assert.NotContains(t, c.uncovered(), DocumentedResponse{Path: "/users/{user_id}/enter", Method: "POST", Status: 201})

	res.StatusCode = 418
	c.check(httptest.NewRequest(http.MethodPost, "/wp-json/autowebinar/v1/enter", nil), nil, res, nil)
	assert.Len(t, c.uncovered(), len(before)-1, "an undocumented status covers nothing")
}

func TestUncoveredIsSorted(t *testing.T) {
	t.Parallel()
	report := Uncovered()
	require.NotEmpty(t, report)
	assert.Equal(t, "GET /openapi.yaml 200", DocumentedResponse{Path: "/openapi.yaml", Method: "GET", Status: 200}.String())
	assert.True(t, slices.IsSortedFunc(report, func(a, b DocumentedResponse) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method), cmp.Compare(a.Status, b.Status))
	}))
}

func TestBrokenDocumentsAreRejected(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{
		"not YAML":       "\t:",
		"not OpenAPI":    "a: 1",
		"without routes": "openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths: {}\ncomponents: {responses: {}}\n",
	} {
		_, err := newContract([]byte(source))
		assert.Error(t, err, name)
	}
}

func BenchmarkCheck(b *testing.B) {
	c, err := loadContract()
	require.NoError(b, err)
	req := httptest.NewRequest(http.MethodPost, base+"/progress", nil)
	req.Header.Set("Content-Type", "application/json")
	res := &http.Response{StatusCode: 200, Header: http.Header{
		"Content-Type": {"application/json"}, "X-Request-Id": {"r-1"},
	}}
	for b.Loop() {
		require.Empty(b, c.check(req, []byte(report), res, []byte(session())))
	}
}
