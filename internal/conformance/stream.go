package conformance

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/cephalo-ml/cephalo/tensor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// streams holds a backend to what Backend and Stream promise beside operations.
func (s *suite) streams(t *testing.T) {
	for name, test := range map[string]func(*testing.T, tensor.Backend){
		"alloc-zeroed":         allocZeroed,
		"strided-copies":       stridedCopies,
		"recycled-write":       recycledWrite,
		"fresh-buffers":        freshBuffers,
		"free-of-others":       freeOfOthers,
		"weight-rewritten":     weightRewritten,
		"weight-as-result":     weightAsResult,
		"one-submit-one-map":   oneSubmit,
		"steady-state":         steadyState,
		"peak-bytes":           peakBytes,
		"closed":               closedStream,
		"cancelled":            cancelled,
		"many-streams":         manyStreams,
		"streams-share-weight": streamsShareWeight,
		"several-reads":        severalReads,
		"nothing-to-read":      nothingToRead,
	} {
		t.Run(name, func(t *testing.T) { test(t, s.b) })
	}
}

func begin(t *testing.T, b tensor.Backend) tensor.Stream {
	t.Helper()
	s, err := b.Begin()
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func put(t *testing.T, s tensor.Stream, v []float32, shape ...int) tensor.Tensor {
	t.Helper()
	x, err := tensor.Upload(s, v, shape...)
	require.NoError(t, err)
	return x
}

func get(t *testing.T, s tensor.Stream, x tensor.Tensor) []float32 {
	t.Helper()
	v, err := tensor.Download(context.Background(), s, x)
	require.NoError(t, err)
	return v
}

// count is 1, 2, … n.
func count(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i + 1)
	}
	return v
}

func allocZeroed(t *testing.T, b tensor.Backend) {
	for _, n := range []int{1, 3, 64, 1000} {
		for range 2 { // the second may get the memory of the first
			buf, err := b.Alloc(int64(4 * n))
			require.NoError(t, err)
			require.EqualValues(t, 4*n, buf.Len())
			s := begin(t, b)
			x := tensor.View(buf, f32(n))
			assert.Equal(t, make([]float32, n), get(t, s, x))
			require.NoError(t, s.Write(x, tensor.Bytes(count(n))))
			assert.Equal(t, count(n), get(t, s, x), "long-lived memory keeps what is written")
			require.NoError(t, s.Close())
			b.Release(buf)
			b.Release(buf) // twice is fine
		}
	}
}

// stridedCopies writes and reads views with gaps.
func stridedCopies(t *testing.T, b tensor.Backend) {
	s := begin(t, b)
	x := put(t, s, count(12), 3, 4)
	cols, err := x.Columns(1, 3)
	require.NoError(t, err)
	assert.Equal(t, []float32{2, 3, 6, 7, 10, 11}, get(t, s, cols))
	require.NoError(t, s.Write(cols, tensor.Bytes([]float32{-1, -2, -3, -4, -5, -6})))
	assert.Equal(t, []float32{1, -1, -2, 4, 5, -3, -4, 8, 9, -5, -6, 12}, get(t, s, x))
	row, err := cols.Slice(1, 2)
	require.NoError(t, err)
	assert.Equal(t, []float32{-3, -4}, get(t, s, row))
	short := make([]byte, 4)
	assert.ErrorIs(t, s.Write(cols, short), tensor.ErrShape, "too few bytes")
}

