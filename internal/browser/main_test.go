package browser

import (
	"flag"
	"testing"

	"autowebinar/internal/servicetest"
)

// TestMain lets more tests run at once than there are cores, because they spend
// their time waiting for a video. browserSlots limits the number of browsers.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	servicetest.Main(m)
}
