package bench

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// options select how much is measured. They are environment variables, which
// `make bench` passes on.
type options struct {
	rounds      int           // BENCH_ROUNDS: measurements of each variant; the tables show medians
	duration    time.Duration // BENCH_SECONDS: of a measurement, in whole seconds
	rows        []int         // BENCH_ROWS: sizes of wp_usermeta, comma-separated
	viewers     int           // BENCH_VIEWERS: of the webinar
	watchTime   time.Duration // BENCH_WATCH_SECONDS: between the last enter and the first exit
	connections int           // BENCH_CONNECTIONS: shared by the viewers of the webinar
	tools       string        // BENCH_TOOLS: the folder that .ci/bench fills; if empty, installed programs only
	profiles    string        // BENCH_PROFILES: a folder for profiles of the service; if empty, none are saved
	baseline    string        // BENCH_BASELINE: an older binary to compare with; empty for none
}

func readOptions(b *testing.B) options {
	return options{
		rounds:      positiveInts(b, "BENCH_ROUNDS", "5")[0],
		duration:    time.Duration(positiveInts(b, "BENCH_SECONDS", "2")[0]) * time.Second,
		rows:        positiveInts(b, "BENCH_ROWS", "10000,1000000"),
		viewers:     positiveInts(b, "BENCH_VIEWERS", "10000")[0],
		watchTime:   time.Duration(positiveInts(b, "BENCH_WATCH_SECONDS", "60")[0]) * time.Second,
		connections: positiveInts(b, "BENCH_CONNECTIONS", "256")[0],
		tools:       os.Getenv("BENCH_TOOLS"),
		profiles:    os.Getenv("BENCH_PROFILES"),
		baseline:    os.Getenv("BENCH_BASELINE"),
	}
}

// positiveInts parses a comma-separated list of positive integers.
func positiveInts(b *testing.B, name, fallback string) []int {
	text := os.Getenv(name)
	if text == "" {
		text = fallback
	}
	var list []int
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		require.NoError(b, err, name)
		require.Positive(b, n, name)
		list = append(list, n)
	}
	return list
}