// recycledWrite writes to memory that recorded operations have read: they must
// see what it held when they were recorded.
func recycledWrite(t *testing.T, b tensor.Backend) {
	s := begin(t, b)
	var sums []tensor.Tensor
	for i := range 20 {
		x := put(t, s, []float32{float32(i), 1, 2, 3}, 4)
		y, err := tensor.Scale(s, x, 10, 0)
		require.NoError(t, err)
		s.Free(x.Buf)
		sums = append(sums, y)
	}
	same := put(t, s, []float32{1}, 1)
	first, err := tensor.Scale(s, same, 1, 0)
	require.NoError(t, err)
	require.NoError(t, s.Write(same, tensor.Bytes([]float32{2})))
	second, err := tensor.Scale(s, same, 1, 0)
	require.NoError(t, err)
	for i, y := range sums {
		assert.Equal(t, []float32{float32(10 * i), 10, 20, 30}, get(t, s, y), "result %d", i)
	}
	assert.Equal(t, []float32{1}, get(t, s, first))
	assert.Equal(t, []float32{2}, get(t, s, second))
}

// freshBuffers: a Buffer value never comes twice, though its memory does.
func freshBuffers(t *testing.T, b tensor.Backend) {
	s := begin(t, b)
	seen := map[tensor.Buffer]bool{}
	for range 50 {
		buf, err := s.Temp(256)
		require.NoError(t, err)
		require.False(t, seen[buf], "a Buffer value came twice")
		seen[buf] = true
		s.Free(buf)
	}
}

// freeOfOthers: Free ignores what is not a Temp of the stream.
func freeOfOthers(t *testing.T, b tensor.Backend) {
	buf, err := b.Alloc(16)
	require.NoError(t, err)
	defer b.Release(buf)
	s, other := begin(t, b), begin(t, b)
	x := put(t, other, count(4), 4)
	w := tensor.View(buf, f32(4))
	require.NoError(t, s.Write(w, tensor.Bytes(count(4))))
	s.Free(buf)
	s.Free(x.Buf)
	s.Free(nil)
	_ = put(t, s, make([]float32, 4), 4) // takes the memory if it was freed
	assert.Equal(t, count(4), get(t, s, w))
	assert.Equal(t, count(4), get(t, other, x))
	twice := put(t, s, count(4), 4)
	s.Free(twice.Buf)
	s.Free(twice.Buf)
	a, c := put(t, s, count(4), 4), put(t, s, make([]float32, 4), 4)
	assert.Equal(t, count(4), get(t, s, a), "memory freed twice must not be handed out twice")
	assert.Equal(t, make([]float32, 4), get(t, s, c))
}

// weightRewritten: a backend may keep a weight in a packed form; writing drops it.
func weightRewritten(t *testing.T, b tensor.Backend) {
	buf, err := b.Alloc(4 * 6)
	require.NoError(t, err)
	defer b.Release(buf)
	w := tensor.View(buf, f32(3, 2))
	for i := range 3 {
		s := begin(t, b)
		v := make([]float32, 6)
		v[0], v[3] = float32(i+1), float32(10*i)
		require.NoError(t, s.Write(w, tensor.Bytes(v)))
		for range 2 {
			y, err := tensor.Linear(s, put(t, s, []float32{1, 2}, 1, 2), w, tensor.Tensor{}, tensor.Tensor{}, tensor.ActNone, false)
			require.NoError(t, err)
			assert.Equal(t, []float32{float32(i + 1), float32(20 * i), 0}, get(t, s, y), "write %d", i)
		}
		// Through a view of part of it.
		part, err := w.Slice(2, 3)
		require.NoError(t, err)
		require.NoError(t, s.Write(part, tensor.Bytes([]float32{0, 7})))
		y, err := tensor.Linear(s, put(t, s, []float32{1, 2}, 1, 2), w, tensor.Tensor{}, tensor.Tensor{}, tensor.ActNone, false)
		require.NoError(t, err)
		assert.Equal(t, []float32{float32(i + 1), float32(20 * i), 14}, get(t, s, y), "write %d, then a part", i)
		assert.Equal(t, []float32{float32(i + 1), 0, 0, float32(10 * i), 0, 7}, get(t, s, w))
		require.NoError(t, s.Close())
	}
}

