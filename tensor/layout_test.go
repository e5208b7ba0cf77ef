package tensor_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/cpuref"
	"github.com/cephalo-ml/cephalo/tensor"
)

// cpu is a stream on the plain CPU implementations.
func cpu(t testing.TB) tensor.Stream {
	t.Helper()
	return stream(t, cpuBackend(t))
}

func cpuBackend(t testing.TB) tensor.Backend {
	t.Helper()
	b, err := cpuref.New(cpuref.Options{Reference: true})
	require.NoError(t, err)
	t.Cleanup(func() { b.Close() })
	return b
}

func stream(t testing.TB, b tensor.Backend) tensor.Stream {
	t.Helper()
	s, err := b.Begin()
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestNewLayout(t *testing.T) {
	l := tensor.NewLayout(3, 0, 2)
	assert.Equal(t, []int32{0, 3, 3}, l.Start)
	assert.Equal(t, []int32{3, 0, 2}, l.Len)
	assert.Equal(t, []int32{0, 1, 2, 0, 1}, l.Pos)
	assert.EqualValues(t, 3, l.Cols)
	assert.Equal(t, 3, l.Batch())
	assert.Equal(t, 5, l.Rows())
	assert.Equal(t, 3, l.MaxLen())
	assert.Equal(t, []int32{0, 0, 0, 2, 2}, l.Seq())
	assert.NoError(t, l.Check())
	assert.NoError(t, tensor.NewLayout().Check())
	assert.Zero(t, tensor.NewLayout().MaxLen())
}

func TestLayoutOfMask(t *testing.T) {
	l, at, err := tensor.LayoutOfMask([]int32{1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0}, 4, 4)
	require.NoError(t, err)
	assert.Equal(t, []int32{0, 2, 4, 6}, l.Start)
	assert.Equal(t, []int32{2, 2, 2, 0}, l.Len)
	assert.Equal(t, []int32{0, 1, 2, 3, 0, 3}, l.Pos, "a kept row keeps its column, left padding and holes too")
	assert.Equal(t, []int32{0, 1, 6, 7, 8, 11}, at)
	assert.EqualValues(t, 4, l.Cols)
	assert.NoError(t, l.Check())

	_, _, err = tensor.LayoutOfMask([]int32{1, 2}, 1, 2)
	assert.ErrorIs(t, err, tensor.ErrShape)
	assert.ErrorContains(t, err, "attention_mask[0,1] is 2, want 0 or 1")
	_, _, err = tensor.LayoutOfMask([]int32{1, 1, 1}, 1, 2)
	assert.ErrorContains(t, err, "3 values, want 1 x 2")
	_, _, err = tensor.LayoutOfMask(nil, -1, 0)
	assert.ErrorIs(t, err, tensor.ErrShape)
}

func TestLayoutCheck(t *testing.T) {
	rows := make([]int32, 6)
	for text, l := range map[string]*tensor.Layout{
		"2 starts, 1 lengths":                   {Start: []int32{0, 2}, Len: []int32{2}, Pos: rows},
		"sequence 1 lies at rows 2 to 4 of 6":   {Start: []int32{0, 2}, Len: []int32{3, 2}, Pos: rows},
		"sequence 0 lies at rows 4 to 7 of 6":   {Start: []int32{4}, Len: []int32{3}, Pos: rows},
		"sequence 0 lies at rows -1 to 1 of 6":  {Start: []int32{-1}, Len: []int32{2}, Pos: rows},
		"sequence 0 lies at rows 2 to 1 of 6":   {Start: []int32{2}, Len: []int32{-1}, Pos: rows},
		"sequence 1 lies at rows 0 to 0 of 6":   {Start: []int32{3, 0}, Len: []int32{1, 0}, Pos: rows},
		"sequence 0 lies at rows 0 to 100 of 6": {Start: []int32{0}, Len: []int32{100}, Pos: rows},
	} {
		err := l.Check()
		assert.ErrorIs(t, err, tensor.ErrShape)
		assert.ErrorContains(t, err, text)
		assert.ErrorIs(t, l.Upload(cpu(t)), tensor.ErrShape, "a broken layout is not uploaded")
	}
	gaps := &tensor.Layout{Start: []int32{1, 4}, Len: []int32{2, 1}, Pos: rows}
	assert.NoError(t, gaps.Check(), "gaps are allowed")
	assert.Equal(t, []int32{-1, 0, 0, -1, 1, -1}, gaps.Seq())
}

// Upload puts starts, lengths, positions and the sequence of each row where kernels read them.
func TestLayoutUpload(t *testing.T) {
	s := cpu(t)
	l := &tensor.Layout{Start: []int32{1, 3}, Len: []int32{2, 1}, Pos: []int32{9, 0, 1, 5}, Cols: 6}
	require.NoError(t, l.Upload(s))
	raw := make([]byte, l.Dev.Bytes())
	require.NoError(t, s.Read(context.Background(), [][]byte{raw}, l.Dev))
	assert.Equal(t, tensor.Bytes([]int32{1, 3, 2, 1, 9, 0, 1, 5, -1, 0, 0, 1}), raw)
	assert.NoError(t, tensor.NewLayout().Upload(s), "no sequences")
}
