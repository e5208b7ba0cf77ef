package cpuref

import "github.com/cephalo-ml/cephalo/tensor"

func init() { fast[tensor.OpMatMul] = matmulFast }

// matmulFast is matmul over gemmBatch.
func matmulFast(s *stream, c *tensor.Call) error {
	v := view{s: s}
	m, n, k := matmulSizes(c)
	ta, tb := c.Attr.TransA, c.Attr.TransB
	a, aSteps := stack(&c.Src[0], v.in(&c.Src[0]), ta)
	b, bSteps := stack(&c.Src[1], v.in(&c.Src[1]), tb)
	y, ySteps := stack(&c.Dst[0], v.out(&c.Dst[0]), false)
	if v.err != nil || c.Dst[0].Elems() == 0 {
		return v.err
	}
	if c.Src[1].Rank == 2 && !ta && ySteps.tall && aSteps.tall { // one b for all rows
		m, aSteps.outer, aSteps.inner = m*ySteps.outer*ySteps.inner, 1, 1
		ySteps.outer, ySteps.inner = 1, 1
	}
	for i := range ySteps.outer {
		gemmBatch(s.b.pool, ySteps.inner, m, n, k,
			a.from(i*aSteps.outerStep), b.from(i*bSteps.outerStep), y.data[i*ySteps.outerStep:], y.ld, ySteps.step, c.Accum)
	}
	return nil
}

// steps are the matrices of an operand: outer times inner of them. The inner
// ones lie evenly; a gap of axis 0 falls between the outer ones if the rank is 4.
type steps struct {
	outer, inner    int
	outerStep, step int
	tall            bool // all rows of all matrices lie evenly: one tall matrix
}

// stack is t as matrices, the last two axes.
func stack(t *tensor.Tensor, r rows[float32], trans bool) (gemmOperand, steps) {
	o := gemmOperand{data: r.data, ld: r.cols, trans: trans}
	st := steps{outer: 1, inner: 1, tall: t.Dense()}
	size := t.Dim(-2) * t.Dim(-1)
	switch t.Rank {
	case 2:
		o.ld, st.tall = r.lead(), true
		if t.Elems() == 0 {
			o.ld = r.cols
		}
	case 3:
		st.inner, st.step = t.Dim(0), r.stride
	case 4:
		st.outer, st.outerStep = t.Dim(0), r.stride
		st.inner, st.step = t.Dim(1), size
	}
	o.step = st.step
	return o, st
}

func (o gemmOperand) from(at int) gemmOperand {
	o.data = o.data[at:]
	return o
}
