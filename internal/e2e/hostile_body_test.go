package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// sortedCases returns the requests of a table in the order of their names.
func sortedCases(prefix string, table map[string]string) []hostileRequest {
	var list []hostileRequest
	for _, name := range slices.Sorted(maps.Keys(table)) {
		list = append(list, hostileRequest{prefix + ": " + name, table[name]})
	}
	return list
}

// hostileNumbers are values for a position or for a list of users.
func (tgt *target) hostileNumbers() []hostileRequest {
	table := map[string]string{}
	for name, number := range map[string]string{
		"NaN": "NaN", "Infinity": "Infinity", "-Infinity": "-Infinity", "minus zero": "-0", "minus zero point": "-0.0",
		"1e400": "1e400", "-1e400": "-1e400", "1e-400": "1e-400", "minus 1e-400": "-1e-400", "a bit too much": "604800.0000001", "hexadecimal": "0x10",
		"octal": "0777", "plus": "+1", "a dot first": ".5", "a dot last": "5.", "two dots": "1.2.3", "an empty exponent": "1e",
		"ten thousand digits": strings.Repeat("9", 10_000), "ten thousand decimals": "1." + strings.Repeat("3", 10_000),
		"a comma": "1,5", "underscores": "1_000", "a string": `"12"`, "a padded string": `" 12 "`, "a boolean": "true", "a list": "[12]",
		"an object": `{"$gt":0}`, "2^53+1": "9007199254740993", "2^63": "9223372036854775808", "-2^63": "-9223372036854775808",
		"bigint suffix": "12n", "arabic digits": "١٢", "full width": "１２", "SQL": "1 OR 1=1", "PHP": `i:12;`,
	} {
		table[name] = tgt.post("/progress", `{"webinar_id":"intro","position_sec":`+number+`}`)
	}
	attendance := func(users string) string {
		return rawRequest("POST "+api+"/attendance", tgt.serviceKeyHeaders()+"Content-Type: application/json\r\n", `{"user_ids":`+users+`}`)
	}
	for name, users := range map[string]string{
		"users: 2^64": "[18446744073709551616]", "users: the last of all": "[18446744073709551615]", "users: 1.0": "[1.0]", "users: 1e2": "[1e2]", "users: -0": "[-0]",
		"users: strings": `["1"]`, "users: an object": `{"0":1}`, "users: 1001": "[" + strings.Repeat("1,", 1000) + "1]", "users: nested": "[[1]]",
		"users: none": "[]", "users: null in it": "[1,null]", "users: SQL": `["1) OR (1=1"]`,
	} {
		table[name] = attendance(users)
	}
	return sortedCases("number", table)
}

// hostileBodies are bodies that are invalid as a whole.
func (tgt *target) hostileBodies() []hostileRequest {
	enter := func(body string) string { return tgt.post("/enter", body) }
	good := `{"webinar_id":"intro"}`
	typed := func(contentType, body string) string {
		return rawRequest("POST "+api+"/enter", tgt.pageHeaders()+"Content-Type: "+contentType+"\r\n", body)
	}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write([]byte(good))
	_ = w.Close()
	deep := func(n int) string {
		return `{"webinar_id":"intro","form_id":"f","form_payload":{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}}`
	}
	return sortedCases("body", map[string]string{
		"none": enter(""), "blanks": enter(" \t\r\n"), "an array": enter("[" + good + "]"), "a string": enter(`"intro"`), "null": enter("null"),
		"a byte order mark": enter("\ufeff" + good), "UTF-16": typed("application/json; charset=utf-16", "{\x00\"\x00w\x00"), "NUL": enter("\x00"), "NUL behind it": enter(good + "\x00"),
		"NUL in a name": enter("{\"webinar_id\x00\":\"intro\"}"), "NUL as an escape": enter(`{"webinar_id":"intro\u0000"}`),
		"invalid UTF-8": enter(`{"webinar_id":"` + "\xc3\x28" + `"}`), "overlong UTF-8": enter(`{"webinar_id":"` + "\xc0\xaf" + `"}`), "UTF-8 surrogates": enter(`{"webinar_id":"` + "\xed\xa0\x80" + `"}`),
		"a lone surrogate": enter(`{"webinar_id":"\ud800"}`), "an escape cut short": enter(`{"webinar_id":"\u00"}`), "a raw line break": enter("{\"webinar_id\":\"in\ntro\"}"),
		"one member twice":               enter(`{"webinar_id":"Bad One","webinar_id":"intro"}`),
		"one member twice, bad one last": enter(`{"webinar_id":"intro","webinar_id":"Bad One"}`),
		"a member in another case":       enter(`{"WEBINAR_ID":"intro"}`),
		"a member by an escape":          enter(`{"\u0077ebinar_id":"intro"}`),
		"__proto__":                      enter(`{"__proto__":{"webinar_id":"intro"},"constructor":{"prototype":{"webinar_id":"intro"}}}`),
		"ten thousand members":           enter("{" + strings.Repeat(`"":0,`, 3_000) + `"webinar_id":"intro"}`),
		"two objects":                    enter(good + good),
		"cut short":                      enter(good[:len(good)-1]),
		"deep":                           enter(strings.Repeat("[", 16_000)),
		"deep form":                      tgt.post("/form", deep(30_000)),
		"deep form, as the limit allows": tgt.post("/form", strings.Replace(deep(9_990), "}}", `},"submission_id":"0b9d7c52-6a1f-4e0d-8f2b-7f4f3f1d9e20"}`, 1)),
		"deep form, one level too many":  tgt.post("/form", deep(9_999)),
		"10 MB":                          enter(`{"webinar_id":"intro","x":"` + strings.Repeat("x", 10<<20) + `"}`),
		"10 MB form":                     tgt.post("/form", `{"x":"`+strings.Repeat("x", 10<<20)+`"}`),
		"10 MB without a login":          rawRequest("POST "+api+"/enter", "Host: example.test\r\nContent-Type: application/json\r\n", strings.Repeat("x", 10<<20)),
		"10 MB of a wrong type":          typed("image/png", strings.Repeat("\x89", 10<<20)),
		"10 MB in small chunks":          "POST " + api + "/enter HTTP/1.1\r\n" + tgt.pageHeaders() + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + chunkedBody(strings.Repeat("[", 1<<20), 10),
		"one byte too large":             enter(`{"webinar_id":"intro","x":"` + strings.Repeat("x", 16<<10) + `"}`),
		"gzip":                           rawRequest("POST "+api+"/enter", tgt.pageHeaders()+"Content-Type: application/json\r\nContent-Encoding: gzip\r\n", zipped.String()),
		"gzip that is none":              rawRequest("POST "+api+"/enter", tgt.pageHeaders()+"Content-Type: application/json\r\nContent-Encoding: gzip\r\n", good),
		"as a form":                      typed("application/x-www-form-urlencoded", "webinar_id=intro"), "JSON declared as a form": typed("application/x-www-form-urlencoded", good),
		"multipart": typed("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"webinar_id\"\r\n\r\nintro\r\n--b--\r\n"),
		"XML":       typed("application/xml", `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><webinar_id>&e;</webinar_id>`), "PHP": typed("application/json", `O:8:"stdClass":1:{s:10:"webinar_id";s:5:"intro";}`),
		"a type with a line in it": typed("application/json;\r\n x=y", good), "a type in other letters": typed("APPLICATION/JSON", good), "two types": typed("application/json, text/html", good),
		"a broken type": typed("application/json; charset=\"", good), "a type of 8000 letters": typed(strings.Repeat("x", 8_000)+"/json", good), "no type": rawRequest("POST "+api+"/enter", tgt.pageHeaders(), good),
		"JavaScript": enter(`{webinar_id:'intro'}`), "a comment": enter(good + "/*x*/"), "with a prefix against hijacking": enter(")]}'\n" + good),
	})
}

