package kernels

import (
	"context"
	"fmt"
	"testing"

	"github.com/cephalo-ml/cephalo/tensor"
	"github.com/stretchr/testify/require"
)

// BenchmarkLinear times y = x W^T + b with the sizes of BERT, several calls in a
// submission.
func BenchmarkLinear(b *testing.B) {
	for _, d := range [][3]int{{128, 768, 768}, {128, 768, 3072}, {128, 3072, 768}, {1, 768, 768}, {512, 256, 256}} {
		m, k, n := d[0], d[1], d[2]
		b.Run(fmt.Sprintf("%dx%dx%d", m, k, n), func(b *testing.B) {
			back := open(b)
			s := begin(b, back)
			x, err := tensor.Upload(s, make([]float32, m*k), m, k)
			require.NoError(b, err)
			w, err := tensor.Upload(s, make([]float32, n*k), n, k)
			require.NoError(b, err)
			const calls = 4
			for b.Loop() {
				var y tensor.Tensor
				for range calls {
					tensor.FreeAll(s, y)
					y, err = tensor.Linear(s, x, w, tensor.Tensor{}, tensor.Tensor{}, tensor.ActNone, false)
					require.NoError(b, err)
				}
				one, err := y.Slice(0, 1)
				require.NoError(b, err)
				require.NoError(b, s.Read(context.Background(), [][]byte{make([]byte, one.Bytes())}, one))
				tensor.FreeAll(s, y)
			}
			b.ReportMetric(2*float64(m*k*n)*calls*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

// BenchmarkRecord times the recording of small operations, with one submission for
// every hundred.
func BenchmarkRecord(b *testing.B) {
	s := begin(b, open(b))
	x, err := tensor.Upload(s, make([]float32, 64), 64)
	require.NoError(b, err)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		y, err := tensor.Scale(s, x, 1, 0)
		require.NoError(b, err)
		s.Free(y.Buf)
		if i%100 == 99 {
			require.NoError(b, s.Read(context.Background(), nil))
		}
	}
}

// BenchmarkAttention times one sequence, 12 heads of 64.
func BenchmarkAttention(b *testing.B) {
	windows := map[string]tensor.AttentionOptions{"plain": tensor.NoWindow, "causal": {Left: -1, Right: -1, Causal: true}, "local": {Left: 64, Right: 64}}
	for _, of := range []struct {
		n      int
		window string
	}{{128, "plain"}, {512, "plain"}, {128, "causal"}, {512, "causal"}, {512, "local"}} {
		n, options := of.n, windows[of.window]
		b.Run(fmt.Sprintf("%s %d", of.window, n), func(b *testing.B) {
			s := begin(b, open(b))
			rows := tensor.NewLayout(n)
			require.NoError(b, rows.Upload(s))
			x, err := tensor.Upload(s, make([]float32, n*12*64), n, 12, 64)
			require.NoError(b, err)
			run := func() {
				y, err := tensor.Attention(s, x, x, x, rows, rows, options)
				require.NoError(b, err)
				one, err := y.Slice(0, 1)
				require.NoError(b, err)
				require.NoError(b, s.Read(context.Background(), [][]byte{make([]byte, one.Bytes())}, one))
				s.Free(y.Buf)
			}
			run() // makes the pipeline
			for b.Loop() {
				run()
			}
			b.ReportMetric(4*float64(n*n*12*64)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
