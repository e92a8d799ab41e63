package usermeta_test

import (
	"testing"
	"time"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/storetest"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { mariadbtest.Main(m) }

type fixture struct{ *storetest.Fixture }

func setup(t testing.TB) fixture {
	t.Helper()
	return fixture{storetest.New(t)}
}

func setupWithServer(t testing.TB, args ...string) fixture {
	t.Helper()
	return fixture{storetest.NewWithServer(t, args...)}
}

// patience bounds the waits of a test on a busy machine.
const patience = time.Minute

// lockWaitTimeout is how long a statement of the service waits for a row lock.
const lockWaitTimeout = time.Second

// requireQuick asserts that f does not wait for a row lock: at least one of several
// calls takes less time than that, however busy the machine is.
func requireQuick(t testing.TB, f func()) {
	t.Helper()
	var took time.Duration
	for range 20 {
		begun := time.Now()
		f()
		if took = time.Since(begun); took < lockWaitTimeout {
			return
		}
	}
	require.Less(t, took, lockWaitTimeout)
}
