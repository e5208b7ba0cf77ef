package tensor_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/tensor"
)

// formsOfLosses are the good calls of what heads and losses are made of.
func formsOfLosses() []form {
	ts := func(t ...tensor.Tensor) []tensor.Tensor { return t }
	x := func() tensor.Tensor { return f32(6, 4) }
	l := uploaded(4, 2)
	w := func() tensor.Tensor { return f32(5, 4, 3) }
	return []form{
		{op: tensor.OpLog, src: ts(x()), dst: ts(x())},
		{op: tensor.OpSqrt, src: ts(x()), dst: ts(x())},
		{op: tensor.OpReciprocal, src: ts(x()), dst: ts(x())},
		{op: tensor.OpMaxCols, src: ts(x()), dst: ts(f32(6, 1), i32(6)), optionalD: "1"},
		{op: tensor.OpMaxColsBackward, src: ts(f32(6, 1), i32(6)), dst: ts(x())},
		{op: tensor.OpConvRows, src: ts(x(), w(), f32(5)), dst: ts(f32(6, 5)), optionalS: "2", rows: l},
		{op: tensor.OpConvRowsBackward, src: ts(x(), w(), f32(6, 5)), dst: ts(x(), w(), f32(5)), optionalD: "012", rows: l},
	}
}

// refusalsOfLosses are what only one of these operations can have wrong.
func refusalsOfLosses() []refusal {
	return []refusal{
		{tensor.OpMaxCols, func(c *tensor.Call) { c.Src[0], c.Dst[0] = f32(6, 0), f32(6, 1) }, tensor.ErrShape, "x is F32[6 0], want at least one column"},
		{tensor.OpConvRows, func(c *tensor.Call) { c.Src[1] = f32(5, 4, 2) }, tensor.ErrShape, "weight is F32[5 4 2], want [Cout,4,K] with an odd K"},
		{tensor.OpConvRows, func(c *tensor.Call) { c.Src[1] = f32(5, 3, 3) }, tensor.ErrShape, "weight is F32[5 3 3], want [Cout,4,K]"},
	}
}

func gradCasesOfLosses() []gradCase {
	type S = tensor.Stream
	type T = []tensor.Tensor
	type L = *tensor.Layout
	var cs []gradCase
	add := func(name string, f forward, in ...input) { cs = append(cs, gradCase{name, in, f}) }
	above := func(seed uint64, shape ...int) input { // above zero, where log, sqrt and 1/x are smooth
		in := normal(seed, shape...)
		for i, v := range in.data {
			in.data[i] = float32(math.Abs(float64(v))) + 1
		}
		return in
	}
	for name, f := range map[string]func(S, tensor.Tensor) (tensor.Tensor, error){"log": tensor.Log, "sqrt": tensor.Sqrt, "reciprocal": tensor.Reciprocal} {
		add(name, one(func(s S, in T) (tensor.Tensor, error) { return f(s, in[0]) }), above(1, 3, 4))
	}
	add("max_cols", one(func(s S, in T) (tensor.Tensor, error) { return tensor.MaxCols(s, in[0]) }), apart(1, 3, 2, 5))
	for name, bias := range map[string]bool{"conv_rows": false, "conv_rows-bias": true} {
		in := []input{normal(1, 6, 2), normal(2, 3, 2, 5)}
		if bias {
			in = append(in, normal(3, 3))
		}
		add(name, onRows([]int{4, 0, 2}, func(s S, in T, l L) (tensor.Tensor, error) {
			l.Pos[3], l.Pos[5] = 5, 9 // a hole, and one wider than the reach
			if err := l.Upload(s); err != nil {
				return tensor.Tensor{}, err
			}
			return tensor.ConvRows(s, in[0], in[1], append(in, tensor.Tensor{})[2], l)
		}), in...)
	}
	return cs
}

// What has no finite value is what IEEE 754 says, on every backend.
func TestLogOutsideItsDomain(t *testing.T) {
	backends(t, func(t *testing.T, b tensor.Backend) {
		s := stream(t, b)
		x, err := tensor.Upload(s, []float32{-1, float32(math.NaN()), float32(math.Inf(-1))}, 3)
		require.NoError(t, err)
		for name, f := range map[string]func(tensor.Stream, tensor.Tensor) (tensor.Tensor, error){"log": tensor.Log, "sqrt": tensor.Sqrt} {
			y, err := f(s, x)
			require.NoError(t, err)
			got, err := tensor.Download(context.Background(), s, y)
			require.NoError(t, err)
			for i, v := range got {
				assert.True(t, math.IsNaN(float64(v)), "%s of number %d is %v", name, i, v)
			}
		}
		y, err := tensor.Reciprocal(s, x)
		require.NoError(t, err)
		got, err := tensor.Download(context.Background(), s, y)
		require.NoError(t, err)
		assert.EqualValues(t, -1, got[0])
		assert.True(t, math.IsNaN(float64(got[1])))
		assert.True(t, got[2] == 0 && math.Signbit(float64(got[2])), "1/-Inf is %v", got[2])
	})
}
