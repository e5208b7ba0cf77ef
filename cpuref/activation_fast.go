package cpuref

import "github.com/cephalo-ml/cephalo/tensor"

func init() {
	for op := tensor.OpGelu; op <= tensor.OpAbs; op++ {
		if act, ok := tensor.ActOf(op); ok {
			fast[op] = activationFast(act)
		}
	}
	fast[tensor.OpGated] = gatedFast
}

// activationFast is activation with the vector loops.
func activationFast(act tensor.Act) func(*stream, *tensor.Call) error {
	return func(s *stream, c *tensor.Call) error {
		v := view{s: s}
		dense := allDense(&c.Src[0], &c.Dst[0])
		x, y := flat(v.in(&c.Src[0]), dense), flat(v.out(&c.Dst[0]), dense)
		if v.err != nil {
			return v.err
		}
		s.each(y.n, y.cols, func(r int) { s.b.vec.activate(act, y.part(r), x.part(r)) })
		return nil
	}
}

// gatedFast is gated with the vector loops.
func gatedFast(s *stream, c *tensor.Call) error {
	v := view{s: s}
	dense := allDense(&c.Src[0], &c.Src[1], &c.Dst[0])
	a, b, y := flat(v.in(&c.Src[0]), dense), flat(v.in(&c.Src[1]), dense), flat(v.out(&c.Dst[0]), dense)
	if v.err != nil {
		return v.err
	}
	s.each(y.n, y.cols, func(r int) {
		to := y.part(r)
		s.b.vec.activate(c.Attr.Act, to, a.part(r))
		s.b.vec.mul(to, to, b.part(r))
	})
	return nil
}
