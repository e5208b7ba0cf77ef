package safetensors

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Target is where a write to path goes: an absolute name, without the links that it
// may be. Errors: an empty name, a link to nothing.
func Target(path string) (string, error) {
	if path == "" {
		return "", errors.New("the name is empty")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if st, err := os.Lstat(path); err != nil || st.Mode()&fs.ModeSymlink == 0 {
		return path, nil // the parts before the last one are followed anyhow
	}
	to, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("%s is a link that cannot be followed: %w", path, err)
	}
	return to, nil
}
