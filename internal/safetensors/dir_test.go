package safetensors

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fillFolder puts a folder of two files and a folder inside into tmp; step is called before
// each of them.
func fillFolder(content string, step func() error) func(tmp string) error {
	return func(tmp string) error {
		for _, name := range []string{"config.json", "sub/model.safetensors"} {
			if err := step(); err != nil {
				return err
			}
			path := filepath.Join(tmp, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				return err
			}
			if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
				return err
			}
		}
		return nil
	}
}

// contentOf is what fillFolder put there; an error where it is not whole, "" where there is
// no folder.
func contentOf(dir string) (string, error) {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	a, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile(filepath.Join(dir, "sub", "model.safetensors"))
	if err != nil {
		return "", err
	}
	if string(a) != string(b) || len(a) == 0 {
		return "", fmt.Errorf("a mixture: %q and %q", a, b)
	}
	return string(a), nil
}

func namesIn(t *testing.T, dir string) string {
	all, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range all {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// stepping is the disk with step called before everything it does. Removing a
// folder takes two steps, so that one can come between its files.
func stepping(canExchange bool, step func() error) disk {
	two := func(do func(a, b string) error) func(a, b string) error {
		return func(a, b string) error {
			if err := step(); err != nil {
				return err
			}
			return do(a, b)
		}
	}
	d := disk{exchange: two(exchange), rename: two(os.Rename)}
	if !canExchange {
		d.exchange = func(a, b string) error { return errors.ErrUnsupported }
	}
	d.remove = func(path string) error {
		if err := step(); err != nil {
			return err
		}
		os.Remove(filepath.Join(path, "config.json"))
		if err := step(); err != nil {
			return err
		}
		return os.RemoveAll(path)
	}
	d.sync = func(path string, dir bool) error {
		if err := step(); err != nil {
			return err
		}
		_, err := os.Lstat(path) // a sync takes long
		return err
	}
	return d
}

func noStep() error { return nil }

// replace puts a folder in place, without syncs.
func replace(t *testing.T, dir, content string) {
	require.NoError(t, stepping(true, noStep).replaceDir(dir, fillFolder(content, noStep)))
}

// killed replaces a folder, but from the given step on nothing more happens, as
// if the process had been killed there; false where it came to its end before.
func killed(t *testing.T, dir string, at int, canExchange bool) bool {
	dead := errors.New("dead")
	n := 0
	step := func() error {
		if n++; n > at {
			return dead
		}
		return nil
	}
	err := stepping(canExchange, step).replaceDir(dir, fillFolder("new", step))
	if n > at {
		return true
	}
	require.NoError(t, err)
	return false
}

// A process killed before any step leaves the old folder or the new one, and the
// next save finds a clean place.
func TestReplaceDirKilled(t *testing.T) {
	for _, canExchange := range []bool{true, false} {
		for _, exists := range []bool{true, false} {
			t.Run(fmt.Sprintf("exchange %v, old folder %v", canExchange, exists), func(t *testing.T) {
				if a, b := t.TempDir(), t.TempDir(); canExchange && exchange(a, b) != nil {
					t.Skip("the file system cannot exchange two names")
				}
				// The folder may be missing in one moment, where names cannot be exchanged.
				seen, gone := map[string]bool{}, 0
				for step := 0; ; step++ {
					parent := t.TempDir()
					dir := filepath.Join(parent, "model")
					if exists {
						replace(t, dir, "old")
					}
					alive := !killed(t, dir, step, canExchange)
					got, err := contentOf(dir)
					require.NoError(t, err, "step %d", step)
					if exists && got == "" {
						require.False(t, canExchange, "step %d: no folder", step)
						gone++
					}
					// A save that fails later brings back what was there.
					stop := errors.New("stop")
					require.ErrorIs(t, stepping(true, noStep).replaceDir(dir, func(string) error { return stop }), stop)
					after, err := contentOf(dir)
					require.NoError(t, err, "step %d", step)
					if got != "" || !exists {
						require.Equal(t, got, after, "step %d", step)
					} else {
						require.Equal(t, "old", after, "step %d", step)
					}
					want := "model"
					if after == "" {
						want = ""
					}
					require.Equal(t, want, namesIn(t, parent), "step %d", step)
					replace(t, dir, "next")
					next, err := contentOf(dir)
					require.NoError(t, err)
					require.Equal(t, "next", next)
					require.Equal(t, "model", namesIn(t, parent))
					seen[got] = true
					if alive {
						require.Equal(t, "new", got)
						require.Greater(t, step, 7, "steps that were killed")
						break
					}
				}
				require.True(t, seen["new"])
				require.Equal(t, exists, seen["old"])
				if exists && !canExchange {
					require.Equal(t, 1, gone, "steps without a folder")
				}
			})
		}
	}
}

// A step that fails is reported, and leaves the old folder or the new one too.
func TestReplaceDirFailing(t *testing.T) {
	broken := errors.New("broken")
	for _, canExchange := range []bool{true, false} {
		t.Run(fmt.Sprintf("exchange %v", canExchange), func(t *testing.T) {
			for fail := 0; ; fail++ {
				parent := t.TempDir()
				dir := filepath.Join(parent, "model")
				replace(t, dir, "old")
				// What a killed call left, so that cleaning up can fail too.
				require.NoError(t, os.MkdirAll(filepath.Join(parent, ".model.tmp-00c0ffee", "sub"), 0o777))
				require.NoError(t, os.MkdirAll(filepath.Join(parent, ".model.old-00c0ffee", "sub"), 0o777))
				n := 0
				step := func() error {
					if n++; n == fail+1 {
						return broken
					}
					return nil
				}
				err := stepping(canExchange, step).replaceDir(dir, fillFolder("new", step))
				got, errGot := contentOf(dir)
				require.NoError(t, errGot, "step %d", fail)
				if err != nil {
					require.ErrorIs(t, err, broken)
					require.Equal(t, strings.Contains(err.Error(), "in place"), got == "new", "step %d: %v leaves %s", fail, err, got)
				} else {
					require.Equal(t, "new", got)
				}
				replace(t, dir, "next")
				require.Equal(t, "model", namesIn(t, parent), "step %d", fail)
				if n <= fail {
					require.NoError(t, err)
					require.Greater(t, fail, 12, "steps that failed")
					break
				}
			}
		})
	}
}

// Everything is synced before it is put in place, and the old folder goes last.
func TestReplaceDirOrder(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "model")
	require.NoError(t, ReplaceDir(dir, fillFolder("old", noStep)))
	var steps []string
	note := func(what, path string) {
		rel, err := filepath.Rel(parent, path)
		require.NoError(t, err)
		steps = append(steps, what+" "+regexp.MustCompile(`-[0-9a-f]{8}`).ReplaceAllString(filepath.ToSlash(rel), ""))
	}
	d := disk{
		exchange: func(a, b string) error { return errors.ErrUnsupported },
		rename:   func(a, b string) error { note("rename to", b); return os.Rename(a, b) },
		remove:   func(path string) error { note("remove", path); return os.RemoveAll(path) },
		sync:     func(path string, dir bool) error { note("sync", path); return syncPath(path, dir) },
	}
	require.NoError(t, d.replaceDir(dir, fillFolder("new", noStep)))
	require.Equal(t, []string{
		"sync .model.tmp/config.json", "sync .model.tmp/sub/model.safetensors", "sync .model.tmp/sub", "sync .model.tmp",
		"rename to .model.old", "rename to model", "sync .", "rename to .model.tmp", "remove .model.tmp",
	}, steps)
}

// If the old folder was renamed aside and the new one cannot take its place, the
// old one comes back.
func TestReplaceDirComesBack(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "model")
	replace(t, dir, "old")
	broken := errors.New("broken")
	d := stepping(false, noStep)
	d.rename = func(from, to string) error {
		if to == dir && strings.Contains(from, ".tmp-") {
			return broken
		}
		return os.Rename(from, to)
	}
	require.ErrorIs(t, d.replaceDir(dir, fillFolder("new", noStep)), broken)
	got, err := contentOf(dir)
	require.NoError(t, err)
	require.Equal(t, "old", got)
	require.Equal(t, "model", namesIn(t, parent))
}

