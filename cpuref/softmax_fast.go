package cpuref

import (
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

func init() {
	fast[tensor.OpSoftmax] = softmaxFast
	fast[tensor.OpLogSoftmax] = softmaxFast
}

// softmaxFast is softmax and log_softmax with the vector loops.
func softmaxFast(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, y := v.in(&c.Src[0]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	s.each(y.n, y.cols, func(r int) {
		from, to := x.row(r), y.row(r)
		largest := s.b.vec.max(from)
		if math.IsInf(float64(largest), -1) { // all masked
			if c.Op == tensor.OpSoftmax {
				clear(to)
			} else {
				copy(to, from)
			}
			return
		}
		sum := s.b.vec.expSum(to, from, 1, largest)
		if c.Op == tensor.OpSoftmax {
			s.b.vec.scale(to, to, float32(1/sum))
			return
		}
		l := float32(math.Log(sum))
		for i, v := range from {
			to[i] = v - largest - l
		}
	})
	return nil
}
