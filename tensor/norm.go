package tensor

import "fmt"

func normRows() rows {
	aux := func(c *Call, a *[MaxDst]Spec) {
		if c.Src[3].Present() {
			a[1] = c.Dst[0].Spec
		}
		a[2] = Of(F32, c.Src[0].Rows(), 2)
	}
	sum := func(c *Call) Tol { return tolSum(c.Src[0].Rows()) }
	reads := uint16(1<<0 | 1<<1 | 1<<9 | 1<<10)
	return rows{
		OpLayerNorm:          {Name: "layer_norm", Check: checkNorm, Aux: aux, Grad: gradNorm(OpLayerNormBackward), Reads: reads, Tol: tolElementwise},
		OpRMSNorm:            {Name: "rms_norm", Check: checkNorm, Aux: aux, Grad: gradNorm(OpRMSNormBackward), Reads: reads, Tol: tolElementwise},
		OpLayerNormBackward:  {Name: "layer_norm_backward", Check: checkNormBackward, Accum: true, Tol: tolElementwise},
		OpRMSNormBackward:    {Name: "rms_norm_backward", Check: checkNormBackward, Accum: true, Tol: tolElementwise},
		OpNormWeightBackward: {Name: "norm_weight_backward", Check: checkNormWeightBackward, Accum: true, Tol: sum},
	}
}

// LayerNorm is y = (h - mean)/sqrt(var + eps) * weight + bias with h = x +
// residual and the population variance, over the last axis, statistics in f32.
// x, residual, y [..,C]; weight, bias [C]; all but x may be absent.
func LayerNorm(s Stream, x, weight, bias, residual Tensor, eps float32) (Tensor, error) {
	return run1(s, x.Spec, Call{Op: OpLayerNorm, Src: src(x, weight, bias, residual), Attr: Attr{Eps: eps}})
}

// LayerNormAdd is LayerNorm that also gives the sum h = x + residual.
func LayerNormAdd(s Stream, x, weight, bias, residual Tensor, eps float32) (y, h Tensor, err error) {
	return normAdd(s, Call{Op: OpLayerNorm, Src: src(x, weight, bias, residual), Attr: Attr{Eps: eps}})
}

// RMSNorm is y = h / sqrt(mean(h^2) + eps) * weight with h = x + residual, over
// the last axis (Zhang and Sennrich 2019). Shapes as in LayerNorm.
func RMSNorm(s Stream, x, weight, residual Tensor, eps float32) (Tensor, error) {
	return run1(s, x.Spec, Call{Op: OpRMSNorm, Src: src(x, weight, Tensor{}, residual), Attr: Attr{Eps: eps}})
}

// RMSNormAdd is RMSNorm that also gives the sum h = x + residual.
func RMSNormAdd(s Stream, x, weight, residual Tensor, eps float32) (y, h Tensor, err error) {
	return normAdd(s, Call{Op: OpRMSNorm, Src: src(x, weight, Tensor{}, residual), Attr: Attr{Eps: eps}})
}

func normAdd(s Stream, c Call) (y, h Tensor, err error) {
	if h, err = NewTemp(s, c.Src[0].Spec); err != nil {
		return y, h, err
	}
	c.Dst[1] = h
	if y, err = run1(s, c.Src[0].Spec, c); err != nil {
		s.Free(h.Buf)
		return Tensor{}, Tensor{}, err
	}
	return y, h, nil
}

