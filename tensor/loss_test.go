package tensor_test

import (
	"context"
	"fmt"
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
	mean := tensor.Attr{Index: tensor.IgnoreIndex, Mode: uint8(tensor.ReduceMean)}
	w := func() tensor.Tensor { return f32(5, 4, 3) }
	return []form{
		{op: tensor.OpLog, src: ts(x()), dst: ts(x())},
		{op: tensor.OpSqrt, src: ts(x()), dst: ts(x())},
		{op: tensor.OpReciprocal, src: ts(x()), dst: ts(x())},
		{op: tensor.OpMaxCols, src: ts(x()), dst: ts(f32(6, 1), i32(6)), optionalD: "1"},
		{op: tensor.OpMaxColsBackward, src: ts(f32(6, 1), i32(6)), dst: ts(x())},
		{op: tensor.OpConvRows, src: ts(x(), w(), f32(5)), dst: ts(f32(6, 5)), optionalS: "2", rows: l},
		{op: tensor.OpConvRowsBackward, src: ts(x(), w(), f32(6, 5)), dst: ts(x(), w(), f32(5)), optionalD: "012", rows: l},
		{op: tensor.OpCrossEntropy, src: ts(x(), i32(6), f32(4)), dst: ts(f32(1), f32(1)), optionalS: "2", optionalD: "1", attr: mean},
		{op: tensor.OpCrossEntropyBackward, src: ts(x(), i32(6), f32(4), f32(1), f32(1)), dst: ts(x()), optionalS: "2", attr: mean},
		{op: tensor.OpBCEWithLogits, src: ts(x(), x()), dst: ts(x())},
		{op: tensor.OpBCEWithLogitsBackward, src: ts(x(), x(), x()), dst: ts(x())},
		{op: tensor.OpCRFLogLikelihood, src: ts(x(), f32(4, 4), f32(4), f32(4), i32(6), i32(6)), dst: ts(f32(2), x()), optionalS: "5", optionalD: "1", rows: l},
		{op: tensor.OpCRFLogLikelihoodBackward, src: ts(x(), f32(4, 4), f32(4), i32(6), i32(6), f32(2)), dst: ts(x(), f32(4, 4), f32(4), f32(4)), optionalS: "4", optionalD: "0123", rows: l},
		{op: tensor.OpCRFViterbi, src: ts(x(), f32(4, 4), f32(4), f32(4), i32(6)), dst: ts(i32(6), f32(2)), optionalS: "4", optionalD: "1", rows: l},
		{op: tensor.OpCRFMarginals, src: ts(x(), f32(4, 4), f32(4), f32(4), i32(6)), dst: ts(x()), optionalS: "4", rows: l},
	}
}

