package e2e

import (
	"testing"

	"autowebinar/internal/servicetest"
)

func TestMain(m *testing.M) { servicetest.Main(m) }
