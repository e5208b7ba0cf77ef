package cpuref

import "github.com/cephalo-ml/cephalo/tensor"

func init() {
	impl[tensor.OpAdd] = add
	impl[tensor.OpMul] = mul
	impl[tensor.OpScale] = scale
}

// add: a, b -> y = a + scale b; b is broadcast as tensor.BroadcastOf says.
func add(s *stream, c *tensor.Call) error {
	factor := float64(c.Attr.Scale)
	return broadcast(s, c, func(a, b float32) float64 { return float64(a) + factor*float64(b) })
}

// mul: a, b -> y = a b.
func mul(s *stream, c *tensor.Call) error {
	return broadcast(s, c, func(a, b float32) float64 { return float64(a) * float64(b) })
}

func broadcast(s *stream, c *tensor.Call, fn func(a, b float32) float64) error {
	v := view{s: s}
	a, b, y := v.in(&c.Src[0]), v.in(&c.Src[1]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	how, _ := tensor.BroadcastOf(c.Src[0].Spec, c.Src[1].Spec)
	s.each(y.n, y.cols, func(r int) {
		to := y.row(r)
		for i, v := range a.row(r) {
			var w float32
			switch how {
			case tensor.BroadcastNone:
				w = b.row(r)[i]
			case tensor.BroadcastScalar:
				w = b.row(0)[0]
			case tensor.BroadcastRow:
				w = b.row(0)[i]
			case tensor.BroadcastCol:
				w = b.row(r)[0]
			}
			put(&to[i], fn(v, w), c.Accum)
		}
	})
	return nil
}

// scale: x -> y = scale x + shift.
func scale(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, y := v.in(&c.Src[0]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	factor, shift := float64(c.Attr.Scale), float64(c.Attr.Fill)
	s.each(y.n, y.cols, func(r int) {
		to := y.row(r)
		for i, v := range x.row(r) {
			put(&to[i], factor*float64(v)+shift, c.Accum)
		}
	})
	return nil
}
