package tensor

import "fmt"

func maxColsRows() rows {
	return rows{
		OpMaxCols: {Name: "max_cols", Check: checkMaxCols, Tol: tolExact, Reads: 1 << 9,
			Aux: func(c *Call, a *[MaxDst]Spec) { a[1] = Of(I32, c.Src[0].Rows()) },
			Grad: func(g Grads, c *Call) error {
				dy, dx, ok, err := poolGrads(g, c)
				if err != nil || !ok {
					return err
				}
				return Exec(g, Call{Op: OpMaxColsBackward, Dst: dst(dx), Src: src(dy, c.Dst[1]), Accum: true})
			}},
		OpMaxColsBackward: {Name: "max_cols_backward", Check: checkMaxColsBackward, Accum: true, Tol: tolElementwise},
	}
}

// MaxCols is the largest element of the last axis, which stays with size 1; its
// gradient goes to the first of equals. x [..,C] with C >= 1; result [..,1].
func MaxCols(s Stream, x Tensor) (Tensor, error) {
	sp := x.Spec
	if sp.Rank > 0 {
		sp.Shape[sp.Rank-1] = 1
	}
	return run1(s, sp, Call{Op: OpMaxCols, Src: src(x)})
}

// checkMaxCols: x [..,C] -> y [..,1], argmax? I32 [rows].
func checkMaxCols(c *Call) error {
	x := &c.Src[0]
	if err := all(only(c, 2, 1), wantF32("x", x, 1, MaxRank), wantCols("x", x)); err != nil {
		return err
	}
	return all(wantSpec("y", &c.Dst[0], F32, oneCol(x)...),
		optional(&c.Dst[1], func() error { return wantSpec("argmax", &c.Dst[1], I32, x.Rows()) }))
}

// checkMaxColsBackward: dy [..,1], argmax I32 [rows] -> dx [..,C].
func checkMaxColsBackward(c *Call) error {
	dx := &c.Dst[0]
	if err := all(only(c, 1, 2), wantF32("dx", dx, 1, MaxRank), wantCols("dx", dx)); err != nil {
		return err
	}
	return all(wantSpec("dy", &c.Src[0], F32, oneCol(dx)...), wantSpec("argmax", &c.Src[1], I32, dx.Rows()))
}

// oneCol is the shape of t with a last axis of 1.
func oneCol(t *Tensor) []int {
	d := t.Dims()
	d[len(d)-1] = 1
	return d
}

func wantCols(name string, t *Tensor) error {
	if t.Cols() < 1 {
		return fmt.Errorf("%s is %v, want at least one column: %w", name, t.Spec, ErrShape)
	}
	return nil
}
