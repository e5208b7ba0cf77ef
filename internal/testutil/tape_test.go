package testutil_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/cpuref"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/tensor"
)

func begin(t *testing.T) tensor.Stream {
	t.Helper()
	b, err := cpuref.New(cpuref.Options{Reference: true})
	require.NoError(t, err)
	s, err := b.Begin()
	require.NoError(t, err)
	t.Cleanup(func() { s.Close(); b.Close() })
	return s
}

func upload(t *testing.T, s tensor.Stream, v ...float32) tensor.Tensor {
	t.Helper()
	x, err := tensor.Upload(s, v, len(v))
	require.NoError(t, err)
	return x
}

func download(t *testing.T, s tensor.Stream, x tensor.Tensor) []float32 {
	t.Helper()
	v, err := tensor.Download(context.Background(), s, x)
	require.NoError(t, err)
	return v
}

func TestTapeSumsOverFanOut(t *testing.T) {
	tape := testutil.NewTape(begin(t))
	x := upload(t, tape, 2, 3)
	tape.Watch(x.Buf)
	y, err := tensor.Mul(tape, x, x) // 2x
	require.NoError(t, err)
	z, err := tensor.Add(tape, y, x) // + 1
	require.NoError(t, err)
	require.NoError(t, tape.Backward(testutil.Seed{Y: z}))
	dx, ok := tape.Grad(x)
	require.True(t, ok)
	assert.Equal(t, []float32{5, 7}, download(t, tape, dx))
}

func TestTapeKeepsGradientsOfViews(t *testing.T) {
	tape := testutil.NewTape(begin(t))
	x, err := tensor.Upload(tape, []float32{1, 2, 3, 4, 5, 6}, 2, 3)
	require.NoError(t, err)
	tape.Watch(x.Buf)
	part, err := x.Columns(1, 2)
	require.NoError(t, err)
	y, err := tensor.Scale(tape, part, 7, 0)
	require.NoError(t, err)
	require.NoError(t, tape.Backward(testutil.Seed{Y: y}))
	dx, _ := tape.Grad(x)
	assert.Equal(t, []float32{0, 7, 0, 0, 7, 0}, download(t, tape, dx), "the same view of the gradient; the rest is zero")
}

func TestTapeRecordsOnlyWhatIsTraced(t *testing.T) {
	tape := testutil.NewTape(begin(t))
	frozen, x := upload(t, tape, 1), upload(t, tape, 2)
	y, err := tensor.Mul(tape, frozen, frozen)
	require.NoError(t, err)
	assert.Zero(t, tape.Recorded(), "frozen parameters record nothing")
	assert.ErrorContains(t, tape.Backward(testutil.Seed{Y: y}), "depends on nothing that is watched")
	tape.Watch(x.Buf)
	_, err = tensor.Mul(tape, x, frozen)
	require.NoError(t, err)
	assert.Equal(t, 1, tape.Recorded())
	_, ok := tape.Grad(frozen)
	assert.False(t, ok)
}

func TestTapeNamesWhatHasNoGradient(t *testing.T) {
	tape := testutil.NewTape(begin(t))
	x, dy := upload(t, tape, 1), upload(t, tape, 1)
	tape.Watch(x.Buf)
	y, err := tensor.NewTemp(tape, x.Spec)
	require.NoError(t, err)
	call := tensor.Call{Op: tensor.OpActivationBackward, Attr: tensor.Attr{Act: tensor.ActTanh}}
	call.Src[0], call.Src[1], call.Dst[0] = x, dy, y
	require.NoError(t, tensor.Exec(tape, call), "running it is no error")
	err = tape.Backward(testutil.Seed{Y: y})
	assert.ErrorIs(t, err, tensor.ErrUnsupported)
	assert.ErrorContains(t, err, "activation_backward is not differentiable")
}

func TestSegmentOfNothing(t *testing.T) {
	tape := testutil.NewTape(begin(t))
	x := upload(t, tape, 3)
	tape.Watch(x.Buf)
	s := &tensor.Scope{Stream: tape}
	same := func(_ *tensor.Scope, x tensor.Tensor) (tensor.Tensor, error) { return x, nil }
	y, err := s.Segment(x, same)
	require.NoError(t, err)
	z, err := tensor.Scale(tape, y, 2, 0)
	require.NoError(t, err)
	require.NoError(t, tape.Backward(testutil.Seed{Y: z}))
	dx, _ := tape.Grad(x)
	assert.Equal(t, []float32{2}, download(t, tape, dx))
}

func TestPoison(t *testing.T) {
	s := testutil.Poison(begin(t))
	buf, err := s.Temp(8)
	require.NoError(t, err)
	for _, v := range download(t, s, tensor.View(buf, tensor.Of(tensor.F32, 2))) {
		assert.True(t, math.IsNaN(float64(v)), "memory starts as NaN")
	}
	s.Free(buf)
	s.Free(buf)
	s.Free(nil)
}

func TestFiniteDifference(t *testing.T) {
	x := []float32{0.5, 2}
	f := func() (float64, error) { return math.Sin(float64(x[0])) * float64(x[1]) * float64(x[1]), nil }
	d, err := testutil.FiniteDifference(f, x, 0)
	require.NoError(t, err)
	assert.InDelta(t, 4*math.Cos(0.5), d, 1e-5)
	d, err = testutil.FiniteDifference(f, x, 1)
	require.NoError(t, err)
	assert.InDelta(t, 4*math.Sin(0.5), d, 1e-9)
	assert.Equal(t, []float32{0.5, 2}, x, "x is as before")
}
