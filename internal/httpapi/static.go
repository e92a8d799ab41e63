package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"autowebinar/api"
)

const javaScript = "text/javascript; charset=utf-8"

// file serves an embedded file as a route. It panics if there is no such file, which is a
// mistake in the route table.
func file(route, name, contentType string) http.HandlerFunc {
	content, err := api.Files.ReadFile(name)
	if err != nil {
		panic(fmt.Sprintf("httpapi: %v", err))
	}
	sum := sha256.Sum256(content)
	etag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return func(w http.ResponseWriter, r *http.Request) {
		logFrom(r).route = route
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "public, max-age=300")
		h.Set("ETag", etag)
		r.Header.Del("Range") // partial responses are not documented
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
	}
}