// refusalsOfLosses are what only one of these operations can have wrong.
func refusalsOfLosses() []refusal {
	return []refusal{
		{tensor.OpMaxCols, func(c *tensor.Call) { c.Src[0], c.Dst[0] = f32(6, 0), f32(6, 1) }, tensor.ErrShape, "x is F32[6 0], want at least one column"},
		{tensor.OpConvRows, func(c *tensor.Call) { c.Src[1] = f32(5, 4, 2) }, tensor.ErrShape, "weight is F32[5 4 2], want [Cout,4,K] with an odd K"},
		{tensor.OpConvRows, func(c *tensor.Call) { c.Src[1] = f32(5, 3, 3) }, tensor.ErrShape, "weight is F32[5 3 3], want [Cout,4,K]"},
		{tensor.OpCrossEntropy, func(c *tensor.Call) { c.Attr.Mode = 3 }, tensor.ErrUnsupported, "Reduction(3)"},
		{tensor.OpCrossEntropy, func(c *tensor.Call) { c.Attr.Rate = 1 }, tensor.ErrShape, "label smoothing 1, want 0 up to below 1"},
		{tensor.OpCrossEntropy, func(c *tensor.Call) { c.Attr.Rate = float32(math.NaN()) }, tensor.ErrShape, "label smoothing NaN"},
		{tensor.OpCrossEntropy, func(c *tensor.Call) { c.Attr.Mode = uint8(tensor.ReduceSum) }, tensor.ErrShape, "result 1 is not one of its 1 results"},
		{tensor.OpCrossEntropy, func(c *tensor.Call) { c.Attr.Mode, c.Dst[1] = uint8(tensor.ReduceNone), tensor.Tensor{} }, tensor.ErrShape, "loss is F32[1], want F32[6]"},
		{tensor.OpCrossEntropyBackward, func(c *tensor.Call) { c.Attr.Mode = uint8(tensor.ReduceSum) }, tensor.ErrShape, "operand 4 is not one of its 4 operands"},
		{tensor.OpCRFLogLikelihood, func(c *tensor.Call) { c.Src[0] = f32(6, 1025) }, tensor.ErrUnsupported, "emissions is F32[6 1025], want 1 to 1024 tags"},
		{tensor.OpCRFLogLikelihood, func(c *tensor.Call) { c.Src[0] = f32(6, 0) }, tensor.ErrUnsupported, "want 1 to 1024 tags"},
		{tensor.OpCRFViterbi, func(c *tensor.Call) { c.Src[1] = f32(4, 3) }, tensor.ErrShape, "transitions is F32[4 3], want F32[4 4]"},
		{tensor.OpCRFMarginals, func(c *tensor.Call) { c.Src[4] = f32(6) }, tensor.ErrDType, "keep is F32, want I32"},
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
	for _, r := range []tensor.Reduction{tensor.ReduceNone, tensor.ReduceSum, tensor.ReduceMean} {
		for _, weighted := range []bool{false, true} {
			o := tensor.CrossEntropyOptions{Ignore: 2, Smoothing: 0.3, Reduction: r}
			add(fmt.Sprintf("cross_entropy-%s-%v", r, weighted), one(func(s S, in T) (tensor.Tensor, error) {
				target, err := tensor.Upload(s, []int32{0, 3, 2, 1, -5}, 5)
				if err != nil {
					return target, err
				}
				var w tensor.Tensor
				if weighted {
					if w, err = tensor.Upload(s, []float32{0.5, 2, 1, 3}, 4); err != nil {
						return w, err
					}
				}
				return tensor.CrossEntropy(s, in[0], target, w, o)
			}), normal(1, 5, 4))
		}
		add(fmt.Sprintf("bce_with_logits-%s", r), one(func(s S, in T) (tensor.Tensor, error) {
			t, err := tensor.Upload(s, []float32{0, 1, 0.3, 0.9, 1, 0}, 2, 3)
			if err != nil {
				return t, err
			}
			return tensor.BCEWithLogits(s, in[0], t, r)
		}), normal(1, 2, 3))
		add(fmt.Sprintf("mse-%s", r), one(func(s S, in T) (tensor.Tensor, error) { return tensor.MSE(s, in[0], in[1], r) }), normal(1, 2, 3), normal(2, 2, 3))
	}
	for name, keep := range map[string][]int32{"crf": nil, "crf-keep": {1, 0, 1, 1, 1, 0, 1, 1}} {
		add(name, onRows([]int{4, 0, 3, 1}, func(s S, in T, l L) (tensor.Tensor, error) {
			tags, err := tensor.Upload(s, []int32{0, 2, 1, -100, 1, 1, 2, 0}, 8)
			if err != nil {
				return tags, err
			}
			var k tensor.Tensor
			if keep != nil {
				if k, err = tensor.Upload(s, keep, len(keep)); err != nil {
					return k, err
				}
			}
			return tensor.CRFLogLikelihood(s, in[0], tensor.CRF{Transitions: in[1], Start: in[2], End: in[3]}, tags, k, l)
		}), normal(1, 8, 3), normal(2, 3, 3), normal(3, 3), normal(4, 3))
	}
	add("masked_mean", one(func(s S, in T) (tensor.Tensor, error) {
		m, err := tensor.Upload(s, []float32{0, 1, 1, 0, 1, 1}, 2, 3)
		if err != nil {
			return m, err
		}
		return tensor.MaskedMean(s, in[0], m)
	}), normal(1, 2, 3))
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
