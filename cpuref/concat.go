package cpuref

import "github.com/cephalo-ml/cephalo/tensor"

func init() { impl[tensor.OpConcat] = concat }

// concat: x0 [R,C0], x1 [R,C1], … -> y [R,C0+C1+…].
func concat(s *stream, c *tensor.Call) error {
	v := view{s: s}
	y := v.out(&c.Dst[0])
	at := 0
	for i := range c.Src {
		if !c.Src[i].Present() {
			break
		}
		x, lo := v.in(&c.Src[i]), at
		if v.err != nil {
			return v.err
		}
		s.each(y.n, x.cols, func(r int) { copy(y.row(r)[lo:], x.row(r)) })
		at += x.cols
	}
	return v.err
}
