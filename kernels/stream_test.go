package kernels

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/cephalo-ml/cephalo/cpuref"
	"github.com/cephalo-ml/cephalo/gpu"
	"github.com/cephalo-ml/cephalo/tensor"
	"github.com/stretchr/testify/require"
)

func begin(t testing.TB, b *Backend) *stream {
	t.Helper()
	s, err := b.Begin()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s.(*stream)
}

func download(t testing.TB, s tensor.Stream, x tensor.Tensor) []float32 {
	t.Helper()
	got, err := tensor.Download(context.Background(), s, x)
	require.NoError(t, err)
	return got
}

func TestEveryOperationRuns(t *testing.T) {
	for _, op := range tensor.Ops() {
		require.NotNil(t, impl[op], "%s", op)
	}
}

func TestNameSaysWhatItIs(t *testing.T) {
	b := open(t)
	require.Contains(t, b.Name(), "webgpu (")
	require.Equal(t, b.dev.Info().Software, len(b.Name()) > len("webgpu ()")+len(b.dev.Info().Name))
}

func TestSupports(t *testing.T) {
	b := open(t)
	require.NoError(t, b.Supports(&tensor.Call{Op: tensor.OpSoftmax}))
	require.ErrorIs(t, b.Supports(&tensor.Call{Op: tensor.NumOps}), tensor.ErrUnsupported)
	big := tensor.View(&buffer{n: 1 << 50}, tensor.Of(tensor.F32, 1<<20, 1<<20))
	err := b.Supports(&tensor.Call{Op: tensor.OpSoftmax, Src: [tensor.MaxSrc]tensor.Tensor{big}})
	require.ErrorIs(t, err, tensor.ErrUnsupported)
	require.ErrorContains(t, err, "softmax: F32[1048576 1048576] takes 4398046511104 bytes")
}

// TestSteadyState: from the third pass on no memory is allocated, and each pass is
// one submission and one map.
func TestSteadyState(t *testing.T) {
	b := open(t)
	var before tensor.Stats
	for pass := range 5 {
		if pass == 2 {
			before = b.Stats()
		}
		s := begin(t, b)
		x, err := tensor.Upload(s, make([]float32, 64*96), 64, 96)
		require.NoError(t, err)
		for range 4 {
			y, err := tensor.Softmax(s, x)
			require.NoError(t, err)
			s.Free(x.Buf)
			x = y
		}
		download(t, s, x)
		st := s.Stats()
		require.EqualValues(t, 1, st.Submits)
		require.EqualValues(t, 1, st.Maps)
		require.EqualValues(t, 4, st.Dispatches)
		require.LessOrEqual(t, st.PeakBytes, int64(2*64*96*4), "freed memory is taken again")
		require.NoError(t, s.Close())
	}
	after := b.Stats()
	require.Equal(t, before.Allocs, after.Allocs)
	require.EqualValues(t, 3, after.Submits-before.Submits)
	require.EqualValues(t, 3, after.Maps-before.Maps)
}

// TestWritesKeepTheirOrder: memory that recorded work reads is written again.
func TestWritesKeepTheirOrder(t *testing.T) {
	s := begin(t, open(t))
	x, err := tensor.Upload(s, []float32{1, 2}, 2)
	require.NoError(t, err)
	var sums [3]tensor.Tensor
	for i := range sums {
		if i > 0 {
			require.NoError(t, s.Write(x, tensor.Bytes([]float32{float32(10 * i), 0})))
		}
		sums[i], err = tensor.Scale(s, x, 1, float32(i))
		require.NoError(t, err)
	}
	for i, want := range [][]float32{{1, 2}, {11, 1}, {22, 2}} {
		require.Equal(t, want, download(t, s, sums[i]))
	}
}

func TestStridedTransfers(t *testing.T) {
	s := begin(t, open(t))
	all, err := tensor.Upload(s, []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}, 3, 3)
	require.NoError(t, err)
	right, err := all.Columns(1, 3)
	require.NoError(t, err)
	require.Equal(t, []float32{2, 3, 5, 6, 8, 9}, download(t, s, right))
	require.NoError(t, s.Write(right, tensor.Bytes([]float32{-2, -3, -5, -6, -8, -9})))
	require.Equal(t, []float32{1, -2, -3, 4, -5, -6, 7, -8, -9}, download(t, s, all))
}

// TestReadOfMany: all results come in one submission and one map.
func TestReadOfMany(t *testing.T) {
	s := begin(t, open(t))
	a, err := tensor.Upload(s, []float32{1, 2, 3, 4}, 2, 2)
	require.NoError(t, err)
	b, err := tensor.Upload(s, []int32{7, 8, 9}, 3)
	require.NoError(t, err)
	col, err := a.Columns(1, 2)
	require.NoError(t, err)
	dst := [][]byte{make([]byte, 16), make([]byte, 12), make([]byte, 8)}
	require.NoError(t, s.Read(context.Background(), dst, a, b, col))
	require.Equal(t, [][]byte{tensor.Bytes([]float32{1, 2, 3, 4}), tensor.Bytes([]int32{7, 8, 9}), tensor.Bytes([]float32{2, 4})}, dst)
	require.EqualValues(t, 1, s.Stats().Submits)
	require.EqualValues(t, 1, s.Stats().Maps)
}

