package safetensors

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/internal/testutil"
)

// Files that other programs wrote: each opens, and what is written of it reads
// the same.
func TestFilesOfOthers(t *testing.T) {
	count := 0
	for _, room := range []string{"goldens", "models"} {
		files, err := filepath.Glob(filepath.Join(testutil.Shared(t, room), "*", "*.safetensors"))
		require.NoError(t, err)
		for _, path := range files {
			f, err := Open(path)
			require.NoError(t, err)
			var tensors []Named
			for _, name := range f.Names() {
				h, err := f.Read(name)
				require.NoError(t, err)
				tensors = append(tensors, Named{Name: name, Host: h})
			}
			g, err := openBytes(t, written(t, tensors, f.Metadata()))
			require.NoError(t, err)
			require.Equal(t, f.Names(), g.Names())
			require.Equal(t, len(f.Metadata()), len(g.Metadata()))
			for _, n := range tensors {
				h, err := g.Read(n.Name)
				require.NoError(t, err)
				require.Equal(t, n.Spec, h.Spec)
				require.True(t, bytes.Equal(n.Data, h.Data), "%s: %s", path, n.Name)
			}
			require.NoError(t, f.Close())
			count++
		}
	}
	require.Positive(t, count)
}
