package httpapi

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Timings of nanoseconds prove nothing on a busy machine, so the test reads the
// source instead. It checks that every key is compared in constant time, and that
// no statement leaves the loop early.
func TestEveryServiceKeyIsCompared(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "bearer.go", nil, 0)
	require.NoError(t, err)
	loops, compares := 0, 0
	ast.Inspect(file, func(n ast.Node) bool {
		f, isFunc := n.(*ast.FuncDecl)
		if !isFunc || f.Name.Name != "isServiceKey" {
			return true
		}
		ast.Inspect(f, func(n ast.Node) bool {
			loop, isLoop := n.(*ast.RangeStmt)
			if !isLoop {
				return true
			}
			loops++
			ast.Inspect(loop.Body, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BranchStmt, *ast.ReturnStmt, *ast.IfStmt, *ast.SwitchStmt:
					t.Errorf("%T in the loop: its duration would depend on the keys", n)
				case *ast.SelectorExpr:
					if n.Sel.Name == "ConstantTimeCompare" {
						compares++
					}
				}
				return true
			})
			return false
		})
		return false
	})
	assert.Equal(t, 1, loops)
	assert.Equal(t, 1, compares)
}

func TestEveryByteOfAServiceKeyCounts(t *testing.T) {
	t.Parallel()
	keys := []string{"first-key-0123456789", "second-key-0123456789", "third-key-0123456789"}
	a := &API{cfg: Config{ServiceKeys: keys}}
	for _, key := range keys {
		assert.True(t, a.isServiceKey(key))
		for i := range key {
			changed := []byte(key)
			changed[i] ^= 1
			assert.False(t, a.isServiceKey(string(changed)))
			assert.False(t, a.isServiceKey(key[:i]))
		}
		assert.False(t, a.isServiceKey(key+"\x00"))
	}
	assert.False(t, (&API{}).isServiceKey(""))
	assert.False(t, (&API{cfg: Config{ServiceKeys: []string{"x", "x"}}}).isServiceKey("y"))
}
