package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// allowedImports lists the packages of this module that each package may import
// outside its tests, in addition to clock and failpoint. The test fails on any other
// package or import.
var allowedImports = map[string][]string{
	"api":                           {},
	"cmd/autowebinar":               {"internal/cli"},
	"cmd/demo":                      {"internal/demo"},
	"internal/cli":                  {"internal/app", "internal/attendance", "internal/config", "internal/doctor", "internal/leader", "internal/outbox", "internal/telemetry", "internal/text", "internal/usermeta", "internal/webhook", "internal/webinar", "internal/wpdb"},
	"internal/app":                  {"internal/config", "internal/doctor", "internal/httpapi", "internal/leader", "internal/outbox", "internal/telemetry", "internal/usermeta", "internal/webhook", "internal/webinar", "internal/wordpress", "internal/wpdb"},
	"internal/httpapi":              {"api", "internal/attendance", "internal/config", "internal/usermeta", "internal/webhook", "internal/webinar", "internal/wordpress", "internal/wpdb"},
	"internal/attendance":           {"internal/usermeta", "internal/webinar"},
	"internal/telemetry":            {"internal/config", "internal/doctor", "internal/httpapi", "internal/outbox", "internal/text", "internal/usermeta", "internal/webhook", "internal/webinar", "internal/wpdb"},
	"internal/doctor":               {"internal/config", "internal/text", "internal/usermeta", "internal/wordpress", "internal/wpdb"},
	"internal/webhook":              {"internal/outbox", "internal/webinar"},
	"internal/usermeta":             {"internal/commitqueue", "internal/outbox", "internal/webinar", "internal/wpdb"},
	"internal/outbox":               {"internal/webinar", "internal/wpdb"},
	"internal/leader":               {"internal/wpdb"},
	"internal/commitqueue":          {},
	"internal/wpdb":                 {"internal/webinar"},
	"internal/config":               {"internal/webinar", "internal/wordpress"},
	"internal/wordpress":            {"internal/clock", "internal/webinar", "internal/wpdb"},
	"internal/webinar":              {},
	"internal/demo":                 {"internal/mariadbtest/mariadbd"},
	"internal/mariadbtest":          {"internal/mariadbtest/mariadbd", "internal/progresstest"},
	"internal/mariadbtest/mariadbd": {},
	"internal/text":                 {},
	"internal/clock":                {},
	"internal/failpoint":            {},
	"internal/progresstest":         {},
	"internal/chromiumtest":         {},
	"internal/contracttest":         {"api"},
	"internal/servicetest":          {"internal/contracttest", "internal/mariadbtest", "internal/progresstest"},
	"internal/storetest":            {"internal/mariadbtest", "internal/mariadbtest/mariadbd", "internal/outbox", "internal/usermeta", "internal/webinar", "internal/wpdb"},
	"internal/torture":              {},
	"internal/bench":                {},
	"internal/browser":              {},
	"internal/site":                 {},
	"internal/packaging":            {},
	"internal/e2e":                  {},
}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	require.NoError(t, err)
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		err := decoder.Decode(&pkg)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		name := strings.TrimPrefix(pkg.ImportPath, "autowebinar/")
		may, known := allowedImports[name]
		assert.True(t, known, "package %s is not in allowedImports", name)
		for _, imported := range pkg.Imports {
			if own, ours := strings.CutPrefix(imported, "autowebinar/"); ours && own != "internal/clock" && own != "internal/failpoint" {
				assert.Contains(t, may, own, "%s imports %s", name, own)
			}
			switch {
			case strings.HasPrefix(imported, "github.com/go-chi/"):
				assert.Equal(t, "internal/httpapi", name, "only httpapi imports chi")
			case strings.HasPrefix(imported, "github.com/prometheus/"):
				assert.Equal(t, "internal/telemetry", name, "only telemetry imports Prometheus")
			case imported == "testing":
				assert.True(t, strings.HasSuffix(name, "test"), "%s links the testing package", name)
			}
		}
	}
}
