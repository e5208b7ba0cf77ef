package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/tensor"
)

func host(t testing.TB, d tensor.DType, shape ...int) tensor.Host {
	sp := tensor.Of(d, shape...)
	h := tensor.Host{Spec: sp, Data: make([]byte, sp.Bytes())}
	for i := range h.Data {
		h.Data[i] = byte(i*7 + int(d))
	}
	return h
}

// written are the bytes of a file.
func written(t testing.TB, tensors []Named, meta map[string]string) []byte {
	sorted, head, err := layOut(tensors, meta)
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, put(&b, sorted, head))
	return b.Bytes()
}

// The bytes are those of the format's own description: a length, a header padded
// with spaces to a multiple of 8, the data.
func TestWrittenBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	require.NoError(t, Write(path, []Named{
		{Name: "b", Host: tensor.Host{Spec: tensor.Of(tensor.U8, 3), Data: []byte{7, 8, 9}}},
		{Name: "c<", Host: tensor.Host{Spec: tensor.Of(tensor.I32), Data: []byte{1, 0, 0, 0}}},
		{Name: "a", Host: tensor.Host{Spec: tensor.Of(tensor.U8, 0, 2)}},
	}, map[string]string{"format": "pt", "a": "\""}))
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	want := `{"__metadata__":{"a":"\"","format":"pt"},"c<":{"dtype":"I32","shape":[],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[0,2],"data_offsets":[4,4]},"b":{"dtype":"U8","shape":[3],"data_offsets":[4,7]}}`
	for len(want)%8 != 0 {
		want += " "
	}
	require.Equal(t, string(fileOf(want, []byte{1, 0, 0, 0, 7, 8, 9})), string(got))
}

func TestWriteReadWrite(t *testing.T) {
	dir := t.TempDir()
	var tensors []Named
	for d := tensor.F32; d <= tensor.Bool; d++ {
		for _, shape := range [][]int{{}, {3}, {0, 4}, {2, 1, 3, 1}} {
			tensors = append(tensors, Named{Name: d.String() + string(rune('z'-len(shape))), Host: host(t, d, shape...)})
		}
	}
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	require.NoError(t, Write(one, tensors, map[string]string{"b": "1", "a": "2"}))
	slices.Reverse(tensors)
	require.NoError(t, Write(two, tensors, map[string]string{"a": "2", "b": "1"}))
	a, err := os.ReadFile(one)
	require.NoError(t, err)
	b, err := os.ReadFile(two)
	require.NoError(t, err)
	require.True(t, bytes.Equal(a, b), "the order of the tensors shows in the bytes")

	f, err := Open(one)
	require.NoError(t, err)
	defer f.Close()
	require.Equal(t, map[string]string{"a": "2", "b": "1"}, f.Metadata())
	require.Zero(t, f.data%8)
	var again []Named
	for _, n := range f.Names() {
		h, err := f.Read(n)
		require.NoError(t, err)
		again = append(again, Named{Name: n, Host: h})
		require.Zero(t, f.entries[n].begin%f.entries[n].size, "%s is not aligned", n)
	}
	slices.SortFunc(tensors, func(a, b Named) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	require.Equal(t, len(tensors), len(again))
	for i := range tensors {
		require.Equal(t, tensors[i].Spec, again[i].Spec)
		require.True(t, bytes.Equal(tensors[i].Data, again[i].Data))
	}
	require.NoError(t, Write(two, again, f.Metadata()))
	b, err = os.ReadFile(two)
	require.NoError(t, err)
	require.True(t, bytes.Equal(a, b))
}

// A streamed tensor gives the bytes of the same tensor at once, NaN bits too, and
// is never in memory as a whole.
func TestWriteStreamed(t *testing.T) {
	dir := t.TempDir()
	const n = 3*chunkElems + 5
	at := func(i int) float32 { return math.Float32frombits(uint32(i) * 2654435761) }
	raw := make([]byte, 0, 4*n)
	for i := range n {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(at(i)))
	}
	sp := tensor.Of(tensor.F32, n)
	stream := func(piece, n int) func(put func([]float32) error) error {
		return func(put func([]float32) error) error {
			v := make([]float32, 0, piece)
			for i := range n {
				v = append(v, at(i))
				if len(v) == piece || i == n-1 {
					if err := put(v); err != nil {
						return err
					}
					v = v[:0]
				}
			}
			return nil
		}
	}
	whole := filepath.Join(dir, "whole")
	require.NoError(t, Write(whole, []Named{{Name: "w", Host: tensor.Host{Spec: sp, Data: raw}}}, nil))
	want, err := os.ReadFile(whole)
	require.NoError(t, err)
	for _, piece := range []int{1000, chunkElems, n} {
		path := filepath.Join(dir, "streamed")
		used := allocated(func() {
			require.NoError(t, Write(path, []Named{{Name: "w", Host: tensor.Host{Spec: sp}, Stream: stream(piece, n)}}, nil))
		})
		require.Less(t, used, uint64(4*piece+6*chunkElems))
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got), "pieces of %d", piece)
	}
	for count, text := range map[int]string{n + 1: "1 values too many", n - 1: "1 values too few"} {
		path := filepath.Join(dir, "wrong")
		err := Write(path, []Named{{Name: "w", Host: tensor.Host{Spec: sp}, Stream: stream(1000, count)}}, nil)
		require.ErrorIs(t, err, tensor.ErrShape)
		require.ErrorContains(t, err, text)
		require.ErrorContains(t, err, `tensor "w"`)
		require.NoFileExists(t, path)
	}
	// From a file to a file.
	f, err := Open(whole)
	require.NoError(t, err)
	defer f.Close()
	copied := filepath.Join(dir, "copied")
	require.NoError(t, Write(copied, []Named{{Name: "w", Host: tensor.Host{Spec: sp}, Stream: func(put func([]float32) error) error {
		return f.ReadFloat32("w", func(_ int64, v []float32) error { return put(v) })
	}}}, nil))
	got, err := os.ReadFile(copied)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got))
}

func TestWriteRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	ok := host(t, tensor.U8, 2)
	for _, c := range []struct {
		name    string
		tensors []Named
		meta    map[string]string
		want    string
	}{
		{"name twice", []Named{{Name: "a", Host: ok}, {Name: "a", Host: host(t, tensor.F32, 1)}}, nil, "twice"},
		{"metadata as a name", []Named{{Name: "__metadata__", Host: ok}}, nil, "__metadata__"},
		{"name in no UTF-8", []Named{{Name: "\xff", Host: ok}}, nil, "UTF-8"},
		{"metadata in no UTF-8", nil, map[string]string{"a": "\xff"}, "UTF-8"},
		{"no dtype", []Named{{Name: "a"}}, nil, "want a dtype"},
		{"too few bytes", []Named{{Name: "a", Host: tensor.Host{Spec: tensor.Of(tensor.U8, 3), Data: []byte{1}}}}, nil, "1 bytes for U8[3], want 3"},
		{"negative size", []Named{{Name: "a", Host: tensor.Host{Spec: tensor.Spec{DType: tensor.U8, Rank: 1, Shape: [4]int32{-1}}}}}, nil, "out of range"},
		{"rank", []Named{{Name: "a", Host: tensor.Host{Spec: tensor.Spec{DType: tensor.U8, Rank: 5}}}}, nil, "5 axes"},
		{"streamed integers", []Named{{Name: "a", Host: tensor.Host{Spec: tensor.Of(tensor.I32, 1)}, Stream: func(func([]float32) error) error { return nil }}}, nil, "want F32"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Write(path, c.tensors, c.meta)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, path)
			require.NoFileExists(t, path)
		})
	}
}

func TestReplaceFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	text := func(s string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
	}
	files := func() (names []string) {
		all, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range all {
			names = append(names, e.Name())
		}
		return names
	}
	require.NoError(t, ReplaceFile(path, text("one")))
	require.Equal(t, []string{"x"}, files())

	stop := errors.New("stop")
	err := ReplaceFile(path, func(w io.Writer) error { io.WriteString(w, "half"); return stop })
	require.ErrorIs(t, err, stop)
	require.Panics(t, func() { ReplaceFile(path, func(io.Writer) error { panic("in fill") }) })
	require.Equal(t, []string{"x"}, files())
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "one", string(got))

	// What a killed write left is removed; what looks like it is not.
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".x.tmp-00c0ffee"), nil, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".x.tmp-mine"), nil, 0o644))
	require.NoError(t, os.Chmod(path, 0o640))
	require.NoError(t, ReplaceFile(path, text("two")))
	require.Equal(t, []string{".x.tmp-mine", "x"}, files())
	got, err = os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "two", string(got))
	info, err := os.Stat(path)
	require.NoError(t, err)
	if os.PathSeparator == '/' {
		require.Equal(t, os.FileMode(0o640), info.Mode())
	}

	require.ErrorContains(t, ReplaceFile(dir, text("")), "want a regular file")
	require.ErrorIs(t, ReplaceFile(filepath.Join(dir, "none", "x"), text("")), os.ErrNotExist)
}