// hostileValues are values that other programs might execute. Members that
// accept any text store them unchanged.
func (tgt *target) hostileValues() []hostileRequest {
	table := map[string]string{}
	for name, value := range map[string]string{
		"SQL": `'; DROP TABLE wp_users; -- `, "SQL comment": `intro/**/UNION/**/SELECT(1)#`, "SQL backslash": `\\' OR 1=1 -- `, "SQL wildcard": `%_`,
		"HTML": `<script>alert(1)</script>`, "template": `{{7*7}}${7*7}<%= 7*7 %>`, "PHP object": `O:8:\"stdClass\":0:{}`, "PHP array": `a:1:{i:0;s:1:\"x\";}`,
		"path": `../../../../etc/passwd`, "shell": "`id`$(id)|id", "format": `%s%n%x%999999d`, "log line": `\n{\"level\":\"ERROR\"}`, "header": `x\r\nSet-Cookie: a=b`,
		"emoji": "👩‍👩‍👧‍👦🏳️‍🌈", "right to left": "\u202etxt.exe", "combining": "Z" + strings.Repeat("\u0337", 150), "JNDI": `${jndi:ldap://127.0.0.1/a}`, "separator": `a|b@c`,
		"a lone surrogate": `\ud83d`, "DEL": `\u007f`, "201 letters": strings.Repeat("é", 201), "200 emoji": strings.Repeat("😀", 200), "empty": "", "outbox": `1|client_webinar_left|x`,
	} {
		id := strings.ReplaceAll(strings.ToLower(name), " ", "-")
		table["webinar_id: "+name] = tgt.post("/enter", `{"webinar_id":"`+value+`"}`)
		table["session_id: "+name] = tgt.post("/cta", `{"session_id":"`+value+`"}`)
		table["source: "+name] = tgt.post("/register", `{"webinar_id":"`+id+`","webinar_type":"live","slot_id":"1","source":"`+value+`"}`)
		table["slot_id: "+name] = tgt.post("/register", `{"webinar_id":"slot-`+id+`","webinar_type":"live","source":"x","slot_id":"`+value+`"}`)
	}
	for name, rest := range map[string]string{
		"leave_reason: SQL": `"leave_reason":"' OR ''='"`, "leave_reason: a list": `"leave_reason":["user_exit"]`, "ended: a string": `"ended":"false"`, "seeked: 1": `"seeked":1`,
	} {
		table[name] = tgt.post("/exit", `{"webinar_id":"intro",`+rest+`}`)
	}
	for name, rest := range map[string]string{
		"form_payload: a list": `"form_payload":[]`, "form_payload: a string": `"form_payload":"{}"`, "form_payload: null": `"form_payload":null`,
		"form_payload: anything": `"form_payload":{"` + canary + `":"` + canary + ` ' OR 1=1 <script> 😀 \ud800 \u0000","__proto__":{"x":1e300}},"submission_id":"0b9d7c52-6a1f-4e0d-8f2b-7f4f3f1d9e21"`,
		"submission_id: SQL":     `"form_payload":{},"submission_id":"' OR 1=1"`, "submission_id: a URN": `"form_payload":{},"submission_id":"urn:uuid:0b9d7c52-6a1f-4e0d-8f2b-7f4f3f1d9e20"`,
	} {
		table[name] = tgt.post("/form", `{"webinar_id":"intro","form_id":"f",`+rest+`}`)
	}
	table["session_id: another viewer's"] = tgt.post("/progress", fmt.Sprintf(`{"session_id":%q,"position_sec":1}`, tgt.borisSession))
	return sortedCases("value", table)
}
