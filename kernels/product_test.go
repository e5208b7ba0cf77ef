package kernels

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cephalo-ml/cephalo/tensor"
	"github.com/stretchr/testify/require"
)

// TestTiledProducts holds the tiled shader to the plain one, which the conformance
// suite runs on a software renderer: sizes around its tiles, both ways of storing
// each factor, every part of the epilogue, batches and sums.
func TestTiledProducts(t *testing.T) {
	plain, tiled := open(t), open(t)
	plain.tiles, tiled.tiles = false, true
	for _, d := range [][3]int{{17, 17, 1}, {64, 64, 32}, {65, 63, 33}, {128, 68, 100}, {20, 132, 7}, {36, 40, 0}} {
		m, n, k := d[0], d[1], d[2]
		for i := range 4 {
			transA, transB := i&1 != 0, i&2 != 0
			t.Run(fmt.Sprintf("%dx%dx%d,%v,%v", m, n, k, transA, transB), func(t *testing.T) {
				same(t, plain, tiled, k, func(s tensor.Stream) (tensor.Tensor, error) { return products(s, m, n, k, transA, transB) })
				if !transA {
					same(t, plain, tiled, k, func(s tensor.Stream) (tensor.Tensor, error) { return epilogue(s, m, n, k, !transB) })
				}
			})
		}
	}
	found := false
	for k := range tiled.programs {
		found = found || k.file == "matmul_tiled"
	}
	require.True(t, found)
}

// TestWideChunks holds attention as GPUs run it to what software renderers run.
func TestWideChunks(t *testing.T) {
	narrow, wide := open(t), open(t)
	narrow.tiles, wide.tiles = false, true
	for _, dim := range []int{4, 36, 64} {
		same(t, narrow, wide, dim, func(s tensor.Stream) (tensor.Tensor, error) {
			l := tensor.NewLayout(5, 0, 9)
			if err := l.Upload(s); err != nil {
				return tensor.Tensor{}, err
			}
			var x [3]tensor.Tensor
			for i := range x {
				var err error
				if x[i], err = uniform(s, uint64(i), 14, 2, dim); err != nil {
					return x[i], err
				}
			}
			return tensor.Attention(s, x[0], x[1], x[2], l, l, tensor.AttentionOptions{Causal: true, Left: 3, Right: -1})
		})
	}
}

func same(t *testing.T, a, b *Backend, k int, f func(tensor.Stream) (tensor.Tensor, error)) {
	t.Helper()
	var got [2][]float32
	for i, back := range []*Backend{a, b} {
		s := begin(t, back)
		y, err := f(s)
		require.NoError(t, err)
		got[i] = download(t, s, y)
	}
	tol := 1e-6 * float64(1+k)
	for i, want := range got[0] {
		if d := float64(got[1][i] - want); !(d <= tol && -d <= tol) {
			t.Fatalf("element %d is %v, want %v", i, got[1][i], want)
		}
	}
}

// uniform are values of (-1,1), the same for every seed.
func uniform(s tensor.Stream, seed uint64, shape ...int) (tensor.Tensor, error) {
	r := rand.New(rand.NewPCG(seed, 0))
	v := make([]float32, tensor.Of(tensor.F32, shape...).Elems())
	for i := range v {
		v[i] = 2*r.Float32() - 1
	}
	return tensor.Upload(s, v, shape...)
}

// products is a batch of three products, added to values that are there.
func products(s tensor.Stream, m, n, k int, transA, transB bool) (tensor.Tensor, error) {
	shapeA, shapeB := []int{3, m, k}, []int{3, k, n}
	if transA {
		shapeA = []int{3, k, m}
	}
	if transB {
		shapeB = []int{3, n, k}
	}
	a, err := uniform(s, 1, shapeA...)
	if err != nil {
		return a, err
	}
	b, err := uniform(s, 2, shapeB...)
	if err != nil {
		return b, err
	}
	y, err := uniform(s, 3, 3, m, n)
	if err != nil {
		return y, err
	}
	c := tensor.Call{Op: tensor.OpMatMul, Attr: tensor.Attr{TransA: transA, TransB: transB}, Accum: true}
	c.Src[0], c.Src[1], c.Dst[0] = a, b, y
	return y, tensor.Exec(s, c)
}

// epilogue is a linear layer with bias, activation and residual; the result holds
// its pre-activation too.
func epilogue(s tensor.Stream, m, n, k int, transW bool) (tensor.Tensor, error) {
	shape := []int{n, k}
	if transW {
		shape = []int{k, n}
	}
	c := tensor.Call{Op: tensor.OpLinear, Attr: tensor.Attr{TransW: transW, Act: tensor.ActGelu}}
	var err error
	for i, shape := range [][]int{{m, k}, shape, {n}, {m, n}} {
		if c.Src[i], err = uniform(s, uint64(i), shape...); err != nil {
			return c.Src[i], err
		}
	}
	for i := range 2 {
		if c.Dst[i], err = tensor.NewTemp(s, tensor.Of(tensor.F32, m, n)); err != nil {
			return c.Dst[i], err
		}
	}
	if err := tensor.Exec(s, c); err != nil {
		return tensor.Tensor{}, err
	}
	return tensor.Concat(s, c.Dst[0], c.Dst[1])
}
