package cpuref

import "github.com/cephalo-ml/cephalo/tensor"

func init() { impl[tensor.OpArgmax] = argmax }

// argmax: x [..,C] -> y I32 [rows], the lowest of equals.
func argmax(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, y := v.in(&c.Src[0]), v.outInts(&c.Dst[0])
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
		y.row(0)[r] = int32(best)
	})
	return nil
}
