package mariadbd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Env is the environment variable that names the server binary.
const Env = "AUTOWEBINAR_MARIADBD"

// Find returns the path of a MariaDB server binary: the one that Env names, or the
// first in PATH, or the first in the folders in which packages install it. The error
// says what to install.
func Find(getenv func(string) string) (string, error) {
	return find(getenv, []string{
		"/usr/sbin", "/usr/libexec", "/usr/local/sbin", "/usr/local/bin", "/usr/local/libexec",
		"/usr/local/mysql/bin",
		"/opt/homebrew/bin", "/opt/homebrew/opt/mariadb/bin", "/usr/local/opt/mariadb/bin",
	})
}

func find(getenv func(string) string, folders []string) (string, error) {
	if named := getenv(Env); named != "" {
		path, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("%w: %s names %s: %w", ErrNotFound, Env, named, err)
		}
		if !isMariaDB(path) {
			return "", fmt.Errorf("%w: %s names %s, which is not MariaDB", ErrNotFound, Env, named)
		}
		return path, nil
	}
	for _, candidate := range candidates(append(filepath.SplitList(getenv("PATH")), folders...)) {
		if path, err := exec.LookPath(candidate); err == nil && isMariaDB(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: install it (Debian: apt-get install mariadb-server-core) or set %s to the path of mariadbd", ErrNotFound, Env)
}

func candidates(folders []string) []string {
	var paths []string
	for _, name := range []string{"mariadbd", "mysqld"} {
		for _, folder := range folders {
			if filepath.IsAbs(folder) {
				paths = append(paths, filepath.Join(folder, name))
			}
		}
	}
	return paths
}

// isMariaDB reports whether a mysqld is MariaDB's. Oracle's requires a different
// initialization.
func isMariaDB(path string) bool {
	out, err := exec.Command(path, "--no-defaults", "--version").Output()
	return err == nil && strings.Contains(string(out), "MariaDB")
}

// systemScripts returns the SQL files that create the grant tables, in order. They are
// in the server's share folder, under one of two names each.
func systemScripts(binary string) ([]string, error) {
	steps := []string{"system_tables", "performance_tables", "system_tables_data"}
	var searched []string
	for _, folder := range shareFolders(binary) {
		var scripts []string
		for _, step := range steps {
			for _, prefix := range []string{"mariadb_", "mysql_"} {
				script := filepath.Join(folder, prefix+step+".sql")
				if _, err := os.Stat(script); err == nil {
					scripts = append(scripts, script)
					break
				}
			}
		}
		if len(scripts) == len(steps) {
			return scripts, nil
		}
		searched = append(searched, folder)
	}
	return nil, fmt.Errorf("%w: %s exists, but the SQL files of its system tables do not (searched in %s)",
		ErrNotFound, binary, strings.Join(searched, ", "))
}

func shareFolders(binary string) []string {
	binaries := []string{binary}
	if real, err := filepath.EvalSymlinks(binary); err == nil && real != binary {
		binaries = append(binaries, real)
	}
	var folders []string
	for _, b := range binaries {
		share := filepath.Join(filepath.Dir(b), "..", "share")
		folders = append(folders, filepath.Join(share, "mariadb"), filepath.Join(share, "mysql"), share)
	}
	return folders
}
