package e2e

import (
	"strings"

	"autowebinar/internal/servicetest"
)

// hostilePaths address routes in ways that a proxy might interpret differently.
func (tgt *target) hostilePaths() []hostileRequest {
	table := map[string]string{}
	post := func(target string) string {
		return rawRequest("POST "+target, tgt.pageHeaders()+"Content-Type: application/json\r\n", `{"webinar_id":"intro"}`)
	}
	for name, target := range map[string]string{
		"up and down": api + "/../v1/enter", "encoded dots": api + "/%2e%2e/v1/enter", "a dot": api + "/./enter", "two slashes": api + "//enter", "two slashes first": "/" + api + "/enter",
		"encoded slash": api + "%2fenter", "encoded slash at the end": api + "/enter%2f", "a slash at the end": api + "/enter/", "two at the end": api + "/enter//", "backslashes": `\wp-json\autowebinar\v1\enter`,
		"NUL": api + "/enter%00", "NUL and a suffix": api + "/enter%00.json", "a raw NUL": api + "/enter\x00", "a line break": api + "/enter%0d%0aX:y", "a semicolon": api + "/enter;jsessionid=1",
		"a dot at the end": api + "/enter.", "a blank at the end": api + "/enter%20", "another case": "/WP-JSON/autowebinar/v1/enter", "another case of the route": api + "/Enter",
		"an encoded letter": api + "/%65nter", "encoded twice": api + "/%2565nter", "overlong UTF-8": api + "/%c0%aeenter", "a broken escape": api + "/enter%zz", "a fragment": api + "/enter#x",
		"a full stop": api + "/enter%E3%80%82", "a pattern": api + "/{user_id}/enter", "a star": "*", "nothing": "", "an authority": "//evil.test" + api + "/enter",
		"absolute form":                     "http://example.test" + api + "/enter",
		"absolute form of another host":     "http://evil.test" + api + "/enter",
		"absolute form with user":           "http://a:b@example.test" + api + "/enter",
		"absolute form of another protocol": "gopher://example.test" + api + "/enter",
		"a file":                            "file:///etc/passwd",
		"8000 letters":                      api + "/" + strings.Repeat("x", 8_000),
		"40000 letters":                     api + "/" + strings.Repeat("x", 40_000),
		"8000 segments":                     strings.Repeat("/a", 8_000),
		"a nonce in the path":               api + "/exit&_wpnonce=" + tgt.anna.Nonce,
		"an encoded nonce in the path":      api + "/exit%3F_wpnonce=" + tgt.anna.Nonce,
		"a nonce encoded twice":             api + "/exit%253F_wpnonce%253D" + tgt.anna.Nonce,
		"another user":                      api + "/users/2/enter",
		"no user":                           api + "/users//enter",
		"user SQL":                          api + "/users/1%20OR%201=1/enter",
		"user 0":                            api + "/users/0/enter",
		"the admin's pages":                 "/debug/pprof/heap",
		"the admin's health":                "/healthz",
		"the rest of WordPress":             "/wp-json/wp/v2/users",
		"xmlrpc":                            "/xmlrpc.php",
		"rest_route":                        "/?rest_route=/autowebinar/v1/enter",
		"rest_route twice":                  "/?rest_route=/wp/v2/users&rest_route=/autowebinar/v1/enter",
		"rest_route twice, ours first":      "/?rest_route=/autowebinar/v1/enter&rest_route=/wp/v2/users",
		"rest_route as a list":              "/?rest_route[]=/autowebinar/v1/enter",
		"rest_route in another case":        "/?rest_route=/AutoWebinar/v1/enter",
		"rest_route with dots":              "/?rest_route=/autowebinar/v1/../v1/enter",
		"rest_route to a user":              "/?rest_route=/autowebinar/v1/users/2/enter",
		"rest_route and a path":             api + "/resume?rest_route=/autowebinar/v1/enter",
		"rest_route with a NUL":             "/?rest_route=/autowebinar/v1/enter%00",
		"semicolons in the query":           api + "/enter?a=1;_wpnonce=x;b",
		"a broken query":                    api + "/enter?%zz&=&&a",
		"1000 parameters":                   api + "/enter?" + strings.Repeat("a=b&", 1_000),
		"nonce twice":                       api + "/enter?_wpnonce=" + tgt.anna.Nonce + "&_wpnonce=x",
		"nonce twice, wrong first":          api + "/enter?_wpnonce=x&_wpnonce=" + tgt.anna.Nonce,
		"nonce as a list":                   api + "/enter?_wpnonce[]=" + tgt.anna.Nonce,
	} {
		table[name] = post(target)
	}
	for name, query := range map[string]string{
		"SQL": "1%27%20OR%20%271%27=%271", "NUL": "intro%00", "upper case": "INTRO", "empty": "", "a list": "&webinar_id[]=intro", "twice": "intro&webinar_id=pro", "invalid UTF-8": "%ff", "not entered": "pro", "HTML": "%3Cscript%3E",
	} {
		table["session of "+name] = tgt.get(api + "/session?webinar_id=" + query)
	}
	table["the key on another user"] = rawRequest("POST "+api+"/users/18446744073709551615/enter", tgt.serviceKeyHeaders(), `{"webinar_id":"intro"}`)
	table["the key on a viewer's route"] = rawRequest("POST "+api+"/enter", tgt.serviceKeyHeaders(), `{"webinar_id":"intro"}`)
	return sortedCases("path", table)
}

