package cpuref

import "github.com/cephalo-ml/cephalo/tensor"

func init() {
	fast[tensor.OpAdd] = broadcastFast
	fast[tensor.OpMul] = broadcastFast
	fast[tensor.OpScale] = scaleFast
}

// broadcastFast is add and mul in float32, row by row with the vector loops.
func broadcastFast(s *stream, c *tensor.Call) error {
	v := view{s: s}
	a, b, y := v.in(&c.Src[0]), v.in(&c.Src[1]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	how, _ := tensor.BroadcastOf(c.Src[0].Spec, c.Src[1].Spec)
	if how == tensor.BroadcastNone {
		dense := allDense(&c.Src[0], &c.Src[1], &c.Dst[0])
		a, b, y = flat(a, dense), flat(b, dense), flat(y, dense)
	}
	row := addRow
	if c.Op == tensor.OpMul {
		row = mulRow
	}
	s.each(y.n, y.cols, func(r int) {
		switch how {
		case tensor.BroadcastNone:
			row(s.b.vec, c, y.part(r), a.part(r), b.part(r), 0)
		case tensor.BroadcastRow:
			row(s.b.vec, c, y.row(r), a.row(r), b.row(0), 0)
		case tensor.BroadcastCol:
			row(s.b.vec, c, y.row(r), a.row(r), nil, b.row(r)[0])
		default:
			row(s.b.vec, c, y.row(r), a.row(r), nil, b.row(0)[0])
		}
	})
	return nil
}

// addRow: y = a + scale b, or a + scale w where b is nil.
func addRow(vec vecSet, c *tensor.Call, y, a, b []float32, w float32) {
	f := c.Attr.Scale
	switch {
	case b == nil:
		w *= f
		for i, v := range a {
			y[i] = v + w
		}
	case f == 1:
		vec.add(y, a, b)
	default:
		for i, v := range a {
			y[i] = v + float32(f*b[i])
		}
	}
}

// mulRow: y = a b, or a w where b is nil; added to y if the call accumulates.
func mulRow(vec vecSet, c *tensor.Call, y, a, b []float32, w float32) {
	switch {
	case b == nil && c.Accum:
		vec.addScaled(y, a, w)
	case b == nil:
		vec.scale(y, a, w)
	case c.Accum:
		for i, v := range a {
			y[i] += float32(v * b[i])
		}
	default:
		vec.mul(y, a, b)
	}
}

// scaleFast is scale in float32 with the vector loops.
func scaleFast(s *stream, c *tensor.Call) error {
	v := view{s: s}
	dense := allDense(&c.Src[0], &c.Dst[0])
	x, y := flat(v.in(&c.Src[0]), dense), flat(v.out(&c.Dst[0]), dense)
	if v.err != nil {
		return v.err
	}
	factor, shift := c.Attr.Scale, c.Attr.Fill
	s.each(y.n, y.cols, func(r int) {
		from, to := x.part(r), y.part(r)
		if c.Accum {
			s.b.vec.addScaled(to, from, factor)
		} else {
			s.b.vec.scale(to, from, factor)
		}
		if shift != 0 {
			for i := range to {
				to[i] += shift
			}
		}
	})
	return nil
}
