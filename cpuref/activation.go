package cpuref

import (
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

func init() {
	for op := tensor.OpGelu; op <= tensor.OpAbs; op++ {
		if act, ok := tensor.ActOf(op); ok {
			impl[op] = activation(act)
		}
	}
	impl[tensor.OpActivationBackward] = activationBackward
}

// activation: x -> y = act(x), of one shape.
func activation(act tensor.Act) func(*stream, *tensor.Call) error {
	return func(s *stream, c *tensor.Call) error {
		v := view{s: s}
		x, y := v.in(&c.Src[0]), v.out(&c.Dst[0])
		if v.err != nil {
			return v.err
		}
		s.each(y.n, y.cols, func(r int) {
			to := y.row(r)
			for i, v := range x.row(r) {
				to[i] = float32(activate(act, float64(v)))
			}
		})
		return nil
	}
}

// activationBackward: x, dy -> dx = act'(x) dy.
func activationBackward(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, dy, dx := v.in(&c.Src[0]), v.in(&c.Src[1]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	s.each(dx.n, dx.cols, func(r int) {
		d, to := dy.row(r), dx.row(r)
		for i, v := range x.row(r) {
			put(&to[i], slope(c.Attr.Act, float64(v))*float64(d[i]), c.Accum)
		}
	})
	return nil
}

// Constants of the tanh form of gelu (Hendrycks and Gimpel 2016).
const (
	geluTanhScale = 0.7978845608028654 // sqrt(2/pi)
	geluTanhCube  = 0.044715
)

// activate is act(x), spec section 5.1. In float64 nothing overflows that
// should not: exp gives +Inf, and each formula then gives its limit.
func activate(act tensor.Act, x float64) float64 {
	switch act {
	case tensor.ActGelu:
		return x * normalCDF(x)
	case tensor.ActGeluTanh:
		return 0.5 * x * (1 + math.Tanh(geluTanhScale*(x+geluTanhCube*x*x*x)))
	case tensor.ActSilu:
		return x * sigmoid(x)
	case tensor.ActRelu:
		return max(x, 0)
	case tensor.ActTanh:
		return math.Tanh(x)
	case tensor.ActSigmoid:
		return sigmoid(x)
	case tensor.ActMish:
		return x * math.Tanh(softplus(x))
	case tensor.ActAbs:
		return math.Abs(x)
	}
	return x
}

// slope is act'(x). The slope of relu and abs at 0 is 0.
func slope(act tensor.Act, x float64) float64 {
	switch act {
	case tensor.ActGelu:
		return normalCDF(x) + x*math.Exp(-0.5*x*x)/math.Sqrt(2*math.Pi)
	case tensor.ActGeluTanh:
		t := math.Tanh(geluTanhScale * (x + geluTanhCube*x*x*x))
		return 0.5*(1+t) + 0.5*x*(1-t*t)*geluTanhScale*(1+3*geluTanhCube*x*x)
	case tensor.ActSilu:
		g := sigmoid(x)
		return g + x*g*(1-g)
	case tensor.ActRelu:
		if x > 0 {
			return 1
		}
		return 0
	case tensor.ActTanh:
		t := math.Tanh(x)
		return 1 - t*t
	case tensor.ActSigmoid:
		g := sigmoid(x)
		return g * (1 - g)
	case tensor.ActMish:
		t := math.Tanh(softplus(x))
		return t + x*(1-t*t)*sigmoid(x)
	case tensor.ActAbs:
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return 0
	}
	return 1
}

func normalCDF(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// softplus is log(1 + e^x).
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }
