package e2e

import (
	"bufio"
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	repository = "../.." // its root folder

	maxFileLines     = 400
	maxCommandLines  = 100 // of package main
	maxUsermetaLines = 2000
)

// shippedPackages returns the packages of this module in the shipped command.
func shippedPackages(t testing.TB) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "./cmd/autowebinar")
	cmd.Dir = repository
	out, err := cmd.Output()
	require.NoError(t, err)
	var packages []string
	for line := range strings.Lines(string(out)) {
		if name, ours := strings.CutPrefix(strings.TrimSpace(line), "autowebinar/"); ours {
			packages = append(packages, name)
		}
	}
	require.NotEmpty(t, packages)
	return packages
}

// goFiles returns the paths of all Go files below a folder of the repository.
func goFiles(t testing.TB, folder string) (paths []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(filepath.Join(repository, folder), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{".git", "node_modules", "bin", "dist"}, entry.Name()) {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".go") {
			paths = append(paths, path)
		}
		return nil
	}))
	require.NotEmpty(t, paths)
	return paths
}

func isTestFile(path string) bool { return strings.HasSuffix(path, "_test.go") }

// lines counts the lines of files.
func lines(t testing.TB, paths ...string) (n int) {
	t.Helper()
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		n += bytes.Count(text, []byte("\n"))
	}
	return n
}

func TestShippedCommandContainsNoTestCode(t *testing.T) {
	t.Parallel()
	for _, name := range shippedPackages(t) {
		assert.NotRegexp(t, `(test|mariadbd|demo)$`, name)
	}
}

// sqlPackages may contain SQL and run statements.
var sqlPackages = []string{"internal/usermeta", "internal/outbox", "internal/leader", "internal/doctor", "internal/wpdb"}

// sqlTypePackages may import the packages for databases, but not run statements.
var sqlTypePackages = map[string]string{
	"internal/config":    "parses the DSN",
	"internal/telemetry": "shows the statistics of the pool",
}

var (
	sqlText = regexp.MustCompile(`^\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|REPLACE INTO|ALTER TABLE|CREATE|DROP|SET (SESSION|GLOBAL)|SHOW|START TRANSACTION|COMMIT|ROLLBACK)\b`)
	// sqlMethod are names of methods that run statements. Get, Select and others
	// have further meanings; a package that calls them needs a statement as well.
	sqlMethod = regexp.MustCompile(`^(Exec|Query|QueryRow|Select|Get|Prepare|NamedExec|NamedQuery|MustExec|Begin)(Context|x|xContext|Txx?)$|^(MustExec|QueryRow|Conn(x)?)$`)
	sqlImport = regexp.MustCompile(`^(database/sql|github\.com/jmoiron/sqlx|github\.com/go-sql-driver/mysql)`)
)

// Only a few packages of the shipped command contain SQL or run statements.
func TestOnlyStoragePackagesUseSQL(t *testing.T) {
	t.Parallel()
	for _, name := range shippedPackages(t) {
		if slices.Contains(sqlPackages, name) {
			continue
		}
		paths, err := filepath.Glob(filepath.Join(repository, name, "*.go"))
		require.NoError(t, err)
		for _, path := range paths {
			if isTestFile(path) {
				continue
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, 0)
			require.NoError(t, err)
			for _, spec := range file.Imports {
				imported, err := strconv.Unquote(spec.Path.Value)
				require.NoError(t, err)
				if sqlImport.MatchString(imported) {
					assert.Contains(t, sqlTypePackages, name, "%s imports %s", path, imported)
				}
			}
			ast.Inspect(file, func(node ast.Node) bool {
				switch n := node.(type) {
				case *ast.BasicLit:
					if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil && sqlText.MatchString(text) {
						assert.Fail(t, "SQL outside of the storage packages", "%s: %.60s", set.Position(n.Pos()), text)
					}
				case *ast.CallExpr:
					if method, ok := n.Fun.(*ast.SelectorExpr); ok && sqlMethod.MatchString(method.Sel.Name) {
						assert.Fail(t, "statement outside of the storage packages", "%s: %s", set.Position(n.Pos()), method.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

func TestSourceFilesAreShort(t *testing.T) {
	t.Parallel()
	for _, path := range goFiles(t, ".") {
		if !isTestFile(path) {
			assert.LessOrEqual(t, lines(t, path), maxFileLines, path)
		}
	}
}

func TestPackagesAreSmall(t *testing.T) {
	t.Parallel()
	for folder, limit := range map[string]int{"cmd/autowebinar": maxCommandLines, "internal/usermeta": maxUsermetaLines} {
		sources := slices.DeleteFunc(goFiles(t, folder), isTestFile)
		assert.LessOrEqual(t, lines(t, sources...), limit, folder)
	}
}

// unclearWords are words that the sources do not use, because they hide who does
// what. The expression is assembled so that it does not match itself.
var unclearWords = regexp.MustCompile(`(?i)\b(no` + `body|some` + `body|who` + `ever|gra` + `sp|stra` + `ggl[a-z]*|hol` + `dings|mis` + `hap|cen` + `sus)\b`)

func TestSourcesAvoidUnclearWords(t *testing.T) {
	t.Parallel()
	for _, path := range goFiles(t, ".") {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		scanner := bufio.NewScanner(bytes.NewReader(text))
		scanner.Buffer(nil, 1<<20)
		for number := 1; scanner.Scan(); number++ {
			if word := unclearWords.FindString(scanner.Text()); word != "" {
				assert.Fail(t, "unclear word", "%s:%d: %s", path, number, word)
			}
		}
		require.NoError(t, scanner.Err(), path)
	}
}
