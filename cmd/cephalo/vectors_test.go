package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/internal/safetensors"
)

func TestVectorHeaders(t *testing.T) {
	for _, header := range []vectorHeader{npyHeader, safetensorsHeader} {
		for _, n := range []int64{0, 7, 1 << 52} {
			require.Len(t, header(n, 1<<20), headerBytes)
		}
	}
	require.Zero(t, headerBytes%64)
	h := string(npyHeader(12, 3))
	require.Equal(t, "\x93NUMPY\x01\x00\xb6\x00{'descr': '<f4', 'fortran_order': False, 'shape': (12, 3), }", strings.TrimRight(h, " \n"))
	require.True(t, strings.HasSuffix(h, " \n"))
}

// names are what a folder holds.
func names(t *testing.T, dir string) []string {
	t.Helper()
	all, err := os.ReadDir(dir)
	require.NoError(t, err)
	var out []string
	for _, e := range all {
		out = append(out, e.Name())
	}
	return out
}

// TestVectorFile: the file appears when it is whole, and nothing else stays.
func TestVectorFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "v.safetensors")
	killed := filepath.Join(dir, ".v.safetensors.tmp-0123abcd")
	require.NoError(t, os.WriteFile(killed, nil, 0o600))
	v, err := createVectors(path, 2)
	require.NoError(t, err)
	require.NoFileExists(t, killed)
	require.NoError(t, v.write([]float32{1, 2}))
	require.ErrorContains(t, v.write([]float32{1}), "vector 1 has 1 values, want 2")
	require.NoError(t, v.write([]float32{3, 4}))
	require.NoFileExists(t, path)
	require.Len(t, names(t, dir), 1)
	require.NoError(t, v.finish())
	v.discard()
	require.Equal(t, []string{"v.safetensors"}, names(t, dir))
	f, err := safetensors.Open(path)
	require.NoError(t, err)
	defer f.Close()
	h, err := f.Read("embeddings")
	require.NoError(t, err)
	require.Equal(t, []int{2, 2}, h.Dims())
	x, err := h.Float32()
	require.NoError(t, err)
	require.Equal(t, []float32{1, 2, 3, 4}, x)

	_, err = createVectors(filepath.Join(dir, "none", "v.npy"), 2)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "d.npy"), 0o755))
	_, err = createVectors(filepath.Join(dir, "d.npy"), 2)
	require.ErrorContains(t, err, "no regular file")
}

// TestEmbedNothing writes a file of no rows.
func TestEmbedNothing(t *testing.T) {
	embedded(t)
	path := filepath.Join(t.TempDir(), "v.safetensors")
	_, errOut, code := command(t, "", "embed", "--output", path)
	require.Zero(t, code, errOut)
	f, err := safetensors.Open(path)
	require.NoError(t, err)
	defer f.Close()
	require.Equal(t, []int{0, 128}, f.Dims("embeddings"))
}

// TestEmbedFails: a bad line and a signal leave what was there.
func TestEmbedFails(t *testing.T) {
	embedded(t)
	dir := t.TempDir()
	for _, name := range []string{"v.npy", "v.safetensors"} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte("old"), 0o640))
		_, errOut, code := command(t, "one\n{\"txt\":1}\nthree\n", "embed", "--output", path)
		require.Equal(t, exitFailed, code)
		require.Contains(t, errOut, "line 2: unknown key")

		ctx, cancel := context.WithCancel(t.Context())
		in, w := io.Pipe()
		go func() {
			io.WriteString(w, "one\n") // read before the signal
			cancel()
		}()
		code = run(ctx, []string{"embed", "--output", path}, in, io.Discard, io.Discard)
		in.Close()
		require.Equal(t, exitFailed, code)
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, "old", string(raw))
	}
	require.Equal(t, []string{"v.npy", "v.safetensors"}, names(t, dir))
	path := filepath.Join(dir, "v.npy")
	_, errOut, code := command(t, "one\n", "embed", "--output", path)
	require.Zero(t, code, errOut)
	if info, err := os.Stat(path); runtime.GOOS != "windows" {
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o640), info.Mode().Perm(), "as the old file's")
	}
}
