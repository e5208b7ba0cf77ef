package cpuref

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/tensor"
)

// block is the heart of an encoder: a fused projection, attention, a norm with
// residual, a feed-forward part.
type block struct {
	layers, width, heads     int
	qkv, out, up, down, gain tensor.Tensor
}

func newBlock(t testing.TB, b *Backend, layers, width, heads int) block {
	w := block{layers: layers, width: width, heads: heads}
	st, err := b.Begin()
	require.NoError(t, err)
	defer st.Close()
	s := st.(*stream)
	alloc := func(seed uint64, shape ...int) tensor.Tensor {
		from := place(t, s, seed, false, shape...)
		buf, err := b.Alloc(from.Bytes())
		require.NoError(t, err)
		x := tensor.View(buf, from.Spec)
		require.NoError(t, s.Write(x, tensor.Bytes(download(t, s, from))))
		return x
	}
	w.qkv, w.out = alloc(1, 3*width, width), alloc(2, width, width)
	w.up, w.down = alloc(3, 4*width, width), alloc(4, width, 4*width)
	w.gain = alloc(5, width)
	return w
}

func (w *block) forward(b *Backend, lens []int) ([]float32, tensor.Stats, error) {
	st, err := b.Begin()
	if err != nil {
		return nil, tensor.Stats{}, err
	}
	defer st.Close()
	none, l := tensor.Tensor{}, tensor.NewLayout(lens...)
	if err := l.Upload(st); err != nil {
		return nil, tensor.Stats{}, err
	}
	v := make([]float32, l.Rows()*w.width)
	for i := range v {
		v[i] = float32(i%37)/37 - float32(i%11)/11
	}
	x, err := tensor.Upload(st, v, l.Rows(), w.width)
	for range w.layers {
		if err != nil {
			return nil, tensor.Stats{}, err
		}
		qkv, e1 := tensor.Linear(st, x, w.qkv, none, none, tensor.ActNone, false)
		var part [3]tensor.Tensor
		for i := range part {
			if part[i], err = qkv.Columns(i*w.width, (i+1)*w.width); err != nil {
				return nil, tensor.Stats{}, err
			}
			if part[i], err = part[i].Reshape(l.Rows(), w.heads, w.width/w.heads); err != nil {
				return nil, tensor.Stats{}, err
			}
		}
		ctx, e2 := tensor.Attention(st, part[0], part[1], part[2], l, l, tensor.NoWindow)
		st.Free(qkv.Buf)
		if ctx, err = ctx.Reshape(l.Rows(), w.width); err != nil {
			return nil, tensor.Stats{}, err
		}
		y, e3 := tensor.Linear(st, ctx, w.out, none, none, tensor.ActNone, false)
		n, e4 := tensor.LayerNorm(st, y, w.gain, none, x, 1e-5)
		up, e5 := tensor.Linear(st, n, w.up, none, none, tensor.ActGelu, false)
		down, e6 := tensor.Linear(st, up, w.down, none, none, tensor.ActNone, false)
		next, e7 := tensor.RMSNorm(st, down, w.gain, n, 1e-5)
		tensor.FreeAll(st, ctx, y, n, up, down, x)
		for _, e := range []error{e1, e2, e3, e4, e5, e6, e7} {
			if e != nil {
				return nil, tensor.Stats{}, e
			}
		}
		x = next
	}
	got, err := tensor.Download(context.Background(), st, x)
	return got, st.Stats(), err
}

func TestForwardAllocatesNothingOnceWarm(t *testing.T) {
	b := newBackend(t, Options{Threads: 2})
	w := newBlock(t, b, 4, 48, 3)
	lens := []int{5, 40, 17}
	for i := range 5 {
		_, stats, err := w.forward(b, lens)
		require.NoError(t, err)
		require.EqualValues(t, 1, stats.Submits)
		require.EqualValues(t, 1, stats.Maps)
		require.EqualValues(t, 4*7, stats.Dispatches)
		require.Positive(t, stats.PeakBytes)
		if i == 0 {
			require.Positive(t, stats.Allocs)
		} else {
			require.Zero(t, stats.Allocs)
		}
	}
	for range 3 { // once the collector has run, too
		_, _, err := w.forward(b, lens)
		require.NoError(t, err)
	}
	perRun := testing.AllocsPerRun(20, func() {
		if _, _, err := w.forward(b, lens); err != nil {
			t.Error(err)
		}
	})
	require.Less(t, perRun, 200.0, "objects on the Go heap for 28 operations")
}

func TestLongSequencesHoldNoScores(t *testing.T) {
	b := newBackend(t, Options{})
	w := newBlock(t, b, 4, 48, 3)
	const rows = 3000
	_, stats, err := w.forward(b, []int{rows})
	require.NoError(t, err)
	require.Less(t, stats.PeakBytes, int64(4*rows*rows), "less than one matrix of scores")
}

// Many goroutines share weights that are packed at first use, and each gets the
// bits of a quiet run.
func TestManyStreamsShareWeights(t *testing.T) {
	quiet := newBackend(t, Options{Threads: 1})
	w := newBlock(t, quiet, 4, 48, 3)
	lens := [][]int{{1}, {5, 9}, {33}, {2, 70, 4}, {130}}
	var want [][]float32
	for _, l := range lens {
		got, _, err := w.forward(quiet, l)
		require.NoError(t, err)
		want = append(want, got)
	}
	b := newBackend(t, Options{Threads: 3})
	shared := newBlock(t, b, 4, 48, 3)
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 5 {
				n := (g + i) % len(lens)
				got, _, err := shared.forward(b, lens[n])
				if err != nil {
					t.Error(err)
					return
				}
				for j, v := range got {
					if v != want[n][j] {
						t.Errorf("goroutine %d: element %d of %v got %g, want %g", g, j, lens[n], v, want[n][j])
						return
					}
				}
			}
		})
	}
	wg.Wait()
}
