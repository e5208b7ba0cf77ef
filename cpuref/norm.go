package cpuref

import (
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

func init() {
	impl[tensor.OpLayerNorm] = norm
	impl[tensor.OpRMSNorm] = norm
	impl[tensor.OpLayerNormBackward] = normBackward
	impl[tensor.OpRMSNormBackward] = normBackward
	impl[tensor.OpNormWeightBackward] = normWeightBackward
}

// norm: x [..,C], weight? [C], bias? [C], residual? [..,C] -> y [..,C],
// h? = x + residual [..,C], stats? [rows,2] = mean and 1/sqrt(variance + eps) of
// each row of h. The mean of rms_norm is 0. The variance is the mean of squared
// distances from the mean, so that a row of one value stays exact.
func norm(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, w, bias, res := v.in(&c.Src[0]), v.vector(&c.Src[1]), v.vector(&c.Src[2]), v.in(&c.Src[3])
	y, sum, stats := v.out(&c.Dst[0]), v.out(&c.Dst[1]), v.out(&c.Dst[2])
	if v.err != nil {
		return v.err
	}
	s.each(y.n, y.cols, func(r int) {
		h, to := x.row(r), y.row(r)
		if c.Src[3].Present() {
			for i, v := range res.row(r) {
				to[i] = h[i] + v
			}
			h = to
		}
		if c.Dst[1].Present() {
			copy(sum.row(r), h)
		}
		mean, rstd := moments(h, float64(c.Attr.Eps), c.Op == tensor.OpLayerNorm)
		if c.Dst[2].Present() {
			stats.row(r)[0], stats.row(r)[1] = float32(mean), float32(rstd)
		}
		for i, v := range h {
			n := (float64(v) - mean) * rstd
			if w != nil {
				n *= float64(w[i])
			}
			if bias != nil {
				n += float64(bias[i])
			}
			to[i] = float32(n)
		}
	})
	return nil
}

// moments are the mean of h, or 0, and 1/sqrt(mean squared distance from it + eps).
func moments(h []float32, eps float64, centred bool) (mean, rstd float64) {
	n := float64(len(h))
	if centred {
		for _, v := range h {
			mean += float64(v)
		}
		mean /= n
	}
	square := 0.0
	for _, v := range h {
		d := float64(v) - mean
		square += d * d
	}
	return mean, 1 / math.Sqrt(square/n+eps)
}

// meanAgain is the mean of h in float64. The one in the statistics is rounded to
// float32, too coarse for a row whose mean is large against its deviation. The
// mean of rms_norm is 0 and stays.
func meanAgain(h []float32, rounded float32) (mean float64) {
	if rounded == 0 {
		return 0
	}
	for _, v := range h {
		mean += float64(v)
	}
	return mean / float64(len(h))
}

// normBackward: dy, h, weight?, stats -> dh. With n = (h - mean) rstd and g =
// weight dy: dh = rstd (g - mean(g) - n mean(g n)); rms_norm has no mean(g).
func normBackward(s *stream, c *tensor.Call) error {
	v := view{s: s}
	dy, h, w, stats := v.in(&c.Src[0]), v.in(&c.Src[1]), v.vector(&c.Src[2]), v.in(&c.Src[3])
	dh := v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	s.each(dy.n, dy.cols, func(r int) {
		d, x, to := dy.row(r), h.row(r), dh.row(r)
		mean, rstd := meanAgain(x, stats.row(r)[0]), float64(stats.row(r)[1])
		at := func(i int) (g, n float64) {
			g, n = float64(d[i]), (float64(x[i])-mean)*rstd
			if w != nil {
				g *= float64(w[i])
			}
			return g, n
		}
		sumG, sumGN := 0.0, 0.0
		for i := range d {
			g, n := at(i)
			sumG += g
			sumGN += g * n
		}
		cols := float64(len(d))
		if c.Op == tensor.OpRMSNormBackward {
			sumG = 0
		}
		for i := range to {
			g, n := at(i)
			put(&to[i], rstd*(g-sumG/cols-n*sumGN/cols), c.Accum)
		}
	})
	return nil
}

// normWeightBackward: dy, h, stats -> dWeight? [C] = sum over rows of dy n,
// dBias? [C] = sum of dy.
func normWeightBackward(s *stream, c *tensor.Call) error {
	v := view{s: s}
	dy, h, stats := v.in(&c.Src[0]), v.in(&c.Src[1]), v.in(&c.Src[2])
	dw, db := v.out(&c.Dst[0]), v.out(&c.Dst[1])
	if v.err != nil {
		return v.err
	}
	means := make([]float64, dy.n)
	s.each(dy.n, dy.cols, func(r int) { means[r] = meanAgain(h.row(r), stats.row(r)[0]) })
	s.columns(dy.cols, dy.n, func(lo, hi int) {
		var sumW, sumB [columnBlock]float64
		for r := range dy.n {
			d, x := dy.row(r)[lo:hi], h.row(r)[lo:hi]
			mean, rstd := means[r], float64(stats.row(r)[1])
			for i, v := range d {
				sumW[i] += float64(v) * (float64(x[i]) - mean) * rstd
				sumB[i] += float64(v)
			}
		}
		for i := range hi - lo {
			if c.Dst[0].Present() {
				put(&dw.row(0)[lo+i], sumW[i], c.Accum)
			}
			if c.Dst[1].Present() {
				put(&db.row(0)[lo+i], sumB[i], c.Accum)
			}
		}
	})
	return nil
}
