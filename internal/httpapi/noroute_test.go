package httpapi_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, target := range []string{
		"/", "/enter", "/wp-json", "/wp-json/", base, base + "/", base + "/nothing", base + "/enter/more", base + "/users/7",
		base + "/users", base + "/users/7/attendance", base + "/users/7/openapi.yaml", base + "/ENTER", "/WP-JSON/autowebinar/v1/enter",
		"/wp-json/autowebinar/v2/enter", "/wp-json//autowebinar/v1/enter", "//wp-json/autowebinar/v1/enter", base + "//enter",
		base + "/enter//", base + "/users//enter", base + "/%65nter", base + "%2Fenter", base + "/enter%2F", base + "/enter%20",
		base + "/../v1/enter", base + "/./enter", base + "/enter;x=1", base + "/enter.json", "/?rest_route=/wp/v2/users",
		"/?rest_route=/autowebinar/v1", "/?rest_route=/autowebinar/v1/", "/?rest_route=/autowebinar/v1/nothing",
		"/?rest_route=/AUTOWEBINAR/v1/enter", "/?rest_route=autowebinar/v1/enter", "/?rest_route=//autowebinar/v1/enter",
		"/other.php?rest_route=/autowebinar/v1/enter", "/page?rest_route=/autowebinar/v1/enter", "/?route=/autowebinar/v1/enter",
	} {
		for _, who := range []requestOption{asService(), page(anna()), anonymous} {
			res := s.send(t, "POST", target, `{"webinar_id":"intro"}`, who)
			assert.Equal(t, "404 rest_no_route", res.summary(), target)
			assert.Equal(t, map[string]any{"status": 404.}, res.data(), target)
		}
	}
	assert.NotContains(t, s.db.Meta(t, 7), "autowebinar_session_id")
}

func TestUnknownMethods(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for target, methods := range map[string][]string{
		base + "/enter":            {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"},
		base + "/users/7/progress": {"GET", "PUT", "OPTIONS"},
		base + "/attendance":       {"GET", "DELETE"},
		base + "/session":          {"POST", "PUT", "DELETE", "OPTIONS"},
		base + "/openapi.yaml":     {"POST", "DELETE", "OPTIONS"},
		base + "/player.js":        {"POST"},
	} {
		for _, method := range methods {
			res := s.send(t, method, target, "", asService())
			assert.Equal(t, 404, res.status, "%s %s", method, target)
			assert.Empty(t, res.header.Get("Allow"))
			if method != "HEAD" {
				assert.Equal(t, "404 rest_no_route", res.summary(), "%s %s", method, target)
			}
		}
	}
}
