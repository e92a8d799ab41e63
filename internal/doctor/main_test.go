package doctor_test

import (
	"testing"

	"autowebinar/internal/mariadbtest"
)

func TestMain(m *testing.M) { mariadbtest.Main(m) }
