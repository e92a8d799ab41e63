package servicetest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Mostly is for promises of time, on machines that have other things to do: it
// tries until most of at most so many tries are good, or until they cannot be any
// more. A try that does not count is made again, but not for ever.
func MajorityPass(t testing.TB, tries int, do func(try int) (good, counts bool)) {
	t.Helper()
	var good, bad, void int
	for try := 0; good <= tries/2 && bad <= tries/2; try++ {
		switch ok, counts := do(try); {
		case !counts:
			void++
			require.LessOrEqual(t, void, 2*tries, "tries that do not count")
		case ok:
			good++
		default:
			bad++
		}
	}
	require.Greater(t, good, bad, "tries that are good")
}
