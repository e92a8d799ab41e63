package mariadbd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFind(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name, version string) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\necho '"+version+"'\n"), 0o700))
		return path
	}
	maria := write("mariadbd", "mariadbd  Ver 10.11.19-MariaDB for debian-linux-gnu")
	oracle := write("mysqld", "mysqld  Ver 9.7.4 for Linux on x86_64 (MySQL Community Server)")

	folders := []string{"/missing"}

	for name, test := range map[string]struct {
		env     map[string]string
		want    string
		message string
	}{
		"the environment comes first": {env: map[string]string{Env: maria, "PATH": "/missing"}, want: maria},
		"then PATH":                   {env: map[string]string{"PATH": "relative:" + folder}, want: maria},
		"nothing anywhere":            {env: map[string]string{"PATH": "/missing"}, message: "apt-get install mariadb-server-core"},
		"a name that does not exist":  {env: map[string]string{Env: "/missing/mariadbd"}, message: "/missing/mariadbd"},
		"Oracle's server":             {env: map[string]string{Env: oracle}, message: "is not MariaDB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := find(func(key string) string { return test.env[key] }, folders)
			if test.message != "" {
				assert.ErrorIs(t, err, ErrNotFound)
				assert.ErrorContains(t, err, test.message)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestStartWithoutSystemScripts(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "mariadbd")
	require.NoError(t, os.WriteFile(binary, []byte("#!/bin/sh\n"), 0o700))

	_, err := Start(t.Context(), Config{Binary: binary})
	assert.ErrorIs(t, err, ErrNotFound)
	assert.ErrorContains(t, err, "system tables")
}
