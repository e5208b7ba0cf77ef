package cpuref

import (
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

func init() {
	impl[tensor.OpSoftmax] = softmax
	impl[tensor.OpLogSoftmax] = logSoftmax
	impl[tensor.OpSoftmaxBackward] = softmaxBackward
	impl[tensor.OpLogSoftmaxBackward] = logSoftmaxBackward
}

// sumExp is the largest element of x and the sum of e^(x - largest); the sum is
// 0 if all elements are -Inf.
func sumExp(x []float32) (largest, sum float64) {
	largest = math.Inf(-1)
	for _, v := range x {
		largest = max(largest, float64(v))
	}
	if math.IsInf(largest, -1) {
		return largest, 0
	}
	for _, v := range x {
		sum += math.Exp(float64(v) - largest)
	}
	return largest, sum
}

// softmax: x [..,C] -> y [..,C]. A row of -Inf alone gives zeros.
func softmax(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, y := v.in(&c.Src[0]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	s.each(y.n, y.cols, func(r int) {
		from, to := x.row(r), y.row(r)
		largest, sum := sumExp(from)
		for i, v := range from {
			to[i] = 0
			if sum != 0 {
				to[i] = float32(math.Exp(float64(v)-largest) / sum)
			}
		}
	})
	return nil
}

// logSoftmax: x [..,C] -> y [..,C]. A row of -Inf alone stays.
func logSoftmax(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, y := v.in(&c.Src[0]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	s.each(y.n, y.cols, func(r int) {
		from, to := x.row(r), y.row(r)
		largest, sum := sumExp(from)
		for i, v := range from {
			to[i] = float32(math.Inf(-1))
			if sum != 0 {
				to[i] = float32(float64(v) - largest - math.Log(sum))
			}
		}
	})
	return nil
}

// softmaxBackward: y, dy -> dx = y (dy - sum y dy).
func softmaxBackward(s *stream, c *tensor.Call) error {
	v := view{s: s}
	y, dy, dx := v.in(&c.Src[0]), v.in(&c.Src[1]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	s.each(y.n, y.cols, func(r int) {
		p, d, to := y.row(r), dy.row(r), dx.row(r)
		sum := dot(p, d)
		for i := range to {
			put(&to[i], float64(p[i])*(float64(d[i])-sum), c.Accum)
		}
	})
	return nil
}

// logSoftmaxBackward: y, dy -> dx = dy - e^y sum dy.
func logSoftmaxBackward(s *stream, c *tensor.Call) error {
	v := view{s: s}
	y, dy, dx := v.in(&c.Src[0]), v.in(&c.Src[1]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	s.each(y.n, y.cols, func(r int) {
		lp, d, to := y.row(r), dy.row(r), dx.row(r)
		sum := 0.0
		for _, v := range d {
			sum += float64(v)
		}
		for i := range to {
			put(&to[i], float64(d[i])-math.Exp(float64(lp[i]))*sum, c.Accum)
		}
	})
	return nil
}

// dot is the inner product in float64.
func dot(a, b []float32) float64 {
	sum := 0.0
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}
