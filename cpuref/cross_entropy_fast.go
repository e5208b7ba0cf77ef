package cpuref

import "github.com/cephalo-ml/cephalo/tensor"

func init() {
	fast[tensor.OpCrossEntropy] = func(s *stream, c *tensor.Call) error { return crossEntropyBy(s, c, s.b.vec.sumExp) }
	fast[tensor.OpCrossEntropyBackward] = crossEntropyBackwardFast
}

// expBlock is the number of exponentials that lie on the stack at a time.
const expBlock = 512

// sumExp is the largest element of x and the sum of e^(x - largest).
func (s vecSet) sumExp(x []float32) (largest, sum float64) {
	var e [expBlock]float32
	top := s.max(x)
	for lo := 0; lo < len(x); lo += expBlock {
		part := x[lo:min(lo+expBlock, len(x))]
		sum += s.expSum(e[:len(part)], part, 1, top)
	}
	return float64(top), sum
}

// crossEntropyBackwardFast makes the exponentials block by block, with the vector loops.
func crossEntropyBackwardFast(s *stream, c *tensor.Call) error {
	v := view{s: s}
	g, dy, total, dz := v.targets(c), v.in(&c.Src[3]), v.vector(&c.Src[4]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	all := g.weights()
	s.each(dz.n, 2*dz.cols, func(r int) {
		to := dz.row(r)
		if !c.Accum {
			clear(to)
		}
		t, counts := g.of(r)
		if !counts {
			return
		}
		z := g.z.row(r)
		largest, sum := s.b.vec.sumExp(z)
		hard, even := g.shares(r, t, dy, total)
		var e [expBlock]float32
		for lo := 0; lo < len(z); lo += expBlock {
			part := z[lo:min(lo+expBlock, len(z))]
			s.b.vec.expSum(e[:len(part)], part, 1, float32(largest))
			s.b.vec.addScaled(to[lo:lo+len(part)], e[:len(part)], float32((hard+even*all)/sum))
		}
		to[t] -= float32(hard)
		if even != 0 {
			for i := range to {
				to[i] -= float32(even * g.weightOf(i))
			}
		}
	})
	return nil
}
