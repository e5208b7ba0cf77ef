package tensor

import (
	"fmt"
	"math"
)

func ropeRows() rows {
	return rows{OpRope: {
		Name: "rope", Check: checkRope, Accum: true,
		Grad: func(g Grads, c *Call) error {
			dy, want, err := g.Of(c.Dst[0])
			if err != nil || !want {
				return err
			}
			dx, want, err := g.Of(c.Src[0])
			if err != nil || !want {
				return err
			}
			at := c.Attr
			at.Inverse = !at.Inverse
			return Exec(g, Call{Op: OpRope, Dst: dst(dx), Src: src(dy), Rows: c.Rows, Attr: at, Accum: true})
		},
		// The angle is a product in f32: its error grows with the position.
		Tol: func(c *Call) Tol {
			return Tol{Abs: 2e-6 + 1.2e-7*float64(maxPos(c.Rows)), Rel: 2e-6}
		},
	}}
}

func maxPos(l *Layout) int32 {
	var m int32
	for _, p := range l.Pos {
		m = max(m, p)
	}
	return m
}

// Rope rotates the first rotary dims of every head by its row's position (Su et
// al. 2021). Half-split pairs (j, j + rotary/2) as in Hugging Face, neighbouring
// pairs with interleaved: y1 = x1 cos - x2 sin, y2 = x2 cos + x1 sin, angle =
// pos * theta^(-2j/rotary), cos and sin in f32. x and result [R,H,D]; rotary even, 0 to D.
func Rope(s Stream, x Tensor, rows *Layout, theta float32, rotary int, interleaved bool) (Tensor, error) {
	return run1(s, x.Spec, Call{Op: OpRope, Src: src(x), Rows: rows, Attr: Attr{Theta: theta, Rotary: int32(rotary), Interleaved: interleaved}})
}

// RopeInvFreq is theta^(-2j/rotary) for j < rotary/2, rounded to f32 once, as
// every backend uses it.
func RopeInvFreq(theta float32, rotary int) []float32 {
	f := make([]float32, rotary/2)
	for j := range f {
		f[j] = float32(1 / math.Pow(float64(theta), float64(2*j)/float64(rotary)))
	}
	return f
}

func checkRope(c *Call) error {
	x := &c.Src[0]
	if err := all(only(c, 1, 1), wantF32("x", x, 3, 3), wantSame("y", &c.Dst[0], x), wantLayout("row", c.Rows, x.Dim(0))); err != nil {
		return err
	}
	if r := int(c.Attr.Rotary); r < 0 || r > x.Dim(2) || r%2 != 0 {
		return fmt.Errorf("rotary dims %d, want an even number up to head dim %d: %w", r, x.Dim(2), ErrShape)
	}
	if !(c.Attr.Theta > 0) {
		return fmt.Errorf("theta %v, want more than 0: %w", c.Attr.Theta, ErrShape)
	}
	return nil
}
