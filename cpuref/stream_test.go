package cpuref

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/tensor"
)

func newBackend(t *testing.T, opt Options) *Backend {
	t.Helper()
	b, err := New(opt)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func begin(t *testing.T, b *Backend) *stream {
	t.Helper()
	s, err := b.Begin()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s.(*stream)
}

func TestSizeClassesHoldWhatIsAskedAndRecycle(t *testing.T) {
	last := 0
	for n := int64(1); n < 5000; n++ {
		class, floats := classOf(n)
		require.GreaterOrEqual(t, floats, n)
		require.LessOrEqual(t, floats, max(minClassFloats, n+n/4))
		again, same := classOf(floats)
		require.Equal(t, class, again)
		require.Equal(t, floats, same)
		require.True(t, class == last || class == last+1)
		last = class
	}
	class, _ := classOf(math.MaxInt64 / 8)
	require.Less(t, class, numClasses)
}

func TestTemporariesAreRecycledUnderFreshHandles(t *testing.T) {
	b := newBackend(t, Options{})
	s := begin(t, b)
	one, err := s.Temp(1000)
	require.NoError(t, err)
	s.Free(one)
	s.Free(one)
	two, err := s.Temp(990)
	require.NoError(t, err)
	require.NotSame(t, one, two)
	require.EqualValues(t, 1, s.Stats().Allocs)
	require.EqualValues(t, 1000, s.Stats().PeakBytes)
	three, err := s.Temp(1000)
	require.NoError(t, err)
	require.EqualValues(t, 2, s.Stats().Allocs)
	require.EqualValues(t, 1990, s.Stats().PeakBytes)
	s.Free(three)
	require.NoError(t, s.Close())
	require.Zero(t, s.Stats().Bytes)

	for range 3 { // a second stream finds the memory of the first
		s2 := begin(t, b)
		for range 2 {
			_, err := s2.Temp(1000)
			require.NoError(t, err)
		}
		require.Zero(t, s2.Stats().Allocs)
		require.NoError(t, s2.Close())
	}
	require.EqualValues(t, 2, b.Stats().Allocs)
}

// Requests of ever new sizes do not pile up.
func TestFreeBlocksAreBounded(t *testing.T) {
	b := newBackend(t, Options{})
	s := begin(t, b)
	most := int64(0)
	for n := int64(1 << 20); n > 1<<10; n -= n / 10 {
		x, err := s.Temp(n)
		require.NoError(t, err)
		s.Free(x)
		most = max(most, b.Stats().Bytes)
	}
	require.Positive(t, most)
	require.LessOrEqual(t, most, int64(keepFree+1)<<20)
	require.NoError(t, b.Close())
	require.Zero(t, b.Stats().Bytes)
}

func TestFreeIgnoresWhatIsNotATemporaryOfTheStream(t *testing.T) {
	b := newBackend(t, Options{})
	s, other := begin(t, b), begin(t, b)
	weight, err := b.Alloc(64)
	require.NoError(t, err)
	temp, err := other.Temp(64)
	require.NoError(t, err)
	s.Free(nil)
	s.Free(weight)
	s.Free(temp)
	b.Release(temp)
	b.Release(nil)
	_, err = tensor.Softmax(s, tensor.View(weight, tensor.Of(tensor.F32, 16)))
	require.NoError(t, err)
	_, err = tensor.Softmax(other, tensor.View(temp, tensor.Of(tensor.F32, 16)))
	require.NoError(t, err)
}

func TestWriteAndReadOfViewsWithGaps(t *testing.T) {
	b := newBackend(t, Options{})
	s := begin(t, b)
	buf, err := b.Alloc(4 * 24)
	require.NoError(t, err)
	whole := tensor.View(buf, tensor.Of(tensor.F32, 4, 6))
	part, err := whole.Columns(1, 3)
	require.NoError(t, err)
	require.NoError(t, s.Write(part, tensor.Bytes([]float32{1, 2, 3, 4, 5, 6, 7, 8})))
	got, err := tensor.Download(context.Background(), s, whole)
	require.NoError(t, err)
	require.Equal(t, []float32{0, 1, 2, 0, 0, 0, 0, 3, 4, 0, 0, 0, 0, 5, 6, 0, 0, 0, 0, 7, 8, 0, 0, 0}, got)
	got, err = tensor.Download(context.Background(), s, part)
	require.NoError(t, err)
	require.Equal(t, []float32{1, 2, 3, 4, 5, 6, 7, 8}, got)
	column, err := part.Columns(0, 1)
	require.NoError(t, err)
	vector, err := column.Reshape(4)
	require.NoError(t, err)
	sums, err := tensor.SumCols(s, vector)
	require.NoError(t, err)
	got, err = tensor.Download(context.Background(), s, sums)
	require.NoError(t, err)
	require.Equal(t, []float32{16}, got)
	require.NoError(t, tensor.Exec(s, tensor.Call{Op: tensor.OpScale, Dst: [4]tensor.Tensor{vector}, Src: [8]tensor.Tensor{mustUpload(t, s, []float32{1, 1, 1, 1}, 4)},
		Attr: tensor.Attr{Scale: 10}, Accum: true}))
	got, err = tensor.Download(context.Background(), s, part)
	require.NoError(t, err)
	require.Equal(t, []float32{11, 2, 13, 4, 15, 6, 17, 8}, got)
}

func mustUpload[T tensor.Elem](t *testing.T, s tensor.Stream, v []T, shape ...int) tensor.Tensor {
	t.Helper()
	x, err := tensor.Upload(s, v, shape...)
	require.NoError(t, err)
	return x
}

func TestErrorsStayWithTheirStream(t *testing.T) {
	b := newBackend(t, Options{})
	s, other := begin(t, b), begin(t, b)
	x := mustUpload(t, s, []float32{1, 2}, 2)
	require.ErrorIs(t, s.Write(x, make([]byte, 7)), tensor.ErrShape)
	_, err := tensor.Softmax(s, x)
	require.ErrorIs(t, err, tensor.ErrShape, "the first error stays")
	require.ErrorIs(t, s.Read(context.Background(), nil), tensor.ErrShape)
	y := mustUpload(t, other, []float32{1, 2}, 2)
	_, err = tensor.Softmax(other, y)
	require.NoError(t, err)

	freed := mustUpload(t, other, []float32{1, 2}, 2)
	other.Free(freed.Buf)
	_, err = tensor.Softmax(other, freed)
	require.ErrorIs(t, err, tensor.ErrClosed)
	require.ErrorContains(t, err, "softmax")
}

func TestBuffersOfAnotherBackendAreRefused(t *testing.T) {
	a, b := newBackend(t, Options{}), newBackend(t, Options{})
	x := mustUpload(t, begin(t, a), []float32{1, 2}, 2)
	_, err := tensor.Softmax(begin(t, b), x)
	require.ErrorIs(t, err, tensor.ErrShape)
}

func TestCancelledReadLeavesTheStreamUsable(t *testing.T) {
	s := begin(t, newBackend(t, Options{}))
	x := mustUpload(t, s, []float32{1, 2}, 2)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := tensor.Download(ctx, s, x)
	require.ErrorIs(t, err, context.Canceled)
	got, err := tensor.Download(context.Background(), s, x)
	require.NoError(t, err)
	require.Equal(t, []float32{1, 2}, got)
	require.EqualValues(t, 1, s.Stats().Maps)
}

func TestUseAfterClose(t *testing.T) {
	b, err := New(Options{})
	require.NoError(t, err)
	w, err := b.Alloc(8)
	require.NoError(t, err)
	st, err := b.Begin()
	require.NoError(t, err)
	x := mustUpload(t, st, []float32{1, 2}, 2)
	require.NoError(t, st.Close())
	require.NoError(t, st.Close())
	_, err = tensor.Softmax(st, x)
	require.ErrorIs(t, err, tensor.ErrClosed)
	_, err = st.Temp(1)
	require.ErrorIs(t, err, tensor.ErrClosed)
	require.ErrorIs(t, st.Write(x, make([]byte, 8)), tensor.ErrClosed)
	require.ErrorIs(t, st.Read(context.Background(), nil), tensor.ErrClosed)

	open, err := b.Begin()
	require.NoError(t, err)
	require.NoError(t, b.Close())
	require.NoError(t, b.Close())
	_, err = open.Temp(1)
	require.ErrorIs(t, err, tensor.ErrClosed)
	_, err = b.Begin()
	require.ErrorIs(t, err, tensor.ErrClosed)
	_, err = b.Alloc(1)
	require.ErrorIs(t, err, tensor.ErrClosed)
	b.Release(w)
	b.Release(w)
	require.NoError(t, open.Close())
}

func TestAbsurdSizesAreErrors(t *testing.T) {
	b := newBackend(t, Options{})
	for _, n := range []int64{-1, math.MaxInt64, math.MaxInt64 / 2} {
		_, err := b.Alloc(n)
		require.Error(t, err)
		_, err = begin(t, b).Temp(n)
		require.Error(t, err)
	}
	_, err := New(Options{Threads: -1})
	require.ErrorContains(t, err, "-1")
}

func TestEnvironment(t *testing.T) {
	t.Setenv("CEPHALO_THREADS", "2")
	t.Setenv("CEPHALO_CPU", "generic")
	b := newBackend(t, Options{})
	require.Equal(t, 2, b.pool.threads)
	require.Equal(t, "cpu/generic", b.Name())
	t.Setenv("CEPHALO_CPU", "bogus")
	_, err := New(Options{})
	require.ErrorContains(t, err, "bogus")
	t.Setenv("CEPHALO_CPU", "")
	t.Setenv("CEPHALO_THREADS", "none")
	_, err = New(Options{})
	require.ErrorContains(t, err, "none")
}