// weightAsResult: an operation that changes a weight changes what linear sees.
func weightAsResult(t *testing.T, b tensor.Backend) {
	buf, err := b.Alloc(4 * 4)
	require.NoError(t, err)
	defer b.Release(buf)
	w := tensor.View(buf, f32(2, 2))
	s := begin(t, b)
	x := put(t, s, []float32{1, 2}, 1, 2)
	for i := range 4 {
		y, err := tensor.Linear(s, x, w, tensor.Tensor{}, tensor.Tensor{}, tensor.ActNone, false)
		require.NoError(t, err)
		assert.Equal(t, []float32{float32(5 * i), float32(11 * i)}, get(t, s, y), "after %d updates", i)
		step := tensor.Call{Op: tensor.OpScale, Attr: tensor.Attr{Scale: 1}, Accum: true}
		step.Dst[0], step.Src[0] = w, put(t, s, count(4), 2, 2)
		require.NoError(t, tensor.Exec(s, step))
	}
}

// chain records a few operations that free what they no longer need.
func chain(s tensor.Stream) (tensor.Tensor, error) {
	x, err := tensor.Upload(s, count(64), 8, 8)
	if err != nil {
		return x, err
	}
	for range 6 {
		y, err := tensor.Softmax(s, x)
		if err != nil {
			return y, err
		}
		s.Free(x.Buf)
		x = y
	}
	return x, nil
}

func oneSubmit(t *testing.T, b tensor.Backend) {
	s := begin(t, b)
	y, err := chain(s)
	require.NoError(t, err)
	get(t, s, y)
	st := s.Stats()
	assert.EqualValues(t, 1, st.Submits, "submits")
	assert.EqualValues(t, 1, st.Maps, "maps")
	assert.GreaterOrEqual(t, st.Dispatches, int64(6), "dispatches")
}

// steadyState: from the third stream on nothing is allocated.
func steadyState(t *testing.T, b tensor.Backend) {
	var before int64
	for i := range 6 {
		if i == 2 {
			before = b.Stats().Allocs
		}
		s := begin(t, b)
		y, err := chain(s)
		require.NoError(t, err)
		get(t, s, y)
		require.NoError(t, s.Close())
	}
	assert.Equal(t, before, b.Stats().Allocs, "allocations from the third forward pass on")
}

// peakBytes: what was freed is used again inside a stream.
func peakBytes(t *testing.T, b tensor.Backend) {
	const n = 1 << 16
	s := begin(t, b)
	x := put(t, s, make([]float32, n), n/64, 64)
	for range 10 {
		y, err := tensor.Softmax(s, x)
		require.NoError(t, err)
		s.Free(x.Buf)
		x = y
	}
	get(t, s, x)
	peak := s.Stats().PeakBytes
	assert.GreaterOrEqual(t, peak, int64(2*4*n))
	assert.LessOrEqual(t, peak, int64(3*4*n), "two tensors at one time, not eleven")
}

func closedStream(t *testing.T, b tensor.Backend) {
	s := begin(t, b)
	x := put(t, s, count(4), 4)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "twice is fine")
	_, err := s.Temp(4)
	assert.ErrorIs(t, err, tensor.ErrClosed)
	assert.ErrorIs(t, s.Write(x, tensor.Bytes(count(4))), tensor.ErrClosed)
	assert.ErrorIs(t, s.Read(context.Background(), [][]byte{make([]byte, 16)}, x), tensor.ErrClosed)
	call := tensor.Call{Op: tensor.OpScale}
	call.Dst[0], call.Src[0] = x, x
	assert.ErrorIs(t, s.Run(&call), tensor.ErrClosed)
	s.Free(x.Buf)
}

func cancelled(t *testing.T, b tensor.Backend) {
	s := begin(t, b)
	y, err := chain(s)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = tensor.Download(ctx, s, y)
	assert.ErrorIs(t, err, context.Canceled)
	require.NoError(t, s.Close(), "closing after it is no error of its own")
	s = begin(t, b) // touches no other stream
	y, err = chain(s)
	require.NoError(t, err)
	assert.Len(t, get(t, s, y), 64)
}

