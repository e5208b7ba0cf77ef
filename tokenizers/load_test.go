package tokenizers

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// only is a folder with some of the files of another.
func only(t testing.TB, dir string, names ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		fsys[name] = &fstest.MapFile{Data: data}
	}
	return fsys
}