// checkNorm: x, weight?, bias?, residual? -> y, h?, stats? [rows,2] (mean, 1/std; for rms the mean is 0).
func checkNorm(c *Call) error {
	x := &c.Src[0]
	if err := all(only(c, 3, 4), wantF32("x", x, 1, MaxRank)); err != nil {
		return err
	}
	w := x.Cols()
	if c.Op == OpRMSNorm && c.Src[2].Present() {
		return fmt.Errorf("bias is not one of its operands: %w", ErrShape)
	}
	if c.Dst[1].Present() && !c.Src[3].Present() {
		return fmt.Errorf("a sum is asked for without a residual: %w", ErrShape)
	}
	if !(c.Attr.Eps >= 0) {
		return fmt.Errorf("eps is %v, want 0 or more: %w", c.Attr.Eps, ErrShape)
	}
	return all(
		optional(&c.Src[1], func() error { return wantSpec("weight", &c.Src[1], F32, w) }),
		optional(&c.Src[2], func() error { return wantSpec("bias", &c.Src[2], F32, w) }),
		optional(&c.Src[3], func() error { return wantSame("residual", &c.Src[3], x) }),
		wantSame("y", &c.Dst[0], x),
		optional(&c.Dst[1], func() error { return wantSame("sum", &c.Dst[1], x) }),
		optional(&c.Dst[2], func() error { return wantSpec("statistics", &c.Dst[2], F32, x.Rows(), 2) }),
	)
}

// checkNormBackward: dy, h, weight?, stats -> dh.
func checkNormBackward(c *Call) error {
	dy := &c.Src[0]
	if err := all(only(c, 1, 4), wantF32("dy", dy, 1, MaxRank)); err != nil {
		return err
	}
	return all(
		wantSame("x", &c.Src[1], dy),
		optional(&c.Src[2], func() error { return wantSpec("weight", &c.Src[2], F32, dy.Cols()) }),
		wantSpec("statistics", &c.Src[3], F32, dy.Rows(), 2),
		wantSame("dx", &c.Dst[0], dy),
	)
}

// checkNormWeightBackward: dy, h, stats -> dWeight?, dBias?.
func checkNormWeightBackward(c *Call) error {
	dy := &c.Src[0]
	if err := all(only(c, 2, 3), wantF32("dy", dy, 1, MaxRank)); err != nil {
		return err
	}
	return all(
		wantSame("x", &c.Src[1], dy),
		wantSpec("statistics", &c.Src[2], F32, dy.Rows(), 2),
		optional(&c.Dst[0], func() error { return wantSpec("dWeight", &c.Dst[0], F32, dy.Cols()) }),
		optional(&c.Dst[1], func() error { return wantSpec("dBias", &c.Dst[1], F32, dy.Cols()) }),
	)
}

// gradNorm sends dy back through the norm into h, and h's gradient (which other
// users of the sum may have added to) on to x and the residual.
func gradNorm(op Op) func(Grads, *Call) error {
	return func(g Grads, c *Call) error {
		x, weight, bias, res, h, stats := c.Src[0], c.Src[1], c.Src[2], c.Src[3], c.Dst[1], c.Dst[2]
		if !res.Present() {
			h = x
		}
		dy, want, err := g.Of(c.Dst[0])
		if err != nil {
			return err
		}
		if want {
			d, any, err := wanted(g, weight, bias)
			if err != nil {
				return err
			}
			if any {
				if err := Exec(g, Call{Op: OpNormWeightBackward, Dst: dst(d[0], d[1]), Src: src(dy, h, stats), Accum: true}); err != nil {
					return err
				}
			}
		}
		d, any, err := wanted(g, x, res)
		if err != nil || !any {
			return err
		}
		back := Call{Op: op, Src: src(dy, h, weight, stats), Attr: c.Attr}
		if !res.Present() {
			if !want {
				return nil
			}
			back.Dst[0], back.Accum = d[0], true
			return Exec(g, back)
		}
		dh, fromSum, err := g.Of(h)
		if err != nil {
			return err
		}
		if want {
			t, err := run1(g, x.Spec, back)
			if err != nil {
				return err
			}
			defer g.Free(t.Buf)
			if fromSum {
				if err := Accumulate(g, t, dh); err != nil {
					return err
				}
			}
			dh = t
		} else if !fromSum {
			return nil
		}
		for _, to := range d[:2] {
			if to.Present() {
				if err := Accumulate(g, to, dh); err != nil {
					return err
				}
			}
		}
		return nil
	}
}
