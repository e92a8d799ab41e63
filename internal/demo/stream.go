package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// keepAliveInterval keeps proxies and browsers from closing an idle stream.
const keepAliveInterval = 15 * time.Second

// stream sends server-sent events: each receipt as event "receipt", with its
// sequence number as the id, so that a browser that reconnects resumes after the
// last one it has; and event "receiver" {"down": bool} at the start and at every
// change.
func (r *Receiver) stream(w http.ResponseWriter, request *http.Request) {
	seen, _ := strconv.ParseUint(request.Header.Get("Last-Event-ID"), 10, 64) // from the first one if missing or invalid
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	out := http.NewResponseController(w)
	_ = out.SetWriteDeadline(time.Time{}) // if this fails, the stream only ends earlier
	keepAlive := time.NewTicker(keepAliveInterval)
	defer keepAlive.Stop()

	receipts, down, changed := r.since(seen)
	if !send(w, "receiver", "", map[string]bool{"down": down}) {
		return
	}
	for {
		for _, receipt := range receipts {
			seen = receipt.Seq
			if !send(w, "receipt", strconv.FormatUint(seen, 10), receipt) {
				return
			}
		}
		if out.Flush() != nil {
			return
		}
		select {
		case <-request.Context().Done():
			return
		case <-r.closed:
			return
		case <-keepAlive.C:
			fmt.Fprint(w, ": keep-alive\n\n")
		case <-changed:
		}
		was := down
		receipts, down, changed = r.since(seen)
		if down != was && !send(w, "receiver", "", map[string]bool{"down": down}) {
			return
		}
	}
}

// send writes one event and reports whether that worked.
func send(w http.ResponseWriter, event, id string, data any) bool {
	text, err := json.Marshal(data)
	if err != nil {
		return false
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	_, err = fmt.Fprintf(w, "event: %s\n%sdata: %s\n\n", event, id, text)
	return err == nil
}
