package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// confirm prompts for a phrase and reports whether it was entered. If the input
// is not a terminal, it returns false without a prompt.
func confirm(s Streams, phrase string) bool {
	if !isTerminal(s.In) {
		return false
	}
	fmt.Fprintf(s.Err, "Type %q to continue: ", phrase)
	line, _ := bufio.NewReader(s.In).ReadString('\n')
	return strings.TrimSpace(line) == phrase
}

// progress shows a progress bar if the error stream is a terminal.
type progress struct {
	w       io.Writer // nil if not a terminal
	total   int
	done    int
	began   time.Time
	updated time.Time
}

const (
	barWidth    = 30
	barInterval = 100 * time.Millisecond
)

func newProgress(s Streams, total int) *progress {
	p := &progress{total: total, began: time.Now()}
	if isTerminal(s.Err) {
		p.w = s.Err
	}
	return p
}

// add increases the number of completed items by n.
func (p *progress) add(n int) {
	p.done += n
	if p.w == nil || time.Since(p.updated) < barInterval && p.done < p.total {
		return
	}
	p.updated = time.Now()
	fmt.Fprint(p.w, "\r", p.bar(time.Since(p.began)), "\x1b[K")
}

// clear removes the bar.
func (p *progress) clear() {
	if p.w != nil && !p.updated.IsZero() {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// bar formats the bar after an elapsed time.
func (p *progress) bar(elapsed time.Duration) string {
	total := max(p.total, p.done, 1)
	full := barWidth * p.done / total
	left := ""
	if p.done > 0 && p.done < total {
		rest := time.Duration(float64(elapsed) / float64(p.done) * float64(total-p.done))
		left = fmt.Sprintf(", %s left", max(rest, time.Second).Round(time.Second))
	}
	return fmt.Sprintf("[%s%s] %d of %d%s", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), p.done, total, left)
}
