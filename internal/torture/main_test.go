package torture

import (
	"flag"
	"os"
	"strconv"
	"testing"

	"autowebinar/internal/servicetest"
)

// concurrentRigs is more than there are processors: rigs wait most of the time.
const concurrentRigs = 10

func TestMain(m *testing.M) {
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		_ = parallel.Value.Set(strconv.Itoa(concurrentRigs))
	}
	os.Exit(servicetest.Run(m))
}
