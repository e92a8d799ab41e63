package browser

import (
	"flag"
	"testing"

	"autowebinar/internal/servicetest"
)

// TestMain lets more tests run at once than there are cores: they wait for the
// clock of a video. The seats keep the number of browsers small.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	servicetest.Main(m)
}
