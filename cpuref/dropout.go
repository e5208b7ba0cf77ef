package cpuref

import "github.com/cephalo-ml/cephalo/tensor"

func init() { impl[tensor.OpDropout] = dropout }

// dropout: x -> y of one shape: element i, counted densely, is x/(1-rate) where
// tensor.DropoutKeep says so, else 0.
func dropout(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, y := v.in(&c.Src[0]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	scale, threshold := dropScale(c.Attr.Rate), tensor.DropoutThreshold(c.Attr.Rate)
	s.each(y.n, 4*y.cols, func(r int) {
		to, first := y.row(r), uint32(r)*uint32(y.cols)
		for i, v := range x.row(r) {
			kept := float32(0)
			if tensor.DropoutBits(c.Attr.Seed, first+uint32(i)) >= threshold { // tensor.DropoutKeep
				kept = v * scale
			}
			if c.Accum {
				to[i] += kept
			} else {
				to[i] = kept
			}
		}
	})
	return nil
}

// dropScale is what kept elements are multiplied by.
func dropScale(rate float32) float32 { return float32(1 / (1 - float64(rate))) }
