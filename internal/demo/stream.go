package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// streamPulse keeps proxies and browsers from giving up a silent stream.
const streamPulse = 15 * time.Second

// stream is a server-sent event stream of the sink: every receipt as event
// "receipt" (its id is the sequence number, so a browser that reconnects misses
// nothing that is kept), and event "sink" {"down": bool} at the start and at
// every change.
func (s *Sink) stream(w http.ResponseWriter, r *http.Request) {
	seen, _ := strconv.ParseUint(r.Header.Get("Last-Event-ID"), 10, 64) // none or nonsense: from the beginning
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	out := http.NewResponseController(w)
	_ = out.SetWriteDeadline(time.Time{}) // a server that cannot lift its limit just ends the stream sooner
	pulse := time.NewTicker(streamPulse)
	defer pulse.Stop()

	receipts, down, changed := s.after(seen)
	if !s.send(w, "sink", "", map[string]bool{"down": down}) {
		return
	}
	for {
		for _, receipt := range receipts {
			seen = receipt.Seq
			if !s.send(w, "receipt", strconv.FormatUint(seen, 10), receipt) {
				return
			}
		}
		if out.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-s.closed:
			return
		case <-pulse.C:
			fmt.Fprint(w, ": still here\n\n")
		case <-changed:
		}
		was := down
		receipts, down, changed = s.after(seen)
		if down != was && !s.send(w, "sink", "", map[string]bool{"down": down}) {
			return
		}
	}
}

func (s *Sink) send(w http.ResponseWriter, event, id string, data any) bool {
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
