package cpuref

import (
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

func init() { impl[tensor.OpRope] = rope }

// rope: x [R,H,D] -> y [R,H,D]: the first Rotary dims of every head turn by
// pos theta^(-2j/Rotary), the others pass through. Pairs are (j, j + Rotary/2),
// or (2j, 2j+1) if interleaved.
func rope(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, y := v.in(&c.Src[0]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	half := int(c.Attr.Rotary) / 2
	freq := tensor.RopeInvFreq(c.Attr.Theta, int(c.Attr.Rotary))
	heads := c.Src[0].Dim(1)
	s.each(y.n, 8*y.cols, func(r int) {
		from, to := x.row(r), y.row(r)
		pos := float32(c.Rows.Pos[r/heads])
		for j, f := range freq {
			cos, sin := ropeAngle(pos, f)
			if c.Attr.Inverse {
				sin = -sin
			}
			a, b := j, j+half
			if c.Attr.Interleaved {
				a, b = 2*j, 2*j+1
			}
			x1, x2 := float64(from[a]), float64(from[b])
			put(&to[a], x1*float64(cos)-x2*float64(sin), c.Accum)
			put(&to[b], x2*float64(cos)+x1*float64(sin), c.Accum)
		}
		for i := 2 * half; i < len(from); i++ {
			put(&to[i], float64(from[i]), c.Accum)
		}
	})
	return nil
}

// ropeAngle is cos and sin of the angle pos*freq, a product in f32 as in
// Hugging Face.
func ropeAngle(pos, freq float32) (cos, sin float32) {
	si, co := math.Sincos(float64(pos * freq))
	return float32(co), float32(si)
}
