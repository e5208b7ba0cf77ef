package cpuref

import "github.com/cephalo-ml/cephalo/tensor"

func init() {
	impl[tensor.OpConvRows] = convRows
	impl[tensor.OpConvRowsBackward] = convRowsBackward
}

// neighbours calls fn with each row of r's sequence that lies at most taps/2
// columns away, and with its tap: columns ascend, so it is among the taps/2 rows
// before and after. seq is l.Seq(). A row in a gap has none.
func neighbours(l *tensor.Layout, seq []int32, r, taps int, fn func(n, tap int)) {
	if seq[r] < 0 {
		return
	}
	start, size := sequence(l, int(seq[r]))
	reach := taps / 2
	for n := max(start, r-reach); n < min(start+size, r+reach+1); n++ {
		if tap := int(l.Pos[n]) - int(l.Pos[r]) + reach; tap >= 0 && tap < taps {
			fn(n, tap)
		}
	}
}

// convRows: x [R,Cin], weight [Cout,Cin,K], bias? [Cout] -> y [R,Cout].
func convRows(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, w, bias, y := v.in(&c.Src[0]), v.in(&c.Src[1]), v.vector(&c.Src[2]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	seq, in, taps := c.Rows.Seq(), x.cols, w.cols
	s.each(y.n, y.cols*in*taps, func(r int) {
		for o := range y.row(r) {
			sum := 0.0
			if bias != nil && seq[r] >= 0 {
				sum = float64(bias[o])
			}
			neighbours(c.Rows, seq, r, taps, func(n, tap int) {
				for i, v := range x.row(n) {
					sum += float64(v) * float64(w.row(o*in + i)[tap])
				}
			})
			y.row(r)[o] = float32(sum)
		}
	})
	return nil
}

// convRowsBackward: x [R,Cin], weight [Cout,Cin,K], dy [R,Cout] -> dx?, dWeight?, dBias?.
func convRowsBackward(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, w, dy := v.in(&c.Src[0]), v.in(&c.Src[1]), v.in(&c.Src[2])
	dx, dw, db := v.out(&c.Dst[0]), v.out(&c.Dst[1]), v.out(&c.Dst[2])
	if v.err != nil {
		return v.err
	}
	seq, in, taps := c.Rows.Seq(), x.cols, w.cols
	if c.Dst[0].Present() {
		// Row n is neighbour tap of row r where r is neighbour taps-1-tap of n.
		s.each(dx.n, dx.cols*dy.cols*taps, func(n int) {
			for i := range dx.row(n) {
				sum := 0.0
				neighbours(c.Rows, seq, n, taps, func(r, tap int) {
					for o, v := range dy.row(r) {
						sum += float64(v) * float64(w.row(o*in + i)[taps-1-tap])
					}
				})
				put(&dx.row(n)[i], sum, c.Accum)
			}
		})
	}
	if c.Dst[1].Present() {
		s.each(dw.n, dy.n*taps, func(at int) {
			sum := make([]float64, taps)
			for r := range dy.n {
				neighbours(c.Rows, seq, r, taps, func(n, tap int) {
					sum[tap] += float64(dy.row(r)[at/in]) * float64(x.row(n)[at%in])
				})
			}
			for tap, v := range sum {
				put(&dw.row(at)[tap], v, c.Accum)
			}
		})
	}
	if c.Dst[2].Present() {
		for o := range db.row(0) {
			sum := 0.0
			for r := range dy.n {
				if seq[r] >= 0 {
					sum += float64(dy.row(r)[o])
				}
			}
			put(&db.row(0)[o], sum, c.Accum)
		}
	}
	return nil
}
