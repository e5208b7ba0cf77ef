package kernels

import "github.com/cephalo-ml/cephalo/tensor"

func convRows(s *stream, c *tensor.Call) error {
	return s.convolve(flat(c.Src[0]), flat(c.Src[1]), flat(c.Src[2]), flat(c.Dst[0]), c, false)
}

func convRowsBackward(s *stream, c *tensor.Call) error {
	x, w, dy := flat(c.Src[0]), flat(c.Src[1]), flat(c.Src[2])
	if c.Dst[0].Present() {
		if err := s.convolve(dy, w, operand{}, flat(c.Dst[0]), c, true); err != nil {
			return err
		}
	}
	if c.Dst[1].Present() {
		if err := s.convolveWeight(x, dy, flat(c.Dst[1]), c); err != nil {
			return err
		}
	}
	if c.Dst[2].Present() {
		return s.convolveWeight(operand{}, dy, axis0(c.Dst[2]), c)
	}
	return nil
}

// convolve is conv_rows.wgsl: y from x or, backward, dx from dy. An invocation goes
// through the inputs of every tap: of many, pieces add up in y.
func (s *stream) convolve(x, w, bias, y operand, c *tensor.Call, backward bool) error {
	l, taps := c.Rows, w.cols
	inputs := max(s.b.rounds/taps-2, 1)
	return s.halos(x, y, taps/2, len(l.Pos), func(x, y operand, at, atX int) error {
		for from := 0; from == 0 || from < x.cols; from += inputs {
			first := from == 0
			k := kernelOf("conv_rows", set("WG", elementGroup), setIf("BIAS", first && bias.present()), setIf("BACKWARD", backward), setIf("ACCUM", c.Accum || !first))
			ops := [...]operand{x, w, bias, layout(l), y}
			err := s.dispatch(k, groupsOf(y.rows*y.cols, elementGroup), ops[:], u32(y.rows), u32(x.cols), u32(y.cols), u32(taps),
				u32(l.Batch()), u32(l.Rows()), u32(at), u32(atX), u32(from), u32(min(from+inputs, x.cols)))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// convolveWeight is conv_rows_weight.wgsl: the gradient of the weight, as rows of its
// taps, or without x of the bias, as rows of one.
func (s *stream) convolveWeight(x, dy, dw operand, c *tensor.Call) error {
	l, taps, bias := c.Rows, dw.cols, !x.present()
	accum := c.Accum
	most := rowGroup * max(s.b.rounds/(taps+3), 1) // a row takes its neighbours, one of them for each tap
	return s.halos(x, dy, taps/2, most, func(x, dy operand, at, atX int) error {
		k := kernelOf("conv_rows_weight", set("WG", rowGroup), setIf("BIAS", bias), setIf("ACCUM", accum))
		accum = true // of the windows after the first
		ops := [...]operand{x, dy, layout(l), dw}
		return s.dispatch(k, dw.rows*dw.cols, ops[:], u32(dw.rows*dw.cols), u32(dy.rows), u32(max(x.cols, 1)), u32(dy.cols), u32(taps),
			u32(l.Batch()), u32(l.Rows()), u32(at), u32(atX))
	})
}

// halos calls fn on pieces of the rows of y, most at a time, and, with each, on those of
// x that lie in it or at most reach rows before or after, with the number of the first
// row of each; once where y has no rows. x may be absent.
func (s *stream) halos(x, y operand, reach, most int, fn func(x, y operand, at, atX int) error) error {
	limit := s.b.window()
	for lo := 0; ; {
		hi, from, part := min(y.fit(lo, limit), lo+most), max(lo-reach, 0), x
		if x.present() {
			if end := x.fit(from, limit); end < x.rows {
				hi = min(hi, end-reach)
			}
			part = x.slice(from, min(max(hi, lo)+reach, x.rows))
		}
		if hi <= lo && y.rows > 0 {
			return errRow(limit)
		}
		if err := fn(part, y.slice(lo, hi), lo, from); err != nil {
			return err
		}
		if lo = hi; lo >= y.rows {
			return nil
		}
	}
}
