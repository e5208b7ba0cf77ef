package encoders_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/tensor"
)

// TestNoRows: a batch of padding alone, or of empty sequences, gives hidden states of no
// rows, zeros in the padded form, and a pooled vector for each sequence.
func TestNoRows(t *testing.T) {
	padding, err := encoders.NewBatch(encoders.Padded{IDs: []int32{0, 4, 0, 0, 0, 0}, Mask: make([]int32, 6), Batch: 2, Cols: 3})
	require.NoError(t, err)
	empty, err := encoders.PackBatch([][]int32{{}, nil}, nil)
	require.NoError(t, err)
	onBackends(t, func(t *testing.T, b tensor.Backend, cpu bool) {
		for name, m := range small() {
			enc, w, err := encoders.New(t.Context(), b, m, 3)
			require.NoError(t, err)
			for what, batch := range map[string]*encoders.Batch{"padding": padding, "empty": empty} {
				for _, train := range []bool{false, true} {
					s, err := b.Begin()
					require.NoError(t, err)
					out, err := enc.Forward(&tensor.Scope{Stream: s, Train: train}, batch, encoders.Want{AllHidden: true, Pooled: enc.HasPooler()})
					require.NoError(t, err, "%s, %s", name, what)
					for _, x := range append(out.All, out.Hidden) {
						require.Equal(t, []int{0, m.Config().HiddenSize}, x.Dims(), "%s, %s", name, what)
					}
					if what == "padding" {
						x, err := batch.Unpack(s, out.Hidden, 0)
						require.NoError(t, err, name)
						require.Equal(t, []int{2, 3, m.Config().HiddenSize}, x.Dims(), name)
						v, err := tensor.Download(t.Context(), s, x)
						require.NoError(t, err, name)
						require.Equal(t, make([]float32, x.Elems()), v, name)
					}
					if enc.HasPooler() && what == "empty" {
						require.Equal(t, []int{2, m.Config().HiddenSize}, out.Pooled.Dims(), name)
						v, err := tensor.Download(t.Context(), s, out.Pooled)
						require.NoError(t, err, name)
						for _, x := range v {
							require.False(t, math.IsNaN(float64(x)), name)
						}
					}
					require.NoError(t, s.Close())
				}
			}
			w.Release()
		}
	})
}
