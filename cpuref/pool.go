package cpuref

import (
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

func init() {
	impl[tensor.OpPoolCLS] = poolPick
	impl[tensor.OpPoolLast] = poolPick
	impl[tensor.OpPoolMean] = poolMean
	impl[tensor.OpPoolBackward] = poolBackward
	impl[tensor.OpPoolMax] = poolMax
	impl[tensor.OpPoolMaxBackward] = poolMaxBackward
	impl[tensor.OpPoolAttention] = poolAttention
	impl[tensor.OpPoolAttentionBackward] = poolAttentionBackward
}

// sequence is the first row of sequence b, and its number of rows.
func sequence(l *tensor.Layout, b int) (start, n int) { return int(l.Start[b]), int(l.Len[b]) }

// poolPick: x [R,C] -> y [B,C]: the first row of each sequence, or the last.
func poolPick(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, y := v.in(&c.Src[0]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	s.each(y.n, y.cols, func(b int) {
		start, n := sequence(c.Rows, b)
		switch {
		case n == 0:
			clear(y.row(b))
		case c.Op == tensor.OpPoolCLS:
			copy(y.row(b), x.row(start))
		default:
			copy(y.row(b), x.row(start+n-1))
		}
	})
	return nil
}

// poolMean: x [R,C] -> y [B,C]: the mean over the rows of each sequence.
func poolMean(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, y := v.in(&c.Src[0]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	s.each(y.n, y.cols*int(c.Rows.Cols), func(b int) {
		start, n := sequence(c.Rows, b)
		weightedRows(y.row(b), x, start, n, nil, 1/float64(max(n, 1)))
	})
	return nil
}

// weightedRows sets y to scale times the sum of w[r] x[r] over n rows from start;
// a nil w is all ones.
func weightedRows(y []float32, x rows[float32], start, n int, w []float64, scale float64) {
	for lo := 0; lo < len(y); lo += columnBlock {
		var sum [columnBlock]float64
		hi := min(lo+columnBlock, len(y))
		for r := start; r < start+n; r++ {
			f := 1.0
			if w != nil {
				f = w[r]
			}
			for i, v := range x.row(r)[lo:hi] {
				sum[i] += f * float64(v)
			}
		}
		for i := range hi - lo {
			y[lo+i] = float32(sum[i] * scale)
		}
	}
}

// poolBackward: dy [B,C] -> dx [R,C] of the poolings cls, last and mean.
func poolBackward(s *stream, c *tensor.Call) error {
	v := view{s: s}
	dy, dx := v.in(&c.Src[0]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	if !c.Accum {
		s.each(dx.n, dx.cols, func(r int) { clear(dx.row(r)) })
	}
	s.each(dy.n, dy.cols*int(c.Rows.Cols), func(b int) {
		start, n := sequence(c.Rows, b)
		lo, hi, scale := start, start+n, 1.0
		switch tensor.Pooling(c.Attr.Mode) {
		case tensor.PoolCLS:
			hi = min(hi, lo+1)
		case tensor.PoolLast:
			lo = max(lo, hi-1)
		default:
			scale = 1 / float64(max(n, 1))
		}
		for r := lo; r < hi; r++ {
			to := dx.row(r)
			for i, v := range dy.row(b) {
				put(&to[i], float64(v)*scale, true)
			}
		}
	})
	return nil
}

// poolMax: x [R,C] -> y [B,C], argmax? [B,C]: the row of x that holds the
// maximum, the first of equals, -1 in an empty sequence.
func poolMax(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, y, arg := v.in(&c.Src[0]), v.out(&c.Dst[0]), v.outInts(&c.Dst[1])
	if v.err != nil {
		return v.err
	}
	s.each(y.n, y.cols*int(c.Rows.Cols), func(b int) {
		start, n := sequence(c.Rows, b)
		to := y.row(b)
		var at []int32
		if c.Dst[1].Present() {
			at = arg.row(b)
		} else {
			at = make([]int32, len(to))
		}
		for i := range to {
			to[i], at[i] = 0, -1
		}
		for r := start; r < start+n; r++ {
			for i, v := range x.row(r) {
				if at[i] < 0 || v > to[i] {
					to[i], at[i] = v, int32(r)
				}
			}
		}
	})
	return nil
}

// poolMaxBackward: dy [B,C], argmax [B,C] -> dx [R,C].
func poolMaxBackward(s *stream, c *tensor.Call) error {
	v := view{s: s}
	dy, arg, dx := v.in(&c.Src[0]), v.ints(&c.Src[1]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	if !c.Accum {
		s.each(dx.n, dx.cols, func(r int) { clear(dx.row(r)) })
	}
	s.each(dy.n, dy.cols, func(b int) {
		at := arg.row(b)
		for i, v := range dy.row(b) {
			if r := int(at[i]); r >= 0 && r < dx.n {
				dx.row(r)[i] += v
			}
		}
	})
	return nil
}

// poolAttention: x [R,C], weight [1,C], bias [1] -> y [B,C], a? [R]: with s_r =
// tanh(w x_r + b) and a the softmax of s over a sequence, y = sum a_r x_r. Rows
// in no sequence have a = 0.
func poolAttention(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, w, bias := v.in(&c.Src[0]), v.in(&c.Src[1]), v.vector(&c.Src[2])
	y, aux := v.out(&c.Dst[0]), v.out(&c.Dst[1])
	if v.err != nil {
		return v.err
	}
	a := make([]float64, x.n)
	s.each(y.n, 2*y.cols*int(c.Rows.Cols), func(b int) {
		start, n := sequence(c.Rows, b)
		sum := 0.0 // tanh is bounded: e^s needs no maximum taken off
		for r := start; r < start+n; r++ {
			e := math.Exp(math.Tanh(dot(w.row(0), x.row(r)) + float64(bias[0])))
			a[r] = e
			sum += e
		}
		for r := start; r < start+n; r++ {
			a[r] /= sum
		}
		weightedRows(y.row(b), x, start, n, a, 1)
	})
	if c.Dst[1].Present() {
		putAll(aux.row(0), a, false)
	}
	return nil
}

// poolAttentionBackward: x [R,C], weight [1,C], bias [1], a [R], dy [B,C] ->
// dx? [R,C], dWeight? [1,C], dBias? [1]. With u_r = w x_r + b and g_r = dy x_r:
// du_r = a_r (g_r - sum a g) (1 - tanh(u_r)^2), dx_r = a_r dy + du_r w,
// dWeight = sum du_r x_r, dBias = sum du_r.
func poolAttentionBackward(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, w, bias, weights, dy := v.in(&c.Src[0]), v.in(&c.Src[1]), v.vector(&c.Src[2]), v.vector(&c.Src[3]), v.in(&c.Src[4])
	dx, dw, db := v.out(&c.Dst[0]), v.out(&c.Dst[1]), v.out(&c.Dst[2])
	if v.err != nil {
		return v.err
	}
	if !c.Accum && c.Dst[0].Present() {
		s.each(dx.n, dx.cols, func(r int) { clear(dx.row(r)) })
	}
	du := make([]float64, x.n) // 0 for a row in no sequence
	s.each(dy.n, 4*dy.cols*int(c.Rows.Cols), func(b int) {
		start, n := sequence(c.Rows, b)
		d, sum := dy.row(b), 0.0
		for r := start; r < start+n; r++ {
			du[r] = dot(d, x.row(r))
			sum += float64(weights[r]) * du[r]
		}
		for r := start; r < start+n; r++ {
			t := math.Tanh(dot(w.row(0), x.row(r)) + float64(bias[0]))
			a := float64(weights[r])
			du[r] = a * (du[r] - sum) * (1 - t*t)
			if c.Dst[0].Present() {
				to := dx.row(r)
				for i := range to {
					put(&to[i], a*float64(d[i])+du[r]*float64(w.row(0)[i]), true)
				}
			}
		}
	})
	if c.Dst[1].Present() {
		s.columns(x.cols, x.n, func(lo, hi int) {
			var sum [columnBlock]float64
			for r := range x.n {
				if du[r] == 0 {
					continue
				}
				for i, v := range x.row(r)[lo:hi] {
					sum[i] += du[r] * float64(v)
				}
			}
			for i := range hi - lo {
				put(&dw.row(0)[lo+i], sum[i], c.Accum)
			}
		})
	}
	if c.Dst[2].Present() {
		sum := 0.0
		for _, v := range du {
			sum += v
		}
		put(&db.row(0)[0], sum, c.Accum)
	}
	return nil
}
