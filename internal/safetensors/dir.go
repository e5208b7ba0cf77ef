package safetensors

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// ReplaceDir makes the folder dir of what fill puts into the empty folder tmp, or
// replaces an existing dir by it, whatever it holds: whether that may go is for
// the caller to ask first. dir is at every moment the whole old folder or the
// whole new one (where dir is a link, this is of the folder it leads to), also if the process is killed or the machine stops. Where the
// system cannot swap two names in one step (Windows, some network file systems)
// the old folder is renamed aside for a moment; should the process die in that
// moment, dir is missing and the next ReplaceDir puts the old folder back first.
//
// What a killed call left beside dir is removed; so one process at a time may
// replace a folder. An error that comes after the new folder is in place says so.
func ReplaceDir(dir string, fill func(tmp string) error) error {
	d := disk{exchange: exchange, rename: os.Rename, remove: os.RemoveAll, sync: syncPath}
	if err := d.replaceDir(dir, fill); err != nil {
		return fmt.Errorf("write folder %s: %w", dir, err)
	}
	return nil
}

// disk are the steps of ReplaceDir that change or sync something, so that tests
// can fail each of them.
type disk struct {
	exchange func(a, b string) error
	rename   func(from, to string) error
	remove   func(path string) error
	sync     func(path string, dir bool) error
}

func (d disk) replaceDir(dir string, fill func(tmp string) error) error {
	dir, err := Target(dir)
	if err != nil {
		return err
	}
	if err := d.recover(dir); err != nil {
		return err
	}
	old, err := os.Stat(dir)
	switch {
	case err == nil && !old.IsDir():
		return fmt.Errorf("%v is there, want a folder", old.Mode())
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	tmp, err := sibling(dir, "tmp", func(name string) error { return os.Mkdir(name, 0o777) })
	if err != nil {
		return err
	}
	placed := false
	defer func() { // also when fill panics
		if !placed {
			d.remove(tmp)
		}
	}()
	if err := fill(tmp); err != nil {
		return err
	}
	if old != nil {
		if err := os.Chmod(tmp, old.Mode().Perm()); err != nil {
			return err
		}
	}
	if err := d.syncTree(tmp); err != nil {
		return err
	}
	var aside string // where the old folder is
	if old == nil {
		err = d.rename(tmp, dir)
	} else {
		aside, err = d.swap(tmp, dir)
	}
	if err != nil {
		return err
	}
	placed = true
	if err := d.sync(filepath.Dir(dir), true); err != nil {
		return fmt.Errorf("the new folder is in place, but not synced: %w", err)
	}
	if old != nil {
		if err := d.discard(dir, aside); err != nil {
			return fmt.Errorf("the new folder is in place, but the old one is left: %w", err)
		}
	}
	return nil
}

// swap puts tmp in the place of dir and says where the old folder is then.
func (d disk) swap(tmp, dir string) (string, error) {
	if d.exchange(tmp, dir) == nil {
		return tmp, nil
	}
	// Not every file system can. If something else is wrong, renaming fails too.
	aside, err := sibling(dir, "old", func(name string) error { return d.rename(dir, name) })
	if err != nil {
		return "", err
	}
	if err := d.rename(tmp, dir); err != nil {
		return "", errors.Join(err, d.rename(aside, dir))
	}
	return aside, nil
}

// discard removes an old folder. A sibling named old may be put back by recover,
// so it takes another name before it loses its first file.
func (d disk) discard(dir, aside string) error {
	tmp, err := sibling(dir, "tmp", func(name string) error { return d.rename(aside, name) })
	if err != nil {
		return err
	}
	return d.remove(tmp)
}

// recover cleans up after a call that was killed.
func (d disk) recover(dir string) error {
	olds, err := stale(dir, "old")
	if err != nil {
		return err
	}
	for _, old := range olds {
		_, err := os.Lstat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			err = d.rename(old, dir)
		} else if err == nil {
			err = d.discard(dir, old)
		}
		if err != nil {
			return err
		}
	}
	return removeStale(dir, "tmp", d.remove)
}

// syncTree syncs the files under dir, then the folders from the inside out.
func (d disk) syncTree(dir string) error {
	var folders []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir():
			folders = append(folders, path)
		case e.Type().IsRegular():
			return d.sync(path, false)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, path := range slices.Backward(folders) {
		if err := d.sync(path, true); err != nil {
			return err
		}
	}
	return nil
}

func syncPath(path string, dir bool) error {
	if dir {
		return syncDir(path)
	}
	flag := os.O_RDONLY
	if runtime.GOOS == "windows" {
		flag = os.O_RDWR // its sync wants that
	}
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