// TestLongLivedMemory: zeroed, written at once or in order, and kept by Close.
func TestLongLivedMemory(t *testing.T) {
	b := open(t)
	buf, err := b.Alloc(10)
	require.NoError(t, err)
	defer b.Release(buf)
	require.EqualValues(t, 10, buf.Len())
	w := tensor.View(buf, tensor.Of(tensor.F32, 2))
	s := begin(t, b)
	require.Equal(t, []float32{0, 0}, download(t, s, w))
	require.NoError(t, s.Write(w, tensor.Bytes([]float32{3, 4})))
	x, err := tensor.Upload(s, []float32{1, 1}, 2)
	require.NoError(t, err)
	require.NoError(t, tensor.Exec(s, tensor.Call{Op: tensor.OpScale, Dst: [tensor.MaxDst]tensor.Tensor{w}, Src: [tensor.MaxSrc]tensor.Tensor{x}, Attr: tensor.Attr{Scale: 2}, Accum: true}))
	require.NoError(t, s.Close(), "submits what changes long-lived memory")
	require.Equal(t, []float32{5, 6}, download(t, begin(t, b), w))
}

func TestFirstErrorStays(t *testing.T) {
	b := open(t)
	s := begin(t, b)
	_, err := s.Temp(-1)
	require.ErrorIs(t, err, tensor.ErrUnsupported)
	_, again := s.Temp(4)
	require.Equal(t, err, again)
	require.Equal(t, err, s.Run(&tensor.Call{Op: tensor.OpScale}))
	require.Equal(t, err, s.Read(context.Background(), nil))
	require.NoError(t, s.Close())
	other := begin(t, b)
	x, err := tensor.Upload(other, []float32{2}, 1)
	require.NoError(t, err)
	require.Equal(t, []float32{2}, download(t, other, x), "another stream goes on")
}

func TestWrongMemory(t *testing.T) {
	b := open(t)
	ref, err := cpuref.New(cpuref.Options{})
	require.NoError(t, err)
	defer ref.Close()
	foreign, err := ref.Alloc(16)
	require.NoError(t, err)
	sp := tensor.Of(tensor.F32, 4)
	other := begin(t, b)
	theirs, err := tensor.NewTemp(other, sp)
	require.NoError(t, err)
	for want, buf := range map[string]func(*stream) tensor.Buffer{
		"memory of another backend":   func(*stream) tensor.Buffer { return foreign },
		"temporary of another stream": func(*stream) tensor.Buffer { return theirs.Buf },
		"was freed": func(s *stream) tensor.Buffer {
			x, err := tensor.NewTemp(s, sp)
			require.NoError(t, err)
			s.Free(x.Buf)
			s.Free(x.Buf)
			return x.Buf
		},
	} {
		s := begin(t, b)
		x := tensor.View(buf(s), sp)
		require.ErrorContains(t, s.write(x, make([]byte, 16)), want)
		_, err := tensor.Scale(s, x, 1, 0)
		require.ErrorContains(t, err, want)
	}
}

func TestReleasedMemory(t *testing.T) {
	b := open(t)
	buf, err := b.Alloc(16)
	require.NoError(t, err)
	b.Release(buf)
	b.Release(buf)
	s := begin(t, b)
	_, err = tensor.Scale(s, tensor.View(buf, tensor.Of(tensor.F32, 4)), 1, 0)
	require.ErrorIs(t, err, tensor.ErrClosed)
}

func TestClosed(t *testing.T) {
	b, err := New(context.Background(), gpu.Options{AllowSoftware: true})
	if err != nil {
		open(t)
	}
	s, err := b.Begin()
	require.NoError(t, err)
	x, err := tensor.Upload(s, []float32{1}, 1)
	require.NoError(t, err)
	closed, err := b.Begin()
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	require.NoError(t, closed.Close())
	_, err = closed.Temp(4)
	require.ErrorIs(t, err, tensor.ErrClosed)
	require.NoError(t, b.Close())
	require.NoError(t, b.Close())
	_, err = tensor.Scale(s, x, 1, 0)
	require.ErrorIs(t, err, tensor.ErrClosed)
	require.NoError(t, s.Close())
	_, err = b.Alloc(4)
	require.ErrorIs(t, err, tensor.ErrClosed)
	_, err = b.Begin()
	require.ErrorIs(t, err, tensor.ErrClosed)
}

func TestCancelledRead(t *testing.T) {
	b := open(t)
	s := begin(t, b)
	x, err := tensor.Upload(s, []float32{1}, 1)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, s.Read(ctx, [][]byte{make([]byte, 4)}, x), context.Canceled)
	require.NoError(t, s.Close())
	other := begin(t, b)
	x, err = tensor.Upload(other, []float32{3}, 1)
	require.NoError(t, err)
	require.Equal(t, []float32{3}, download(t, other, x))
}

// TestManyStreams: goroutines share a backend and its pool.
func TestManyStreams(t *testing.T) {
	b := open(t)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for g := range errs {
		wg.Go(func() {
			for i := range 20 {
				if err := addOne(b, float32(100*g+i)); err != nil {
					errs[g] = err
					return
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
}

func addOne(b *Backend, v float32) error {
	s, err := b.Begin()
	if err != nil {
		return err
	}
	defer s.Close()
	x, err := tensor.Upload(s, []float32{v, -v}, 2)
	if err != nil {
		return err
	}
	y, err := tensor.Scale(s, x, 1, 1)
	if err != nil {
		return err
	}
	got, err := tensor.Download(context.Background(), s, y)
	if err == nil && (got[0] != v+1 || got[1] != 1-v) {
		err = errors.New("a stream sees another one's values")
	}
	return err
}
