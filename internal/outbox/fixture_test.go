package outbox_test

import (
	"testing"
	"time"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/storetest"
)

func TestMain(m *testing.M) { mariadbtest.Main(m) }

type fixture struct{ *storetest.Fixture }

func setup(t testing.TB) fixture {
	t.Helper()
	return fixture{storetest.New(t)}
}

func date(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}
