package kernels

import (
	"testing"

	"github.com/cephalo-ml/cephalo/cpuref"
	"github.com/cephalo-ml/cephalo/tensor"
	"github.com/stretchr/testify/require"
)

// TestLongLoops: sums of more terms than the loops of a software renderer take
// rounds, which end there without an error.
func TestLongLoops(t *testing.T) {
	ref, err := cpuref.New(cpuref.Options{Reference: true})
	require.NoError(t, err)
	defer ref.Close()
	b := open(t)
	for name, f := range map[string]func(tensor.Stream) (tensor.Tensor, error){
		"matmul": func(s tensor.Stream) (tensor.Tensor, error) {
			x, err := uniform(s, 1, 2, 300_000)
			if err != nil {
				return x, err
			}
			w, err := uniform(s, 2, 3, 300_000)
			if err != nil {
				return w, err
			}
			return tensor.MatMul(s, x, w, false, true)
		},
		"matmul of batches": func(s tensor.Stream) (tensor.Tensor, error) {
			x, err := uniform(s, 1, 2, 1, 300_000)
			if err != nil {
				return x, err
			}
			w, err := uniform(s, 2, 2, 300_000, 1)
			if err != nil {
				return w, err
			}
			return tensor.MatMul(s, x, w, false, false)
		},
		"attention":          func(s tensor.Stream) (tensor.Tensor, error) { return longAttention(s, false) },
		"attention_backward": func(s tensor.Stream) (tensor.Tensor, error) { return longAttention(s, true) },
	} {
		t.Run(name, func(t *testing.T) {
			s, r := begin(t, b), mustBegin(t, ref)
			got, err := f(s)
			require.NoError(t, err)
			want, err := f(r)
			require.NoError(t, err)
			g, w := download(t, s, got), download(t, r, want)
			for i := range w {
				if d := float64(g[i] - w[i]); !(d <= 2e-4 && -d <= 2e-4) {
					t.Fatalf("element %d is %v, want %v", i, g[i], w[i])
				}
			}
		})
	}
}

func mustBegin(t *testing.T, b tensor.Backend) tensor.Stream {
	t.Helper()
	s, err := b.Begin()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// longAttention is attention of 2 queries to 20,000 keys of 64, or the gradients of
// its 2 keys from 20,000 queries.
func longAttention(s tensor.Stream, backward bool) (tensor.Tensor, error) {
	const long, dim = 20_000, 64
	lens := [2]int{2, long}
	if backward {
		lens = [2]int{long, 2}
	}
	var c tensor.Call
	c.Rows, c.Keys = tensor.NewLayout(lens[0]), tensor.NewLayout(lens[1])
	for _, l := range []*tensor.Layout{c.Rows, c.Keys} {
		if err := l.Upload(s); err != nil {
			return tensor.Tensor{}, err
		}
	}
	var err error
	for i, n := range []int{lens[0], lens[1], lens[1], lens[0], lens[0]} {
		if c.Src[i], err = uniform(s, uint64(i), n, 1, dim); err != nil {
			return tensor.Tensor{}, err
		}
	}
	c.Attr = tensor.Attr{Scale: 0.125, Left: -1, Right: -1}
	q, k, v := c.Src[0], c.Src[1], c.Src[2]
	if !backward {
		return tensor.Attention(s, q, k, v, c.Rows, c.Keys, tensor.NoWindow)
	}
	// lse: any value will do here, the gradients follow it.
	lse := make([]float32, long)
	for i := range lse {
		lse[i] = 6
	}
	if c.Src[5], err = tensor.Upload(s, lse, long, 1); err != nil {
		return tensor.Tensor{}, err
	}
	c.Op = tensor.OpAttentionBackward
	if c.Dst[1], err = tensor.NewTemp(s, k.Spec); err != nil {
		return tensor.Tensor{}, err
	}
	return c.Dst[1], tensor.Exec(s, c)
}
