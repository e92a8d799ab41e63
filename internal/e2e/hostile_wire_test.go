package e2e

import (
	"fmt"
	"strings"
)

// hostileWire are malformed and ambiguous HTTP messages, among them attempts at
// request smuggling.
func (tgt *target) hostileWire() []hostileRequest {
	body := `{"webinar_id":"intro"}`
	start, head := "POST "+api+"/enter HTTP/1.1\r\n", tgt.pageHeaders()+"Content-Type: application/json\r\n"
	next := tgt.get(api + "/session")
	length := fmt.Sprintf("Content-Length: %d\r\n", len(body))
	return sortedCases("wire", map[string]string{
		"HTTP/1.0":                          "POST " + api + "/enter HTTP/1.0\r\n" + head + length + "\r\n" + body,
		"HTTP/1.0 without a host":           "GET " + api + "/session HTTP/1.0\r\n\r\n",
		"HTTP/0.9":                          "GET " + api + "/session\r\n",
		"HTTP/1.2":                          "GET " + api + "/session HTTP/1.2\r\n" + tgt.pageHeaders() + "\r\n",
		"HTTP/2.0":                          "GET " + api + "/session HTTP/2.0\r\n" + tgt.pageHeaders() + "\r\n",
		"HTTP/9.9":                          "GET " + api + "/session HTTP/9.9\r\n" + tgt.pageHeaders() + "\r\n",
		"no host":                           "GET " + api + "/session HTTP/1.1\r\n\r\n",
		"two hosts":                         start + head + "Host: evil.test\r\n" + length + "\r\n" + body,
		"an empty host":                     "GET " + api + "/session HTTP/1.1\r\nHost:\r\n\r\n",
		"a host with a path":                "GET " + api + "/session HTTP/1.1\r\nHost: example.test/x\r\n\r\n",
		"a host with a user":                "GET " + api + "/session HTTP/1.1\r\nHost: a@b\r\n\r\n",
		"a host with a blank":               "GET " + api + "/session HTTP/1.1\r\nHost: a b\r\n\r\n",
		"line feeds alone":                  strings.ReplaceAll(start+head+length+"\r\n", "\r\n", "\n") + body,
		"carriage returns alone":            strings.ReplaceAll(start+head+length+"\r\n", "\r\n", "\r") + body,
		"TLS":                               "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"SSH":                               "SSH-2.0-OpenSSH_9.9\r\n\r\n",
		"noise":                             "\x00\xff\x00\xff\r\n\r\n",
		"only line ends":                    "\r\n\r\n\r\n\r\n",
		"a length that is too long":         start + head + "Content-Length: 100\r\n\r\n" + body,
		"a length that is too short":        start + head + "Content-Length: 10\r\n\r\n" + body,
		"a length of 0, and a body":         start + head + "Content-Length: 0\r\n\r\n" + body,
		"a negative length":                 start + head + "Content-Length: -1\r\n\r\n" + body,
		"a length with a sign":              start + head + "Content-Length: +22\r\n\r\n" + body,
		"a hexadecimal length":              start + head + "Content-Length: 0x16\r\n\r\n" + body,
		"a length of 2^64":                  start + head + "Content-Length: 18446744073709551616\r\n\r\n" + body,
		"a length of 10^18":                 start + head + "Content-Length: 1000000000000000000\r\n\r\n" + body,
		"two lengths":                       start + head + length + "Content-Length: 5\r\n\r\n" + body,
		"two equal lengths":                 start + head + length + length + "\r\n" + body,
		"a list of lengths":                 start + head + "Content-Length: 22, 22\r\n\r\n" + body,
		"length and chunks":                 start + head + length + "Transfer-Encoding: chunked\r\n\r\n" + chunkedBody(body, 5) + next,
		"chunks and length, smuggling":      start + head + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX" + next,
		"chunked twice":                     start + head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + chunkedBody(body, 5),
		"chunked, then identity":            start + head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunkedBody(body, 5),
		"gzip, chunked":                     start + head + "Transfer-Encoding: gzip, chunked\r\n\r\n" + chunkedBody(body, 5),
		"identity":                          start + head + "Transfer-Encoding: identity\r\n" + length + "\r\n" + body,
		"xchunked":                          start + head + "Transfer-Encoding: xchunked\r\n\r\n" + chunkedBody(body, 5),
		"chunked in other letters":          start + head + "Transfer-Encoding: ChUnKeD\r\n\r\n" + chunkedBody(body, 5),
		"chunked with a tab":                start + head + "Transfer-Encoding:\tchunked\r\n\r\n" + chunkedBody(body, 5),
		"chunked with a vertical tab":       start + head + "Transfer-Encoding: \x0bchunked\r\n\r\n" + chunkedBody(body, 5),
		"a blank before the colon":          start + head + "Transfer-Encoding : chunked\r\n\r\n" + chunkedBody(body, 5),
		"a folded header":                   start + head + "Transfer-Encoding:\r\n chunked\r\n\r\n" + chunkedBody(body, 5),
		"chunked in HTTP/1.0":               "POST " + api + "/enter HTTP/1.0\r\n" + head + "Transfer-Encoding: chunked\r\n\r\n" + chunkedBody(body, 5),
		"chunk size with a sign":            start + head + "Transfer-Encoding: chunked\r\n\r\n+16\r\n" + body + "\r\n0\r\n\r\n",
		"chunk size negative":               start + head + "Transfer-Encoding: chunked\r\n\r\n-1\r\n" + body + "\r\n0\r\n\r\n",
		"chunk size 0x16":                   start + head + "Transfer-Encoding: chunked\r\n\r\n0x16\r\n" + body + "\r\n0\r\n\r\n",
		"chunk size of 17 digits":           start + head + "Transfer-Encoding: chunked\r\n\r\n10000000000000016\r\n" + body + "\r\n0\r\n\r\n",
		"chunk size too short":              start + head + "Transfer-Encoding: chunked\r\n\r\n5\r\n" + body + "\r\n0\r\n\r\n",
		"chunk extension":                   start + head + "Transfer-Encoding: chunked\r\n\r\n16;a=\"b\"\r\n" + body + "\r\n0\r\n\r\n",
		"chunk extension of 10000 letters":  start + head + "Transfer-Encoding: chunked\r\n\r\n16;" + strings.Repeat("a", 10_000) + "\r\n" + body + "\r\n0\r\n\r\n",
		"chunks that stop":                  start + head + "Transfer-Encoding: chunked\r\n\r\n16\r\n" + body + "\r\n",
		"a trailer":                         start + head + "Trailer: X-WP-Nonce\r\nTransfer-Encoding: chunked\r\n\r\n16\r\n" + body + "\r\n0\r\nX-WP-Nonce: x\r\n\r\n",
		"a body of a GET that is a request": "GET " + api + "/session HTTP/1.1\r\n" + tgt.pageHeaders() + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(next)) + next,
		"two requests at once":              tgt.post("/enter", body) + next,
		"expect 100":                        start + head + length + "Expect: 100-continue\r\n\r\n" + body,
		"expect something":                  start + head + length + "Expect: 200-ok\r\n\r\n" + body,
		"upgrade to h2c":                    start + head + length + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" + body,
		"upgrade to websocket":              "GET " + api + "/session HTTP/1.1\r\n" + tgt.pageHeaders() + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n\r\n",
	})
}

