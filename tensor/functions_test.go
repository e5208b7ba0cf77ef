package tensor_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/tensor"
)

// Each typed function puts its arguments where the operation wants them.
func TestTypedFunctions(t *testing.T) {
	s := cpu(t)
	up := func(v []float32, shape ...int) tensor.Tensor {
		x, err := tensor.Upload(s, v, shape...)
		require.NoError(t, err)
		return x
	}
	idx := func(v ...int32) tensor.Tensor {
		x, err := tensor.Upload(s, v, len(v))
		require.NoError(t, err)
		return x
	}
	l := tensor.NewLayout(2, 1)
	require.NoError(t, l.Upload(s))
	none := tensor.Tensor{}
	x := up([]float32{1, 2, 3, 4, 5, 6}, 3, 2)
	row, col := up([]float32{10, 20}, 2), up([]float32{1, 2, 3}, 3, 1)
	rms := func(a, b float64) []float32 {
		m := math.Sqrt((a*a + b*b) / 2)
		return []float32{float32(a / m), float32(b / m)}
	}
	heads := up([]float32{1, 0, 0, 1, 1, 1}, 3, 1, 2)
	halves := up([]float32{0, 0, 0, 0, 0, 0}, 3, 1, 2)
	ln3 := float32(math.Log(3))
	type result = func() (tensor.Tensor, error)
	for name, c := range map[string]struct {
		f     result
		shape []int
		want  []float32
	}{
		"activation":      {func() (tensor.Tensor, error) { return tensor.Activation(s, x, tensor.ActRelu) }, []int{3, 2}, []float32{1, 2, 3, 4, 5, 6}},
		"activation-none": {func() (tensor.Tensor, error) { return tensor.Activation(s, x, tensor.ActNone) }, []int{3, 2}, []float32{1, 2, 3, 4, 5, 6}},
		"add":             {func() (tensor.Tensor, error) { return tensor.Add(s, x, row) }, []int{3, 2}, []float32{11, 22, 13, 24, 15, 26}},
		"add-scaled":      {func() (tensor.Tensor, error) { return tensor.AddScaled(s, x, col, -1) }, []int{3, 2}, []float32{0, 1, 1, 2, 2, 3}},
		"mul":             {func() (tensor.Tensor, error) { return tensor.Mul(s, x, col) }, []int{3, 2}, []float32{1, 2, 6, 8, 15, 18}},
		"scale":           {func() (tensor.Tensor, error) { return tensor.Scale(s, x, 2, 1) }, []int{3, 2}, []float32{3, 5, 7, 9, 11, 13}},
		"gated":           {func() (tensor.Tensor, error) { return tensor.Gated(s, x, x, tensor.ActNone) }, []int{3, 2}, []float32{1, 4, 9, 16, 25, 36}},
		"dropout":         {func() (tensor.Tensor, error) { return tensor.Dropout(s, x, 0, 1) }, []int{3, 2}, []float32{1, 2, 3, 4, 5, 6}},
		"matmul":          {func() (tensor.Tensor, error) { return tensor.MatMul(s, x, x, true, false) }, []int{2, 2}, []float32{35, 44, 44, 56}},
		"matmul-tb":       {func() (tensor.Tensor, error) { return tensor.MatMul(s, x, x, false, true) }, []int{3, 3}, []float32{5, 11, 17, 11, 25, 39, 17, 39, 61}},
		"linear": {func() (tensor.Tensor, error) {
			return tensor.Linear(s, x, up([]float32{1, 1}, 1, 2), up([]float32{-4}, 1), col, tensor.ActRelu, false)
		}, []int{3, 1}, []float32{1, 5, 10}},
		"linear-transw": {func() (tensor.Tensor, error) {
			return tensor.Linear(s, col, up([]float32{1, 2}, 1, 2), none, none, tensor.ActNone, true)
		}, []int{3, 2}, []float32{1, 2, 2, 4, 3, 6}},
		"sum-rows":     {func() (tensor.Tensor, error) { return tensor.SumRows(s, x) }, []int{2}, []float32{9, 12}},
		"sum-cols":     {func() (tensor.Tensor, error) { return tensor.SumCols(s, x) }, []int{3, 1}, []float32{3, 7, 11}},
		"concat":       {func() (tensor.Tensor, error) { return tensor.Concat(s, x, col) }, []int{3, 3}, []float32{1, 2, 1, 3, 4, 2, 5, 6, 3}},
		"gather":       {func() (tensor.Tensor, error) { return tensor.GatherRows(s, x, idx(2, -1), 7) }, []int{2, 2}, []float32{5, 6, 7, 7}},
		"scatter":      {func() (tensor.Tensor, error) { return tensor.ScatterRows(s, x, idx(1, 3, 9), 4, 7) }, []int{4, 2}, []float32{7, 7, 1, 2, 7, 7, 3, 4}},
		"embedding":    {func() (tensor.Tensor, error) { return tensor.Embedding(s, idx(2, 0, 2), x, x, -1) }, []int{3, 2}, []float32{6, 8, 4, 6, 10, 12}},
		"l2-normalize": {func() (tensor.Tensor, error) { return tensor.L2Normalize(s, up([]float32{3, 4}, 1, 2), 1e-12) }, []int{1, 2}, []float32{0.6, 0.8}},
		"softmax":      {func() (tensor.Tensor, error) { return tensor.Softmax(s, up([]float32{0, ln3}, 1, 2)) }, []int{1, 2}, []float32{0.25, 0.75}},
		"log-softmax":  {func() (tensor.Tensor, error) { return tensor.LogSoftmax(s, up([]float32{0, 0}, 1, 2)) }, []int{1, 2}, []float32{-math.Ln2, -math.Ln2}},
		"layer-norm":   {func() (tensor.Tensor, error) { return tensor.LayerNorm(s, x, row, row, none, 0) }, []int{3, 2}, []float32{0, 40, 0, 40, 0, 40}},
		"rms-norm": {func() (tensor.Tensor, error) {
			return tensor.RMSNorm(s, up([]float32{1, 2}, 1, 2), none, up([]float32{2, 2}, 1, 2), 0)
		}, []int{1, 2}, rms(3, 4)},
		"rope": {func() (tensor.Tensor, error) { return tensor.Rope(s, heads, l, 1e4, 0, false) }, []int{3, 1, 2}, []float32{1, 0, 0, 1, 1, 1}},
		"attention": {func() (tensor.Tensor, error) {
			return tensor.Attention(s, halves, halves, heads, l, l, tensor.NoWindow)
		}, []int{3, 1, 2}, []float32{.5, .5, .5, .5, 1, 1}},
		"pool-cls":  {func() (tensor.Tensor, error) { return tensor.Pool(s, x, l, tensor.PoolCLS, none, none) }, []int{2, 2}, []float32{1, 2, 5, 6}},
		"pool-last": {func() (tensor.Tensor, error) { return tensor.Pool(s, x, l, tensor.PoolLast, none, none) }, []int{2, 2}, []float32{3, 4, 5, 6}},
		"pool-mean": {func() (tensor.Tensor, error) { return tensor.Pool(s, x, l, tensor.PoolMean, none, none) }, []int{2, 2}, []float32{2, 3, 5, 6}},
		"pool-max":  {func() (tensor.Tensor, error) { return tensor.Pool(s, x, l, tensor.PoolMax, none, none) }, []int{2, 2}, []float32{3, 4, 5, 6}},
		"pool-attention": {func() (tensor.Tensor, error) {
			return tensor.Pool(s, x, l, tensor.PoolAttention, up([]float32{0, 0}, 1, 2), up([]float32{0}, 1))
		}, []int{2, 2}, []float32{2, 3, 5, 6}},
	} {
		y, err := c.f()
		require.NoError(t, err, name)
		assert.Equal(t, tensor.Of(tensor.F32, c.shape...), y.Spec, name)
		got, err := tensor.Download(context.Background(), s, y)
		require.NoError(t, err, name)
		assert.InDeltaSlice(t, c.want, got, 2e-6, name)
	}

	y, h, err := tensor.LayerNormAdd(s, x, none, none, x, 0)
	require.NoError(t, err)
	got, err := tensor.Download(context.Background(), s, h)
	require.NoError(t, err)
	assert.Equal(t, []float32{2, 4, 6, 8, 10, 12}, got)
	got, err = tensor.Download(context.Background(), s, y)
	require.NoError(t, err)
	assert.InDeltaSlice(t, []float32{-1, 1, -1, 1, -1, 1}, got, 1e-6)

	require.NoError(t, tensor.WriteRows(s, x, up([]float32{9, 8}, 1, 2), idx(1)))
	got, err = tensor.Download(context.Background(), s, x)
	require.NoError(t, err)
	assert.Equal(t, []float32{1, 2, 9, 8, 5, 6}, got)

	at, err := tensor.Argmax(s, x)
	require.NoError(t, err)
	raw := make([]byte, at.Bytes())
	require.NoError(t, s.Read(context.Background(), [][]byte{raw}, at))
	assert.Equal(t, tensor.Bytes([]int32{1, 0, 1}), raw)
	_, err = tensor.Download(context.Background(), s, at)
	assert.ErrorIs(t, err, tensor.ErrDType)
}

