package tensor

import "fmt"

func dropoutRows() rows {
	return rows{OpDropout: {
		Name: "dropout", Accum: true, Tol: tolElementwise,
		Check: func(c *Call) error {
			if !(c.Attr.Rate >= 0 && c.Attr.Rate < 1) {
				return fmt.Errorf("rate %v, want 0 up to below 1: %w", c.Attr.Rate, ErrShape)
			}
			return checkPlainUnary(c)
		},
		Grad: func(g Grads, c *Call) error {
			dy, dx, ok, err := poolGrads(g, c)
			if err != nil || !ok {
				return err
			}
			return Exec(g, Call{Op: OpDropout, Dst: dst(dx), Src: src(dy), Attr: c.Attr, Accum: true})
		},
	}}
}

// Dropout is inverted dropout: element i (counted densely) is kept where
// DropoutKeep(seed, i, rate), and scaled by 1/(1-rate). The same bits on every
// backend. x and result of any shape; 0 <= rate < 1.
func Dropout(s Stream, x Tensor, rate float32, seed uint64) (Tensor, error) {
	return run1(s, x.Spec, Call{Op: OpDropout, Src: src(x), Attr: Attr{Rate: rate, Seed: seed}})
}
