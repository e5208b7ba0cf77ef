package cpuref

import "github.com/cephalo-ml/cephalo/tensor"

func init() {
	impl[tensor.OpMaxCols] = maxCols
	impl[tensor.OpMaxColsBackward] = maxColsBackward
}

// maxCols: x [..,C] -> y [..,1], argmax? I32 [rows]: the column of the maximum, the
// first of equals.
func maxCols(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, y, arg := v.in(&c.Src[0]), v.out(&c.Dst[0]), v.outInts(&c.Dst[1])
	if v.err != nil {
		return v.err
	}
	s.each(x.n, x.cols, func(r int) {
		best, row := 0, x.row(r)
		for i, v := range row {
			if v > row[best] {
				best = i
			}
		}
		y.row(r)[0] = row[best]
		if c.Dst[1].Present() {
			arg.row(0)[r] = int32(best)
		}
	})
	return nil
}

// maxColsBackward: dy [..,1], argmax I32 [rows] -> dx [..,C].
func maxColsBackward(s *stream, c *tensor.Call) error {
	v := view{s: s}
	dy, arg, dx := v.in(&c.Src[0]), v.ints(&c.Src[1]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	s.each(dx.n, dx.cols, func(r int) {
		to := dx.row(r)
		if !c.Accum {
			clear(to)
		}
		if at := int(arg.row(0)[r]); at >= 0 && at < len(to) {
			to[at] += dy.row(r)[0]
		}
	})
	return nil
}
