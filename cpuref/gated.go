package cpuref

import "github.com/cephalo-ml/cephalo/tensor"

func init() {
	impl[tensor.OpGated] = gated
	impl[tensor.OpGatedBackward] = gatedBackward
}

// gated: a, b -> y = act(a) b, of one shape.
func gated(s *stream, c *tensor.Call) error {
	v := view{s: s}
	a, b, y := v.in(&c.Src[0]), v.in(&c.Src[1]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	s.each(y.n, y.cols, func(r int) {
		gate, to := b.row(r), y.row(r)
		for i, v := range a.row(r) {
			to[i] = float32(activate(c.Attr.Act, float64(v)) * float64(gate[i]))
		}
	})
	return nil
}

// gatedBackward: a, b, dy -> da? = act'(a) b dy, db? = act(a) dy.
func gatedBackward(s *stream, c *tensor.Call) error {
	v := view{s: s}
	a, b, dy := v.in(&c.Src[0]), v.in(&c.Src[1]), v.in(&c.Src[2])
	da, db := v.out(&c.Dst[0]), v.out(&c.Dst[1])
	if v.err != nil {
		return v.err
	}
	s.each(a.n, a.cols, func(r int) {
		gate, d := b.row(r), dy.row(r)
		for i, v := range a.row(r) {
			x, dy := float64(v), float64(d[i])
			if c.Dst[0].Present() {
				put(&da.row(r)[i], slope(c.Attr.Act, x)*float64(gate[i])*dy, c.Accum)
			}
			if c.Dst[1].Present() {
				put(&db.row(r)[i], activate(c.Attr.Act, x)*dy, c.Accum)
			}
		}
	})
	return nil
}