// hostileMethods are unusual, overridden and malformed methods.
func (tgt *target) hostileMethods() []hostileRequest {
	table := map[string]string{}
	for _, method := range []string{"TRACE", "PUT", "DELETE", "PATCH", "post", "Post", "OPTIONS", "PROPFIND", "BREW", "GET", "HEAD", "M-SEARCH", strings.Repeat("X", 8_000)} {
		name := method
		if len(name) > 20 {
			name = "8000 letters"
		}
		table[name] = method + " " + api + "/enter HTTP/1.1\r\n" + tgt.pageHeaders() + "\r\n"
	}
	over := func(method, header string) string {
		return rawRequest(method+" "+api+"/enter", tgt.pageHeaders()+"Content-Type: application/json\r\n"+header, `{"webinar_id":"intro"}`)
	}
	for name, raw := range map[string]string{
		"CONNECT":               "CONNECT example.test:443 HTTP/1.1\r\n" + tgt.pageHeaders() + "\r\n",
		"CONNECT to a route":    "CONNECT " + api + "/enter HTTP/1.1\r\n" + tgt.pageHeaders() + "\r\n",
		"PRI":                   "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"override to DELETE":    over("POST", "X-HTTP-Method-Override: DELETE\r\n"),
		"override of a GET":     over("GET", "X-HTTP-Method-Override: POST\r\n"),
		"override to GET":       over("POST", "X-HTTP-Method-Override: GET\r\n"),
		"override to nonsense":  over("POST", "X-HTTP-Method-Override: ' OR 1=1\r\n"),
		"other override header": over("GET", "X-HTTP-Method: POST\r\nX-Method-Override: POST\r\n"),
		"_method on a GET":      "GET " + api + "/enter?_method=POST HTTP/1.1\r\n" + tgt.pageHeaders() + "\r\n",
		"GET of a service route by a page": "GET " + api + "/users/2/session HTTP/1.1\r\n" + tgt.pageHeaders() +
			"\r\n",
		"a blank first":     " POST " + api + "/enter HTTP/1.1\r\n" + tgt.pageHeaders() + "\r\n",
		"a parenthesis":     "(POST) " + api + "/enter HTTP/1.1\r\n" + tgt.pageHeaders() + "\r\n",
		"none":              api + "/enter HTTP/1.1\r\n" + tgt.pageHeaders() + "\r\n",
		"HEAD of a session": "HEAD " + api + "/session HTTP/1.1\r\n" + tgt.pageHeaders() + "\r\n",
		"key as Basic":      "GET " + api + "/users/2/session HTTP/1.1\r\nHost: example.test\r\nAuthorization: Basic " + servicetest.ServiceKey + "\r\n\r\n",
	} {
		table[name] = raw
	}
	return sortedCases("method", table)
}
