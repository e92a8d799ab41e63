package contracttest

import (
	"net/http"
	"slices"
	"strings"

	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

const (
	basePath  = "/wp-json/autowebinar/v1" // the document's only server
	namespace = "/autowebinar/v1"
)

// route is a request in the documented form.
type route struct {
	path   string // below the base path, "/enter"; "" if there is none
	method string

	// guessed means that the path is not below the default base path, so that the
	// text before the route may or may not be a base path of the service.
	guessed bool

	template  string // as documented, "/users/{user_id}/enter"; "" if not documented
	operation *v3.Operation
}

// routeOf converts the other forms that the service accepts to the documented
// one: another base path, ?rest_route=, a trailing slash, a method override on
// POST, and HEAD for GET.
func (c *contract) routeOf(req *http.Request) route {
	r := route{method: methodOf(req)}
	r.path, r.guessed = c.pathOf(req)
	if len(r.path) > 1 {
		r.path = strings.TrimSuffix(r.path, "/")
	}
	if template, item := c.match(r.path); item != nil {
		if operation, ok := item.GetOperations().Get(strings.ToLower(r.method)); ok {
			r.template, r.operation = template, operation
		}
	}
	return r
}

// methodOf applies a method override like WordPress: on POST only, and the query
// takes precedence.
func methodOf(req *http.Request) string {
	method := req.Method
	if method == http.MethodPost {
		if m := req.URL.Query().Get("_method"); m != "" {
			method = strings.ToUpper(m)
		} else if m := req.Header.Get("X-HTTP-Method-Override"); m != "" {
			method = strings.ToUpper(m)
		}
	}
	if method == http.MethodHead || method == "" {
		return http.MethodGet
	}
	return method
}

// pathOf returns the path below the base path. The configured base paths are
// not known here. If the path has none of the known forms, the longest suffix
// that is a documented path is used.
func (c *contract) pathOf(req *http.Request) (path string, guessed bool) {
	escaped := req.URL.EscapedPath()
	if restRoute := req.URL.Query().Get("rest_route"); restRoute != "" && isFrontController(escaped) {
		path, _ := cutBase(restRoute, namespace)
		return path, false
	}
	if path, ok := cutBase(escaped, basePath); ok {
		return path, false
	}
	if at := strings.LastIndex(escaped, namespace+"/"); at >= 0 {
		return escaped[at+len(namespace):], true
	}
	for at, char := range escaped {
		if _, item := c.match(strings.TrimSuffix(escaped[at:], "/")); char == '/' && item != nil {
			return escaped[at:], true
		}
	}
	return "", true
}

func isFrontController(path string) bool {
	return strings.HasSuffix(path, "/") || strings.HasSuffix(path, "/index.php")
}

// cutBase returns the rest of path after base, which begins with a slash.
func cutBase(path, base string) (string, bool) {
	rest, ok := strings.CutPrefix(path, base)
	return rest, ok && strings.HasPrefix(rest, "/")
}

// match finds the documented path. As in the route patterns of WordPress, only a
// decimal number matches {user_id}.
func (c *contract) match(path string) (string, *v3.PathItem) {
	segments := strings.Split(path, "/")
	for template, item := range c.model.Paths.PathItems.FromOldest() {
		matches := func(want, got string) bool {
			return want == got || want == "{user_id}" && isUserID(got)
		}
		if slices.EqualFunc(strings.Split(template, "/"), segments, matches) {
			return template, item
		}
	}
	return "", nil
}

func isUserID(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
