package cpuref

import (
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

func init() {
	fast[tensor.OpLayerNorm] = normFast
	fast[tensor.OpRMSNorm] = normFast
}

// normFast is norm with the vector loops, which keep its sums in float64.
func normFast(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, w, bias, res := v.in(&c.Src[0]), v.vector(&c.Src[1]), v.vector(&c.Src[2]), v.in(&c.Src[3])
	y, sum, stats := v.out(&c.Dst[0]), v.out(&c.Dst[1]), v.out(&c.Dst[2])
	if v.err != nil {
		return v.err
	}
	vec, n, eps := s.b.vec, float64(y.cols), float64(c.Attr.Eps)
	s.each(y.n, 2*y.cols, func(r int) {
		h, to := x.row(r), y.row(r)
		if c.Src[3].Present() {
			vec.add(to, h, res.row(r))
			h = to
		}
		if c.Dst[1].Present() {
			copy(sum.row(r), h)
		}
		mean := 0.0
		if c.Op == tensor.OpLayerNorm {
			mean = vec.sum(h) / n
		}
		rstd := 1 / math.Sqrt(vec.squares(h, mean)/n+eps)
		if c.Dst[2].Present() {
			stats.row(r)[0], stats.row(r)[1] = float32(mean), float32(rstd)
		}
		vec.normalize(to, h, w, bias, mean, rstd)
	})
	return nil
}
