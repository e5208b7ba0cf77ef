package tensor_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/tensor"
)

func TestSpec(t *testing.T) {
	sp := tensor.Of(tensor.F32, 2, 3, 4)
	assert.EqualValues(t, 24, sp.Elems())
	assert.EqualValues(t, 96, sp.Bytes())
	assert.Equal(t, []int{2, 3, 4}, sp.Dims())
	assert.Equal(t, 4, sp.Dim(-1))
	assert.Equal(t, 2, sp.Dim(0))
	assert.Equal(t, 4, sp.Cols())
	assert.Equal(t, 6, sp.Rows())
	assert.Equal(t, 12, sp.Inner())
	assert.Equal(t, "F32[2 3 4]", sp.String())
	assert.True(t, sp.SameShape(tensor.Of(tensor.I32, 2, 3, 4)))
	assert.False(t, sp.SameShape(tensor.Of(tensor.F32, 2, 3)))
	assert.False(t, tensor.Of(tensor.F32, 2).SameShape(tensor.Of(tensor.F32, 2, 1)))

	scalar := tensor.Of(tensor.F32)
	assert.EqualValues(t, 1, scalar.Elems())
	assert.Equal(t, 1, scalar.Cols())
	assert.Equal(t, 1, scalar.Rows())
	assert.EqualValues(t, 0, tensor.Of(tensor.F32, 3, 0, 5).Elems())
}

func TestSpecOfRefuses(t *testing.T) {
	shapes := [][]int{{-1}, {1, 2, 3, 4, 5}, {math.MaxInt32, math.MaxInt32, math.MaxInt32}}
	if past := int64(math.MaxInt32) + 1; int64(int(past)) == past { // an int has 64 bits
		shapes = append(shapes, []int{int(past)})
	}
	for _, shape := range shapes {
		_, err := tensor.SpecOf(tensor.F32, shape...)
		assert.ErrorIs(t, err, tensor.ErrShape, "%v", shape)
		assert.Panics(t, func() { tensor.Of(tensor.F32, shape...) })
	}
	// A size of zero hides no overflow of the others' product.
	sp, err := tensor.SpecOf(tensor.F32, math.MaxInt32, 0)
	require.NoError(t, err)
	assert.Zero(t, sp.Elems())
}

func TestViews(t *testing.T) {
	x := tensor.View(&mem{96}, tensor.Of(tensor.F32, 4, 6))
	assert.True(t, x.Dense())
	assert.True(t, x.Present())
	assert.EqualValues(t, 96, x.Extent())

	cols, err := x.Columns(2, 5)
	require.NoError(t, err)
	assert.Equal(t, []int{4, 3}, cols.Dims())
	assert.EqualValues(t, 8, cols.Off)
	assert.EqualValues(t, 6, cols.Stride)
	assert.False(t, cols.Dense())
	assert.EqualValues(t, 4*(3*6+3), cols.Extent())
	empty, err := tensor.View(&mem{4}, tensor.Of(tensor.F32, 0, 6)).Columns(2, 5)
	require.NoError(t, err)
	assert.Zero(t, empty.Off, "columns of no rows lie within the buffer")

	rows, err := cols.Slice(1, 3)
	require.NoError(t, err)
	assert.EqualValues(t, 8+4*6, rows.Off)
	assert.Equal(t, []int{2, 3}, rows.Dims())
	assert.EqualValues(t, 4*(6+3), rows.Extent())

	one, err := rows.Slice(1, 2)
	require.NoError(t, err)
	assert.True(t, one.Dense(), "one row has no gaps")
	flat, err := one.Reshape(3)
	require.NoError(t, err)
	assert.EqualValues(t, one.Off, flat.Off)

	heads, err := cols.Reshape(4, 3, 1)
	require.NoError(t, err)
	assert.EqualValues(t, 6, heads.Stride, "axis 0 keeps its gaps")
	_, err = cols.Reshape(12)
	assert.ErrorIs(t, err, tensor.ErrShape, "gaps cannot be folded")
	_, err = cols.Reshape(2, 6)
	assert.ErrorIs(t, err, tensor.ErrShape)

	all, err := x.Reshape(2, 2, 6)
	require.NoError(t, err)
	assert.EqualValues(t, 12, all.Stride)
	_, err = x.Reshape(5, 5)
	assert.ErrorIs(t, err, tensor.ErrShape)
	_, err = x.Reshape(-4, -6)
	assert.ErrorIs(t, err, tensor.ErrShape)

	none, err := x.Slice(2, 2)
	require.NoError(t, err)
	assert.Zero(t, none.Extent())
	for _, b := range [][2]int{{-1, 2}, {3, 2}, {0, 5}} {
		_, err = x.Slice(b[0], b[1])
		assert.ErrorIs(t, err, tensor.ErrShape, "rows %v", b)
	}
	for _, b := range [][2]int{{-1, 2}, {3, 2}, {0, 7}} {
		_, err = x.Columns(b[0], b[1])
		assert.ErrorIs(t, err, tensor.ErrShape, "columns %v", b)
	}
	_, err = all.Columns(0, 1)
	assert.ErrorIs(t, err, tensor.ErrShape, "columns of rank 3")
	_, err = tensor.View(&mem{4}, tensor.Of(tensor.F32)).Slice(0, 1)
	assert.ErrorIs(t, err, tensor.ErrShape, "rows of rank 0")
	assert.False(t, tensor.Tensor{}.Present())
}

func TestBroadcastOf(t *testing.T) {
	of := func(shape ...int) tensor.Spec { return tensor.Of(tensor.F32, shape...) }
	for _, c := range []struct {
		a, b tensor.Spec
		how  tensor.Broadcast
		ok   bool
	}{
		{of(2, 3), of(2, 3), tensor.BroadcastNone, true},
		{of(2, 3), of(), tensor.BroadcastScalar, true},
		{of(2, 3), of(1, 1, 1), tensor.BroadcastScalar, true},
		{of(2, 3), of(3), tensor.BroadcastRow, true},
		{of(3), of(3), tensor.BroadcastNone, true},
		{of(4, 2, 3), of(3), tensor.BroadcastRow, true},
		{of(2, 3), of(2, 1), tensor.BroadcastCol, true},
		{of(4, 2, 3), of(4, 2, 1), tensor.BroadcastCol, true},
		{of(2, 3), of(2), 0, false},
		{of(2, 3), of(1, 3), 0, false},
		{of(4, 2, 3), of(4, 1, 1), 0, false},
		{of(2, 3), of(3, 2), 0, false},
		{of(), of(2), 0, false},
	} {
		how, ok := tensor.BroadcastOf(c.a, c.b)
		assert.Equal(t, c.ok, ok, "%v with %v", c.a, c.b)
		if ok {
			assert.Equal(t, c.how, how, "%v with %v", c.a, c.b)
		}
	}
}
