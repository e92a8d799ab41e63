package bench

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// options say how much is measured. They come from the environment, because
// `make bench` hands it through.
type options struct {
	rounds      int           // BENCH_ROUNDS: turns of each contestant; the tables show medians
	duration    time.Duration // BENCH_SECONDS: length of a turn, in whole seconds
	rows        []int         // BENCH_ROWS: sizes of wp_usermeta, comma-separated
	viewers     int           // BENCH_AUDIENCE: viewers who watch at once
	watchTime   time.Duration // BENCH_AUDIENCE_SECONDS: between the two storms
	connections int           // BENCH_AUDIENCE_CONNECTIONS: over which the viewers come
	tools       string        // BENCH_TOOLS: the folder of .ci/bench; empty: what is installed
	profiles    string        // BENCH_PROFILES: a folder for profiles of the service; empty: none
}

func readOptions(b *testing.B) options {
	return options{
		rounds:      positiveInts(b, "BENCH_ROUNDS", "5")[0],
		duration:    time.Duration(positiveInts(b, "BENCH_SECONDS", "2")[0]) * time.Second,
		rows:        positiveInts(b, "BENCH_ROWS", "10000,1000000"),
		viewers:     positiveInts(b, "BENCH_AUDIENCE", "10000")[0],
		watchTime:   time.Duration(positiveInts(b, "BENCH_AUDIENCE_SECONDS", "60")[0]) * time.Second,
		connections: positiveInts(b, "BENCH_AUDIENCE_CONNECTIONS", "256")[0],
		tools:       os.Getenv("BENCH_TOOLS"),
		profiles:    os.Getenv("BENCH_PROFILES"),
	}
}

// positiveInts reads a list of positive numbers.
func positiveInts(b *testing.B, name, fallback string) []int {
	text := os.Getenv(name)
	if text == "" {
		text = fallback
	}
	var all []int
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		require.NoError(b, err, name)
		require.Positive(b, n, name)
		all = append(all, n)
	}
	return all
}