func TestReplaceDirPlaces(t *testing.T) {
	parent := t.TempDir()
	t.Run("relative", func(t *testing.T) {
		t.Chdir(parent)
		require.NoError(t, ReplaceDir("a/", fillFolder("x", noStep)))
		got, err := contentOf(filepath.Join(parent, "a"))
		require.NoError(t, err)
		require.Equal(t, "x", got)
	})
	t.Run("surplus files go", func(t *testing.T) {
		dir := filepath.Join(parent, "a")
		require.NoError(t, os.WriteFile(filepath.Join(dir, "surplus"), nil, 0o666))
		require.NoError(t, ReplaceDir(dir, fillFolder("y", noStep)))
		require.NoFileExists(t, filepath.Join(dir, "surplus"))
	})
	t.Run("neighbours stay", func(t *testing.T) {
		mine := filepath.Join(parent, ".a.tmp-mine")
		require.NoError(t, os.Mkdir(mine, 0o777))
		require.NoError(t, ReplaceDir(filepath.Join(parent, "a"), fillFolder("z", noStep)))
		require.DirExists(t, mine)
	})
	t.Run("file in the way", func(t *testing.T) {
		path := filepath.Join(parent, "file")
		require.NoError(t, os.WriteFile(path, []byte("x"), 0o666))
		require.ErrorContains(t, ReplaceDir(path, fillFolder("x", noStep)), "want a folder")
		require.FileExists(t, path)
	})
	t.Run("no parent", func(t *testing.T) {
		require.ErrorIs(t, ReplaceDir(filepath.Join(parent, "none", "a"), fillFolder("x", noStep)), os.ErrNotExist)
	})
	t.Run("panic", func(t *testing.T) {
		dir := filepath.Join(parent, "p")
		require.Panics(t, func() { ReplaceDir(dir, func(string) error { panic("in fill") }) })
		require.NotContains(t, namesIn(t, parent), "p.tmp")
		require.NoDirExists(t, dir)
	})
}
