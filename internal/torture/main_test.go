package torture

import (
	"flag"
	"os"
	"strconv"
	"testing"

	"autowebinar/internal/servicetest"
)

// rigsAtOnce: a rig waits more than it works.
const rigsAtOnce = 10

func TestMain(m *testing.M) {
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		_ = parallel.Value.Set(strconv.Itoa(rigsAtOnce))
	}
	os.Exit(servicetest.Run(m))
}
