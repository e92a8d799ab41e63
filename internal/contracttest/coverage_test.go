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

// ownContract is a contract that has seen nothing yet.
func ownContract(t *testing.T) *contract {
	t.Helper()
	source, err := api.Files.ReadFile("openapi.yaml")
	require.NoError(t, err)
	c, err := newContract(source)
	require.NoError(t, err)
	return c
}

func TestCoverageCountsDocumentedAnswers(t *testing.T) {
	t.Parallel()
	c := ownContract(t)
	before := c.unseen()
	assert.Contains(t, before, Answer{Path: "/users/{user_id}/enter", Method: "POST", Status: 201})
	assert.Contains(t, before, Answer{Path: "/session", Method: "GET", Status: 404})
	assert.NotContains(t, before, Answer{Path: "/session", Method: "GET", Status: 201})

	res := &http.Response{StatusCode: 201, Header: http.Header{}}
	c.check(httptest.NewRequest(http.MethodPost, "/blog/wp-json/autowebinar/v1/users/7/enter/", nil), nil, res, nil)
	assert.Len(t, c.unseen(), len(before)-1)
	assert.NotContains(t, c.unseen(), Answer{Path: "/users/{user_id}/enter", Method: "POST", Status: 201})

	res.StatusCode = 418
	c.check(httptest.NewRequest(http.MethodPost, "/wp-json/autowebinar/v1/enter", nil), nil, res, nil)
	assert.Len(t, c.unseen(), len(before)-1, "what is not documented covers nothing")
}

func TestReportIsSorted(t *testing.T) {
	t.Parallel()
	report := Report()
	require.NotEmpty(t, report)
	assert.Equal(t, "GET /openapi.yaml 200", Answer{Path: "/openapi.yaml", Method: "GET", Status: 200}.String())
	assert.True(t, slices.IsSortedFunc(report, func(a, b Answer) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method), cmp.Compare(a.Status, b.Status))
	}))
}

func TestBrokenDocumentsAreRefused(t *testing.T) {
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
