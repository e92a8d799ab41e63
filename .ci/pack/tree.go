package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// tree is a set of files by relative, slash-separated path.
type tree map[string]file

type file struct {
	content    []byte
	executable bool
}

func (f file) mode() int64 {
	if f.executable {
		return 0o755
	}
	return 0o644
}

// names returns the sorted paths of all files and of their folders ("etc/").
func (t tree) names() []string {
	all := map[string]bool{}
	for name := range t {
		all[name] = true
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			all[dir+"/"] = true
		}
	}
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// tar archives the tree. All entries belong to root and have the same time.
func (t tree) tar(modTime time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range t.names() {
		header := &tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755, ModTime: modTime, Format: tar.FormatUSTAR}
		if f, ok := t[name]; ok {
			header.Typeflag, header.Mode, header.Size = tar.TypeReg, f.mode(), int64(len(f.content))
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(t[name].content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

// write writes the tree to a folder. All users may read it, independently of
// the umask.
func (t tree) write(dir string) error {
	for name, f := range t {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, f.content, fs.FileMode(f.mode())); err != nil {
			return err
		}
		if err := os.Chmod(to, fs.FileMode(f.mode())); err != nil {
			return err
		}
	}
	return nil
}

// add reads a file or folder below root and adds the files for which wanted
// returns true to a folder of the tree.
func (t tree) add(root, name, below string, wanted func(name string) bool) error {
	return filepath.WalkDir(filepath.Join(root, name), func(at string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(root, at)
		if err != nil {
			return err
		}
		if relative = filepath.ToSlash(relative); !wanted(relative) {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content, err := os.ReadFile(at)
		t[path.Join(below, relative)] = file{content, info.Mode()&0o100 != 0}
		return err
	})
}

// compress returns gzipped content without a name or a time in the header.
func compress(content []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(w, bytes.NewReader(content)); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

// safe replaces the characters of a version that are invalid in file names or
// image tags.
func safe(version string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("._-", r) {
			return r
		}
		return '-'
	}, version)
}
