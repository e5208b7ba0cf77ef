package cpuref

import "github.com/cephalo-ml/cephalo/tensor"

func init() {
	impl[tensor.OpBCEWithLogits] = bceWithLogits
	impl[tensor.OpBCEWithLogitsBackward] = bceWithLogitsBackward
}

// bceWithLogits: x, t -> y = softplus(x) - x t, of one shape.
func bceWithLogits(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, t, y := v.in(&c.Src[0]), v.in(&c.Src[1]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	s.each(y.n, 16*y.cols, func(r int) {
		target, to := t.row(r), y.row(r)
		for i, v := range x.row(r) {
			to[i] = float32(softplus(float64(v)) - float64(v)*float64(target[i]))
		}
	})
	return nil
}

// bceWithLogitsBackward: x, t, dy -> dx = (sigmoid(x) - t) dy.
func bceWithLogitsBackward(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, t, dy, dx := v.in(&c.Src[0]), v.in(&c.Src[1]), v.in(&c.Src[2]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	s.each(dx.n, 16*dx.cols, func(r int) {
		target, d, to := t.row(r), dy.row(r), dx.row(r)
		for i, v := range x.row(r) {
			put(&to[i], (sigmoid(float64(v))-float64(target[i]))*float64(d[i]), c.Accum)
		}
	})
	return nil
}
