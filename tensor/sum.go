package tensor

func sumRows() rows {
	return rows{
		OpSumRows: {Name: "sum_rows", Check: checkSumRows, Accum: true, Tol: func(c *Call) Tol { return tolSum(c.Src[0].Rows()) },
			Grad: func(g Grads, c *Call) error { return gradSum(g, c) }},
		OpSumCols: {Name: "sum_cols", Check: checkSumCols, Accum: true, Tol: func(c *Call) Tol { return tolSum(c.Src[0].Cols()) },
			Grad: func(g Grads, c *Call) error { return gradSum(g, c) }},
	}
}

// SumRows sums over all axes but the last. x [..,C]; result [C].
func SumRows(s Stream, x Tensor) (Tensor, error) {
	return run1(s, Of(F32, x.Cols()), Call{Op: OpSumRows, Src: src(x)})
}

// SumCols sums over the last axis, which stays with size 1. x [..,C]; result [..,1].
func SumCols(s Stream, x Tensor) (Tensor, error) {
	sp := x.Spec
	if sp.Rank > 0 {
		sp.Shape[sp.Rank-1] = 1
	}
	return run1(s, sp, Call{Op: OpSumCols, Src: src(x)})
}

func checkSumRows(c *Call) error {
	x := &c.Src[0]
	if err := all(only(c, 1, 1), wantF32("x", x, 1, MaxRank)); err != nil {
		return err
	}
	return wantSpec("y", &c.Dst[0], F32, x.Cols())
}

func checkSumCols(c *Call) error {
	x := &c.Src[0]
	if err := all(only(c, 1, 1), wantF32("x", x, 1, MaxRank)); err != nil {
		return err
	}
	want := x.Dims()
	want[len(want)-1] = 1
	return wantSpec("y", &c.Dst[0], F32, want...)
}

// gradSum spreads dy over the summed axis: ones * dy by broadcasting. The ones
// are made of dx, not of x, which may be freed by now.
func gradSum(g Grads, c *Call) error {
	dy, dx, ok, err := poolGrads(g, c)
	if err != nil || !ok {
		return err
	}
	ones, err := Scale(g, dx, 0, 1)
	if err != nil {
		return err
	}
	defer g.Free(ones.Buf)
	return Exec(g, Call{Op: OpMul, Dst: dst(dx), Src: src(ones, dy), Accum: true})
}