// hostileHeaders are malformed, repeated, oversized and forged headers.
func (tgt *target) hostileHeaders() []hostileRequest {
	body := `{"webinar_id":"intro"}`
	post := func(headers string) string { return rawRequest("POST "+api+"/enter", headers, body) }
	page := tgt.pageHeaders()
	host, cookie, nonce := "Host: example.test\r\n", "Cookie: "+tgt.anna.Cookie+"\r\n", "X-WP-Nonce: "+tgt.anna.Nonce+"\r\n"
	flood := func(name string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "%s%d: %s\r\n", name, i, canary)
		}
		return b.String()
	}
	return sortedCases("header", map[string]string{
		"500 more":                        post(page + flood("X-", 500)),
		"5000 more":                       post(page + flood("X-", 5_000)),
		"one of 100000 letters":           post(page + "X-Long: " + strings.Repeat("x", 100_000) + "\r\n"),
		"a name of 20000 letters":         post(page + strings.Repeat("x", 20_000) + ": y\r\n"),
		"a line without a colon":          post(page + "nonsense\r\n"),
		"a control character":             post(page + "X-Y: a\x01b\r\n"),
		"NUL":                             post(page + "X-Y: a\x00b\r\n"),
		"a name in brackets":              post(page + "X[Y]: a\r\n"),
		"an empty name":                   post(page + ": a\r\n"),
		"a thousand cookies before it":    post(host + "Cookie: " + strings.Repeat("a=b; ", 1_000) + tgt.anna.Cookie + "\r\n" + nonce),
		"five thousand cookies before it": post(host + "Cookie: " + strings.Repeat("a=b; ", 5_000) + tgt.anna.Cookie + "\r\n" + nonce),
		"a hundred junk logins before it": post(host + "Cookie: " + strings.Repeat("wordpress_logged_in_z=%7C; ", 100) + tgt.anna.Cookie + "\r\n" + nonce),
		"three forged logins before it":   post(host + "Cookie: " + tgt.forgedCookies(3) + tgt.anna.Cookie + "\r\n" + nonce),
		"four forged logins before it":    post(host + "Cookie: " + tgt.forgedCookies(4) + tgt.anna.Cookie + "\r\n" + nonce),
		"a cookie of 20000 letters":       post(host + "Cookie: wordpress_logged_in_0123=" + strings.Repeat("a", 20_000) + "\r\n" + nonce),
		"a cookie of invalid UTF-8":       post(host + "Cookie: wordpress_logged_in_0123=%ff%7C4102444800%7Ct%7C" + strings.Repeat("0", 64) + "\r\n" + nonce),
		"SQL in a cookie":                 post(host + "Cookie: wordpress_logged_in_0123=%27%20OR%201=1%20--%20%7C4102444800%7Ct%7C" + strings.Repeat("0", 64) + "\r\n" + nonce),
		"emoji in a cookie":               post(host + "Cookie: wordpress_logged_in_0123=%F0%9F%98%80%7C4102444800%7Ct%7C" + strings.Repeat("0", 64) + "\r\n" + nonce),
		"cookie over two lines":           post(host + "Cookie: a=b\r\n" + cookie + nonce),
		"the nonce twice":                 post(host + cookie + nonce + "X-WP-Nonce: " + canary + "\r\n"),
		"the nonce twice, wrong first":    post(host + cookie + "X-WP-Nonce: " + canary + "\r\n" + nonce),
		"an underscore for a dash":        post(host + cookie + "X_WP_Nonce: " + tgt.anna.Nonce + "\r\n"),
		"a nonce of SQL":                  post(host + cookie + "X-WP-Nonce: ' OR 1=1\r\n"),
		"a nonce with a blank":            post(host + cookie + "X-WP-Nonce: " + tgt.anna.Nonce[:5] + " " + tgt.anna.Nonce[5:] + "\r\n"),
		"a nonce cut short":               post(host + cookie + "X-WP-Nonce: " + tgt.anna.Nonce[:9] + "\r\n"),
		"a bearer and a login cookie":     post(page + "Authorization: Bearer " + canary + "\r\n"),
		"an empty bearer":                 post(page + "Authorization: Bearer\r\n"),
		"two bearers":                     post(host + "Authorization: Bearer " + tgt.token + "\r\nAuthorization: Bearer " + canary + "\r\n"),
		"a token in the query":            rawRequest("POST "+api+"/enter?access_token="+tgt.token+"&jwt="+tgt.token, host, body),
		"another site's page":             post(page + "Origin: https://evil.test\r\n"),
		"a sandboxed page":                post(page + "Origin: null\r\n"),
		"another site's, without origin":  post(page + "Sec-Fetch-Site: cross-site\r\n"),
		"a subdomain's":                   post(page + "Origin: https://sub.example.test\r\nSec-Fetch-Site: same-site\r\n"),
		"another port's":                  post(page + "Origin: https://example.test:8443\r\nSec-Fetch-Site: same-site\r\n"),
		"forwarded host":                  post(page + "Origin: https://evil.test\r\nX-Forwarded-Host: evil.test\r\nForwarded: host=evil.test\r\nX-Host: evil.test\r\n"),
		"rewritten path":                  post(page + "X-Original-URL: /debug/pprof\r\nX-Rewrite-URL: /debug/pprof\r\n"),
		"Accept of something else":        post(page + "Accept: image/png;q=1, application/json;q=0\r\nAccept-Encoding: br;q=1, *;q=0\r\nAccept-Charset: utf-7\r\n"),
		"Range":                           "GET " + api + "/player.js HTTP/1.1\r\n" + host + "Range: bytes=0-0,1-1,2-2,3-3\r\n\r\n",
		"If-Match":                        "GET " + api + "/player.js HTTP/1.1\r\n" + host + "If-Match: \"x\"\r\n\r\n",
		"If-None-Match":                   "GET " + api + "/player.js HTTP/1.1\r\n" + host + "If-None-Match: *\r\n\r\n",
		"preflight of another site":       "OPTIONS " + api + "/enter HTTP/1.1\r\n" + host + "Origin: https://evil.test\r\nAccess-Control-Request-Method: POST\r\n\r\n",
	})
}

// forgedCookies returns n login cookies of Anna with different names and invalid
// signatures.
func (tgt *target) forgedCookies(n int) string {
	_, value, _ := strings.Cut(tgt.anna.Cookie, "=")
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "wordpress_logged_in_f%d=%sbeef; ", i, value[:len(value)-4])
	}
	return b.String()
}
