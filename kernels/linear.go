package kernels

import "github.com/cephalo-ml/cephalo/tensor"

// linear is one product with an epilogue; two where the pre-activation lies in the
// buffer of the result.
func linear(s *stream, c *tensor.Call) error {
	g := product{
		a: matrixOf(c.Src[0]), b: matrixOf(c.Src[1]), transB: !c.Attr.TransW, batch: 1,
		bias: flat(c.Src[2]), residual: matrixOf(c.Src[3]), y: matrixOf(c.Dst[0]), pre: matrixOf(c.Dst[1]),
		act: c.Attr.Act, m: c.Dst[0].Dim(0), n: c.Dst[0].Dim(1), k: c.Src[0].Dim(1),
	}
	if sameBuffer(g.y.operand(), g.pre.operand()) {
		first := g
		first.y, first.pre, first.act, first.residual = g.pre, matrix{}, tensor.ActNone, matrix{}
		if err := first.run(s); err != nil {
			return err
		}
		g.pre = matrix{}
	}
	return g.run(s)
}