// Whatever a caller hands over, the answer is an error and no panic.
func TestTypedFunctionsRefuse(t *testing.T) {
	s := cpu(t)
	up := func(shape ...int) tensor.Tensor {
		x, err := tensor.Upload(s, make([]float32, tensor.Of(tensor.F32, shape...).Elems()), shape...)
		require.NoError(t, err)
		return x
	}
	ids, err := tensor.Upload(s, []int32{0, 0, 0}, 3)
	require.NoError(t, err)
	l := tensor.NewLayout(3)
	require.NoError(t, l.Upload(s))
	none := tensor.Tensor{}
	odd := []tensor.Tensor{none, up(), up(3), up(3, 2), up(2, 3, 2), up(1, 2, 3, 2), up(0), up(3, 0), ids}
	bad := map[string]func(a, b tensor.Tensor) (tensor.Tensor, error){
		"matmul":    func(a, b tensor.Tensor) (tensor.Tensor, error) { return tensor.MatMul(s, a, b, false, false) },
		"linear":    func(a, b tensor.Tensor) (tensor.Tensor, error) { return tensor.Linear(s, a, b, none, none, 99, false) },
		"add":       func(a, b tensor.Tensor) (tensor.Tensor, error) { return tensor.Add(s, a, b) },
		"mul":       func(a, b tensor.Tensor) (tensor.Tensor, error) { return tensor.Mul(s, a, b) },
		"gated":     func(a, b tensor.Tensor) (tensor.Tensor, error) { return tensor.Gated(s, a, b, 99) },
		"embedding": func(a, b tensor.Tensor) (tensor.Tensor, error) { return tensor.Embedding(s, a, b, none, -1) },
		"gather":    func(a, b tensor.Tensor) (tensor.Tensor, error) { return tensor.GatherRows(s, a, b, 0) },
		"scatter":   func(a, b tensor.Tensor) (tensor.Tensor, error) { return tensor.ScatterRows(s, a, b, 5, 0) },
		"concat":    func(a, b tensor.Tensor) (tensor.Tensor, error) { return tensor.Concat(s, a, b) },
		"softmax":   func(a, b tensor.Tensor) (tensor.Tensor, error) { return tensor.Softmax(s, a) },
		"sum-rows":  func(a, b tensor.Tensor) (tensor.Tensor, error) { return tensor.SumRows(s, a) },
		"sum-cols":  func(a, b tensor.Tensor) (tensor.Tensor, error) { return tensor.SumCols(s, a) },
		"argmax":    func(a, b tensor.Tensor) (tensor.Tensor, error) { return tensor.Argmax(s, a) },
		"l2":        func(a, b tensor.Tensor) (tensor.Tensor, error) { return tensor.L2Normalize(s, a, 0) },
		"layer-norm": func(a, b tensor.Tensor) (tensor.Tensor, error) {
			return tensor.LayerNorm(s, a, b, none, none, 0)
		},
		"rms-norm":  func(a, b tensor.Tensor) (tensor.Tensor, error) { return tensor.RMSNorm(s, a, b, none, 0) },
		"rope":      func(a, b tensor.Tensor) (tensor.Tensor, error) { return tensor.Rope(s, a, l, 1e4, 2, false) },
		"rope-none": func(a, b tensor.Tensor) (tensor.Tensor, error) { return tensor.Rope(s, a, nil, 1e4, 2, false) },
		"attention": func(a, b tensor.Tensor) (tensor.Tensor, error) {
			return tensor.Attention(s, a, b, b, l, nil, tensor.NoWindow)
		},
		"pool": func(a, b tensor.Tensor) (tensor.Tensor, error) {
			return tensor.Pool(s, a, l, tensor.PoolAttention, b, b)
		},
		"pool-none": func(a, b tensor.Tensor) (tensor.Tensor, error) {
			return tensor.Pool(s, a, nil, tensor.PoolCLS, none, none)
		},
		"pool-99": func(a, b tensor.Tensor) (tensor.Tensor, error) { return tensor.Pool(s, a, l, 99, none, none) },
	}
	for name, f := range bad {
		refused := 0
		for _, a := range odd {
			for _, b := range odd {
				require.NotPanics(t, func() {
					if _, err := f(a, b); err != nil {
						refused++
						assert.True(t, isSentinel(err), "%s of %v, %v: %v", name, a.Spec, b.Spec, err)
					}
				}, "%s of %v, %v", name, a.Spec, b.Spec)
			}
		}
		assert.Positive(t, refused, name)
	}
	_, err = tensor.ScatterRows(s, up(3, 2), ids, -1, 0)
	assert.ErrorIs(t, err, tensor.ErrShape)
	_, err = tensor.Concat(s)
	assert.ErrorContains(t, err, "0 operands, want 1 to 8")
	_, err = tensor.Activation(s, up(3), 99)
	assert.ErrorIs(t, err, tensor.ErrUnsupported)
	_, err = tensor.Upload(s, []float32{1}, 2)
	assert.ErrorIs(t, err, tensor.ErrShape)
}

func isSentinel(err error) bool {
	return errors.Is(err, tensor.ErrShape) || errors.Is(err, tensor.ErrDType) || errors.Is(err, tensor.ErrUnsupported)
}
