package tensor

import "fmt"

func concatRows() rows {
	return rows{OpConcat: {Name: "concat", Check: checkConcat, Tol: tolExact,
		Grad: func(g Grads, c *Call) error {
			dy, want, err := g.Of(c.Dst[0])
			if err != nil || !want {
				return err
			}
			at := 0
			for _, x := range c.Src {
				if !x.Present() {
					break
				}
				part, err := dy.Columns(at, at+x.Dim(1))
				if err != nil {
					return err
				}
				if err := accumulateTo(g, x, part); err != nil {
					return err
				}
				at += x.Dim(1)
			}
			return nil
		}}}
}

// Concat puts up to MaxSrc matrices [R,Ci] side by side: result [R,sum Ci].
func Concat(s Stream, xs ...Tensor) (Tensor, error) {
	if len(xs) == 0 || len(xs) > MaxSrc {
		return Tensor{}, fmt.Errorf("concat: %d operands, want 1 to %d: %w", len(xs), MaxSrc, ErrShape)
	}
	rows, w := 0, 0
	for _, x := range xs {
		if x.Rank == 2 {
			rows, w = x.Dim(0), w+x.Dim(1)
		}
	}
	return run1(s, Of(F32, rows, w), Call{Op: OpConcat, Src: src(xs...)})
}

func checkConcat(c *Call) error {
	if err := all(only(c, 1, MaxSrc), wantF32("x0", &c.Src[0], 2, 2)); err != nil {
		return err
	}
	rows, w, done := c.Src[0].Dim(0), 0, false
	for i := range c.Src {
		x := &c.Src[i]
		if x.Buf == nil {
			done = true
			continue
		}
		if done {
			return fmt.Errorf("operand %d after an absent one: %w", i, ErrShape)
		}
		if err := wantF32("x", x, 2, 2); err != nil {
			return err
		}
		if err := wantSpec(fmt.Sprintf("x%d", i), x, F32, rows, x.Dim(1)); err != nil {
			return err
		}
		w += x.Dim(1)
	}
	return wantSpec("y", &c.Dst[0], F32, rows, w)
}
