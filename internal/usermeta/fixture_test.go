package usermeta_test

import (
	"testing"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/storetest"
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
