package kernels

import (
	"testing"

	"github.com/cephalo-ml/cephalo/tensor"
	"github.com/stretchr/testify/require"
)

// TestLargerThanABinding: a weight of 147 MB is looked up in and multiplied with,
// whatever the device binds at a time.
func TestLargerThanABinding(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 147 MB of device memory")
	}
	const vocab, width = 36_000, 1024
	b := open(t)
	buf, err := b.Alloc(4 * vocab * width)
	require.NoError(t, err)
	defer b.Release(buf)
	w := tensor.View(buf, tensor.Of(tensor.F32, vocab, width))
	s := begin(t, b)
	for _, r := range []int{1, 32_768, vocab - 1} {
		row, err := w.Slice(r, r+1)
		require.NoError(t, err)
		v := make([]float32, width)
		for c := range v {
			v[c] = float32(r%7+1) + float32(c)/1024
		}
		require.NoError(t, s.Write(row, tensor.Bytes(v)))
	}
	ids, err := tensor.Upload(s, []int32{vocab - 1, 1, 0, 32_768}, 4)
	require.NoError(t, err)
	x, err := tensor.Embedding(s, ids, w, tensor.Tensor{}, -1)
	require.NoError(t, err)
	rows := download(t, s, x)
	for i, r := range []int{vocab - 1, 1, 0, 32_768} {
		first, last := float32(r%7+1), float32(r%7+1)+1023.0/1024
		if r == 0 {
			first, last = 0, 0
		}
		require.Equal(t, first, rows[i*width])
		require.Equal(t, last, rows[i*width+width-1])
	}
	ones := make([]float32, width)
	for i := range ones {
		ones[i] = 1
	}
	one, err := tensor.Upload(s, ones, 1, width)
	require.NoError(t, err)
	y, err := tensor.Linear(s, one, w, tensor.Tensor{}, tensor.Tensor{}, tensor.ActNone, false)
	require.NoError(t, err)
	sums := download(t, s, y)
	for r, got := range sums {
		want := 0.0
		if r == 1 || r == 32_768 || r == vocab-1 {
			want = 1024*float64(r%7+1) + 511.5
		}
		require.InDelta(t, want, got, 1e-2, "row %d", r)
	}
}
