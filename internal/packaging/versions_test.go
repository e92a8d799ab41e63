package packaging

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// All modules, the Dockerfile and the workflow use the same version of Go.
func TestGoVersionsAgree(t *testing.T) {
	t.Parallel()
	version := func(name, pattern string) string {
		m := regexp.MustCompile(`(?m)` + pattern).FindStringSubmatch(read(t, name))
		require.NotNil(t, m, name)
		return m[1]
	}
	want := version("go.mod", `^go (\d+\.\d+)`)
	for _, name := range []string{".ci/tools.mod", ".ci/pack/go.mod", "internal/demo/embedded/go.mod"} {
		assert.Equal(t, want, version(name, `^go (\d+\.\d+)`), name)
	}
	assert.Equal(t, want, version("Dockerfile", `golang:(\S+)`))
	assert.Equal(t, want+"-bookworm", version(".github/workflows/test.yml", `image: golang:(\S+)`), "Debian 12")
}

func TestWorkflowRunsTheSameTests(t *testing.T) {
	t.Parallel()
	assert.Contains(t, read(t, ".github/workflows/test.yml"), "run: .ci/run\n")
	assert.Contains(t, read(t, ".ci/run"), "\nexec make test\n")
}