// manyStreams: goroutines with a stream each get what one alone gets.
func manyStreams(t *testing.T, b tensor.Backend) {
	s := begin(t, b)
	y, err := chain(s)
	require.NoError(t, err)
	want := get(t, s, y)
	parallel(t, 8, func(int) error {
		for range 5 {
			s, err := b.Begin()
			if err != nil {
				return err
			}
			defer s.Close()
			y, err := chain(s)
			if err != nil {
				return err
			}
			got, err := tensor.Download(context.Background(), s, y)
			if err != nil {
				return err
			}
			if !assert.ObjectsAreEqual(want, got) {
				return fmt.Errorf("got %v, want %v", got, want)
			}
		}
		return nil
	})
}

// streamsShareWeight: one weight, first used by many streams at the same moment.
func streamsShareWeight(t *testing.T, b tensor.Backend) {
	buf, err := b.Alloc(4 * 64 * 64)
	require.NoError(t, err)
	defer b.Release(buf)
	w := tensor.View(buf, f32(64, 64))
	s := begin(t, b)
	v := make([]float32, 64*64)
	for i := range 64 {
		v[65*i] = float32(i)
	}
	require.NoError(t, s.Write(w, tensor.Bytes(v)))
	get(t, s, w)
	parallel(t, 8, func(g int) error {
		s, err := b.Begin()
		if err != nil {
			return err
		}
		defer s.Close()
		x, err := tensor.Upload(s, make([]float32, 64), 1, 64)
		if err != nil {
			return err
		}
		if x, err = tensor.Scale(s, x, 0, float32(g)); err != nil {
			return err
		}
		y, err := tensor.Linear(s, x, w, tensor.Tensor{}, tensor.Tensor{}, tensor.ActNone, false)
		if err != nil {
			return err
		}
		got, err := tensor.Download(context.Background(), s, y)
		if err != nil {
			return err
		}
		for i, v := range got {
			if v != float32(g*i) {
				return fmt.Errorf("element %d of stream %d: got %v, want %v", i, g, v, g*i)
			}
		}
		return nil
	})
}

func parallel(t *testing.T, n int, f func(g int) error) {
	t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, n)
	for g := range n {
		wg.Go(func() { errs[g] = f(g) })
	}
	wg.Wait()
	for g, err := range errs {
		assert.NoError(t, err, "goroutine %d", g)
	}
}

// severalReads: a stream goes on after a read, and one read gives many tensors.
func severalReads(t *testing.T, b tensor.Backend) {
	s := begin(t, b)
	x, y := put(t, s, count(3), 3), put(t, s, count(5), 5)
	a, c := make([]byte, 12), make([]byte, 20)
	require.NoError(t, s.Read(context.Background(), [][]byte{a, c}, x, y))
	assert.Equal(t, tensor.Bytes(count(3)), a)
	assert.Equal(t, tensor.Bytes(count(5)), c)
	z, err := tensor.Scale(s, x, 2, 0)
	require.NoError(t, err)
	assert.Equal(t, []float32{2, 4, 6}, get(t, s, z))
	assert.EqualValues(t, 2, s.Stats().Maps)
}

func nothingToRead(t *testing.T, b tensor.Backend) {
	s := begin(t, b)
	require.NoError(t, s.Read(context.Background(), nil))
	empty := put(t, s, nil, 0, 4)
	assert.Empty(t, get(t, s, empty))
	x := put(t, s, count(2), 2)
	assert.Error(t, s.Read(context.Background(), [][]byte{make([]byte, 8), nil}, x), "two places for one tensor")
	assert.ErrorIs(t, s.Read(context.Background(), [][]byte{make([]byte, 4)}, x), tensor.ErrShape, "too small a place")
}
