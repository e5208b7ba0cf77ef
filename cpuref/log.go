package cpuref

import (
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

func init() {
	impl[tensor.OpLog] = eachValue(math.Log)
	impl[tensor.OpSqrt] = eachValue(math.Sqrt)
	impl[tensor.OpReciprocal] = eachValue(func(x float64) float64 { return 1 / x })
}

// eachValue: x -> y = f(x), of one shape.
func eachValue(f func(float64) float64) func(*stream, *tensor.Call) error {
	return func(s *stream, c *tensor.Call) error {
		v := view{s: s}
		x, y := v.in(&c.Src[0]), v.out(&c.Dst[0])
		if v.err != nil {
			return v.err
		}
		s.each(y.n, 8*y.cols, func(r int) {
			to := y.row(r)
			for i, v := range x.row(r) {
				to[i] = float32(f(float64(v)))
			}
		})
		return nil
	}
}
