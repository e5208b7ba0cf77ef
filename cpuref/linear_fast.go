package cpuref

import "github.com/cephalo-ml/cephalo/tensor"

func init() { fast[tensor.OpLinear] = linearFast }

// linearFast is linear over gemm. A weight in a long-lived buffer is packed at
// its first use; one in a temporary on the way.
func linearFast(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, bias, res := v.in(&c.Src[0]), v.vector(&c.Src[2]), v.in(&c.Src[3])
	y, pre := v.out(&c.Dst[0]), v.out(&c.Dst[1])
	ep := gemmEpilogue{bias: bias, act: s.b.actRow[c.Attr.Act]}
	if c.Src[3].Present() {
		ep.residual, ep.ldr = res.data, res.lead()
	}
	if c.Dst[1].Present() {
		ep.pre, ep.ldp = pre.data, pre.lead()
	}
	if w, ok := c.Src[1].Buf.(*buffer); ok && w.owner == nil && w.mem == &s.b.mem && c.Src[1].Elems() > 0 && v.err == nil {
		form, err := w.weight(s, &c.Src[1], c.Attr.TransW)
		if err != nil {
			return err
		}
		gemm(s.b.pool, y.n, x.data, x.lead(), form, y.data, y.lead(), &ep)
		return nil
	}
	w := v.in(&c.Src[1])
	if v.err != nil {
		return v.err
	}
	gemmBatch(s.b.pool, 1, y.n, y.cols, x.cols, gemmOperand{data: x.data, ld: x.lead()},
		gemmOperand{data: w.data, ld: w.lead(), trans: !c.Attr.TransW}, y.data, y.lead(), 0, false)
	s.each(y.n, y.cols, func(r int) { ep.row(s.b.vec, y.row(r), r) })
	return nil
}

// row applies the epilogue to a whole row, with the bits of gemm.
func (ep *gemmEpilogue) row(vec vecSet, y []float32, r int) {
	if ep.bias != nil {
		vec.add(y, y, ep.bias)
	}
	if ep.pre != nil {
		copy(ep.pre[r*ep.ldp:], y)
	}
	if ep.act != nil {
		ep.act(y)
	}
	if ep.residual != nil {
		vec.add(y, y, ep.residual[r*ep.ldr:][:len(y)])
	}
}

// lead is the distance between rows of a matrix; that of a single row is free.
func (r rows[T]) lead() int {
	if r.n <= 1 {
		return r.cols
	}
	return r.stride
}
