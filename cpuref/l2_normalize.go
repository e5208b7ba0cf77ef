package cpuref

import (
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

func init() {
	impl[tensor.OpL2Normalize] = l2Normalize
	impl[tensor.OpL2NormalizeBackward] = l2NormalizeBackward
}

// l2Normalize: x [..,C] -> y = x / max(|x|, eps). A row of zeros stays, for eps 0 too.
func l2Normalize(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, y := v.in(&c.Src[0]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	s.each(y.n, 2*y.cols, func(r int) {
		from, to := x.row(r), y.row(r)
		length := max(math.Sqrt(dot(from, from)), float64(c.Attr.Eps), math.SmallestNonzeroFloat64)
		for i, v := range from {
			to[i] = float32(float64(v) / length)
		}
	})
	return nil
}

// l2NormalizeBackward: x, dy -> dx = (dy - n (n dy)) / |x| with n = x / |x|;
// where eps is the divisor, it is a constant: dx = dy / eps.
func l2NormalizeBackward(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, dy, dx := v.in(&c.Src[0]), v.in(&c.Src[1]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	s.each(dx.n, 3*dx.cols, func(r int) {
		from, d, to := x.row(r), dy.row(r), dx.row(r)
		length, along, eps := math.Sqrt(dot(from, from)), 0.0, float64(c.Attr.Eps)
		if length > eps {
			along = dot(from, d) / (length * length)
		} else {
			length = max(eps, math.SmallestNonzeroFloat64)
		}
		for i := range to {
			put(&to[i], (float64(d[i])-along*float64(from[i]))/length, c.Accum)
		}
	})
	return nil
}
