package cpuref

import "github.com/cephalo-ml/cephalo/tensor"

func init() {
	for op := tensor.OpGelu; op <= tensor.OpAbs; op++ {
		if act, ok := tensor.ActOf(op); ok {
			fast[op] = activationFast(act)
		}
	}
	fast[tensor.OpActivationBackward] = activationBackwardFast
	fast[tensor.OpGated] = gatedFast
	fast[tensor.OpGatedBackward] = gatedBackwardFast
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

// activationBackwardFast is activation_backward with the vector loops.
func activationBackwardFast(s *stream, c *tensor.Call) error {
	v := view{s: s}
	dense := allDense(&c.Src[0], &c.Src[1], &c.Dst[0])
	x, dy, dx := flat(v.in(&c.Src[0]), dense), flat(v.in(&c.Src[1]), dense), flat(v.out(&c.Dst[0]), dense)
	if v.err != nil {
		return v.err
	}
	vec := s.b.vec
	s.each(dx.n, dx.cols, func(r int) {
		to := dx.part(r)
		inPieces(to, c.Accum, func(lo, hi int, slope []float32) {
			vec.slope(c.Attr.Act, slope, x.part(r)[lo:hi])
			vec.mul(slope, slope, dy.part(r)[lo:hi])
		})
	})
	return nil
}

// gatedBackwardFast is gated_backward with the vector loops.
func gatedBackwardFast(s *stream, c *tensor.Call) error {
	v := view{s: s}
	dense := allDense(&c.Src[0], &c.Src[1], &c.Src[2], &c.Dst[0], &c.Dst[1])
	a, b, dy := flat(v.in(&c.Src[0]), dense), flat(v.in(&c.Src[1]), dense), flat(v.in(&c.Src[2]), dense)
	da, db := v.out(&c.Dst[0]), v.out(&c.Dst[1])
	if v.err != nil {
		return v.err
	}
	vec, act := s.b.vec, c.Attr.Act
	if c.Dst[0].Present() {
		da = flat(da, dense)
		s.each(a.n, a.cols, func(r int) {
			inPieces(da.part(r), c.Accum, func(lo, hi int, to []float32) {
				vec.slope(act, to, a.part(r)[lo:hi])
				vec.mul(to, to, b.part(r)[lo:hi])
				vec.mul(to, to, dy.part(r)[lo:hi])
			})
		})
	}
	if c.Dst[1].Present() {
		db = flat(db, dense)
		s.each(a.n, a.cols, func(r int) {
			inPieces(db.part(r), c.Accum, func(lo, hi int, to []float32) {
				vec.activate(act, to, a.part(r)[lo:hi])
				vec.mul(to, to, dy.part(r)[lo:hi])
			})
		})
	}
	return nil
}

// inPieces has fn compute pieces lo to hi of a row: straight into it, or with
// add into memory of its own that is then added to it.
func inPieces(row []float32, add bool, fn func(lo, hi int, to []float32)) {
	if !add {
		fn(0, len(row), row)
		return
	}
	piece := make([]float32, min(len(row), 512))
	for lo := 0; lo < len(row); lo += len(piece) {
		hi := min(lo+len(piece), len(row))
		fn(lo, hi, piece[:hi-lo])
		for i, v := range piece[:hi-lo] {
			row[lo+i] += v
		}
	}
}
