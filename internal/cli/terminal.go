package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// isTerminal tells whether somebody sits at the other end of a stream.
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

// confirm asks for a word to be typed, and tells whether it was. Where nobody
// sits at a terminal it does not ask.
func confirm(s Streams, word string) bool {
	if !isTerminal(s.In) {
		return false
	}
	fmt.Fprintf(s.Err, "Type %q to go on: ", word)
	line, _ := bufio.NewReader(s.In).ReadString('\n')
	return strings.TrimSpace(line) == word
}

// progress is a bar on a terminal, and nothing elsewhere.
type progress struct {
	w     io.Writer // nil: nowhere
	total int
	done  int
	began time.Time
	shown time.Time
}

const (
	barWidth = 30
	barEvery = 100 * time.Millisecond
)

func newProgress(s Streams, total int) *progress {
	p := &progress{total: total, began: time.Now()}
	if isTerminal(s.Err) {
		p.w = s.Err
	}
	return p
}

// add notes that n more are done.
func (p *progress) add(n int) {
	p.done += n
	if p.w == nil || time.Since(p.shown) < barEvery && p.done < p.total {
		return
	}
	p.shown = time.Now()
	fmt.Fprint(p.w, "\r", p.bar(time.Since(p.began)), "\x1b[K")
}

// end leaves the line to what is printed next.
func (p *progress) end() {
	if p.w != nil && !p.shown.IsZero() {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// bar is the line as it stands after some time.
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

// count is a number with its noun, "1 row" or "2 rows".
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}
