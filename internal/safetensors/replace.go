package safetensors

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
)

// ReplaceFile makes or replaces the file path of what fill writes. Readers see
// the old file or the new one: the bytes go to a sibling file, which is synced
// and then renamed. What an earlier write left behind is removed; so one process
// at a time may write to a path.
func ReplaceFile(path string, fill func(w io.Writer) error) error {
	if err := replaceFile(path, fill); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func replaceFile(path string, fill func(w io.Writer) error) (err error) {
	if path, err = Target(path); err != nil {
		return err
	}
	old, err := os.Stat(path)
	switch {
	case err == nil && !old.Mode().IsRegular():
		return fmt.Errorf("%v is there, want a regular file", old.Mode())
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return err
	}
	if err := removeStale(path, "tmp", os.Remove); err != nil {
		return err
	}
	var f *os.File
	tmp, err := sibling(path, "tmp", func(name string) (err error) {
		f, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		return err
	})
	if err != nil {
		return err
	}
	defer func() { // also when fill panics
		f.Close()
		os.Remove(tmp) // gone where it was renamed
	}()
	w := bufio.NewWriterSize(f, 1<<16)
	if err := fill(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if old != nil {
		if err := os.Chmod(tmp, old.Mode().Perm()); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("the new file is in place, but not synced: %w", err)
	}
	return nil
}

// sibling makes a fresh hidden name beside path, of the given kind, by create.
func sibling(path, kind string, create func(name string) error) (string, error) {
	for range 100 {
		name := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%s-%08x", filepath.Base(path), kind, rand.Uint32()))
		err := create(name)
		if !errors.Is(err, os.ErrExist) {
			return name, err
		}
	}
	return "", fmt.Errorf("no free name beside %s", path)
}

var siblingSuffix = regexp.MustCompile(`^[0-9a-f]{8}$`)

// stale are the siblings of one kind that a killed process left beside path.
func stale(path, kind string) ([]string, error) {
	all, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range all {
		suffix, ok := strings.CutPrefix(e.Name(), "."+filepath.Base(path)+"."+kind+"-")
		if ok && siblingSuffix.MatchString(suffix) {
			names = append(names, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	return names, nil
}

func removeStale(path, kind string, remove func(string) error) error {
	names, err := stale(path, kind)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := remove(name); err != nil {
			return err
		}
	}
	return nil
}

// syncDir makes the names in a folder last. Not every system and file system
// can: those that say so are believed.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" || runtime.GOOS == "js" || runtime.GOOS == "wasip1" || runtime.GOOS == "plan9" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}
