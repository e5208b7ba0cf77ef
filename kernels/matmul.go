package kernels

import "github.com/cephalo-ml/cephalo/tensor"

// matmul is one product for each matrix of the leading axes.
func matmul(s *stream, c *tensor.Call) error {
	a, b, y := c.Src[0], c.Src[1], c.Dst[0]
	g := product{
		a: matrixOf(a), b: matrixOf(b), y: matrixOf(y), transA: c.Attr.TransA, transB: c.Attr.TransB, batch: 1,
		accum: c.Accum, m: y.Dim(-2), n: y.Dim(-1), k: a.Dim(-1),
	}
	if g.transA {
		g.k = a.Dim(-2)
	}
	if a.Rank > 2 {
		g.batchA, g.batchB, g.batchY = batchOf(a), batchOf(b), batchOf(y)
		g.batch = g.batchY.rows
	}
	return g.run(s)
}

// batchOf is a tensor as one row for each matrix; a single matrix serves all.
func batchOf(t tensor.Tensor) operand {
	if t.Rank == 2 {
		o := matrixOf(t).operand()
		o.stride = 0
		return o.whole()
	}
	size := t.Dim(-2) * t.Dim(-1)
	o := operand{buf: t.Buf.(*buffer), off: t.Off, rows: 1, cols: size, inner: 1, stride: size, step: 1}
	for i := range int(t.Rank) - 2 {
		o.rows *= t.Dim(i)
	}
	if !t.Dense() {
		o.stride, o.inner = int(t.Stride), o.rows/max(t.Dim(0), 1)
	}
	return o
}
