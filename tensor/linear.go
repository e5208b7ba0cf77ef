package tensor

func linearRows() rows {
	return rows{OpLinear: {
		Name: "linear", Check: checkLinear, Grad: gradLinear,
		Aux: func(c *Call, a *[MaxDst]Spec) {
			if c.Attr.Act != ActNone {
				a[1] = c.Dst[0].Spec
			}
		},
		Reads: 1<<0 | 1<<1 | 1<<9,
		Tol:   func(c *Call) Tol { return tolSum(c.Src[0].Cols()) },
	}}
}

// Linear is y = act(x W^T + b) + residual, one pass.
// x [R,K]; weight [N,K] as in torch.nn.Linear, or [K,N] with transW (GPT-2's
// Conv1D); bias [N] and residual [R,N] may be absent; y [R,N].
func Linear(s Stream, x, weight, bias, residual Tensor, act Act, transW bool) (Tensor, error) {
	n := 0
	if weight.Rank == 2 {
		n = weight.Dim(0)
		if transW {
			n = weight.Dim(1)
		}
	}
	rows := 0
	if x.Rank > 0 {
		rows = x.Dim(0)
	}
	return run1(s, Of(F32, rows, n), Call{Op: OpLinear, Src: src(x, weight, bias, residual), Attr: Attr{Act: act, TransW: transW}})
}

func checkLinear(c *Call) error {
	x, w, y := &c.Src[0], &c.Src[1], &c.Dst[0]
	if err := all(only(c, 2, 4), wantF32("x", x, 2, 2), wantF32("weight", w, 2, 2)); err != nil {
		return err
	}
	k, n := w.Dim(1), w.Dim(0)
	if c.Attr.TransW {
		k, n = n, k
	}
	r := x.Dim(0)
	return all(
		wantAct(c.Attr.Act),
		wantSpec("x", x, F32, r, k),
		optional(&c.Src[2], func() error { return wantSpec("bias", &c.Src[2], F32, n) }),
		optional(&c.Src[3], func() error { return wantSpec("residual", &c.Src[3], F32, r, n) }),
		wantSpec("y", y, F32, r, n),
		optional(&c.Dst[1], func() error { return wantSpec("pre-activation", &c.Dst[1], F32, r, n) }),
	)
}

func gradLinear(g Grads, c *Call) error {
	x, w, b, res, y := c.Src[0], c.Src[1], c.Src[2], c.Src[3], c.Dst[0]
	dy, want, err := g.Of(y)
	if err != nil || !want {
		return err
	}
	if err := accumulateTo(g, res, dy); err != nil {
		return err
	}
	d, any, err := wanted(g, x, w, b)
	if err != nil || !any {
		return err
	}
	if c.Attr.Act != ActNone {
		pre, err := NewTemp(g, y.Spec)
		if err != nil {
			return err
		}
		defer g.Free(pre.Buf)
		if err := Exec(g, Call{Op: OpActivationBackward, Dst: dst(pre), Src: src(c.Dst[1], dy), Attr: Attr{Act: c.Attr.Act}}); err != nil {
			return err
		}
		dy = pre
	}
	if d[0].Present() { // dx += dy W
		if err := matmulInto(g, d[0], dy, w, false, c.Attr.TransW); err != nil {
			return err
		}
	}
	if d[1].Present() { // dW += dy^T x, or x^T dy for a weight stored [in, out]
		l, r := dy, x
		if c.Attr.TransW {
			l, r = x, dy
		}
		if err := matmulInto(g, d[1], l, r, true, false); err != nil {
			return err
		}
	}
	if d[2].Present() {
		return Exec(g, Call{Op: OpSumRows, Dst: dst(d[2]), Src: src(dy), Accum: true})
	}
	return nil
}
