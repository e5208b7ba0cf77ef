package tensor

func logRows() rows {
	return rows{
		OpLog:        {Name: "log", Check: checkPlainUnary, Reads: 1 << 0, Grad: gradLog, Tol: tolElementwise},
		OpSqrt:       {Name: "sqrt", Check: checkPlainUnary, Reads: 1 << 8, Grad: gradSqrt, Tol: tolElementwise},
		OpReciprocal: {Name: "reciprocal", Check: checkPlainUnary, Reads: 1 << 8, Grad: gradReciprocal, Tol: tolElementwise},
	}
}

// Log is the natural logarithm, element by element; -Inf at 0, NaN below, as IEEE
// 754 has it. A subnormal x may count as 0. The gradient is finite for x > 0
// alone. x and result of any shape.
func Log(s Stream, x Tensor) (Tensor, error) { return run1(s, x.Spec, Call{Op: OpLog, Src: src(x)}) }

// Sqrt is the square root, element by element; NaN below 0. A subnormal x may
// count as 0. The gradient is finite for x > 0 alone. x and result of any shape.
func Sqrt(s Stream, x Tensor) (Tensor, error) { return run1(s, x.Spec, Call{Op: OpSqrt, Src: src(x)}) }

// Reciprocal is 1/x, element by element; infinite at 0, with the sign of x. A
// subnormal x may count as 0, and a subnormal result may be 0. x and result of any shape.
func Reciprocal(s Stream, x Tensor) (Tensor, error) {
	return run1(s, x.Spec, Call{Op: OpReciprocal, Src: src(x)})
}

// gradLog: dx = dy / x.
func gradLog(g Grads, c *Call) error {
	return gradTimes(g, c, func() (Tensor, error) { return Reciprocal(g, c.Src[0]) })
}

// gradSqrt: dx = dy / 2y.
func gradSqrt(g Grads, c *Call) error {
	return gradTimes(g, c, func() (Tensor, error) {
		twice, err := Scale(g, c.Dst[0], 2, 0)
		if err != nil {
			return Tensor{}, err
		}
		defer g.Free(twice.Buf)
		return Reciprocal(g, twice)
	})
}

// gradReciprocal: dx = -y^2 dy.
func gradReciprocal(g Grads, c *Call) error {
	return gradTimes(g, c, func() (Tensor, error) {
		minus, err := Scale(g, c.Dst[0], -1, 0)
		if err != nil {
			return Tensor{}, err
		}
		defer g.Free(minus.Buf)
		return Mul(g, minus, c.Dst[0])
	})
}

// gradTimes adds dy times the derivative, element by element.
func gradTimes(g Grads, c *Call, derivative func() (Tensor, error)) error {
	dy, dx, ok, err := poolGrads(g, c)
	if err != nil || !ok {
		return err
	}
	d, err := derivative()
	if err != nil {
		return err
	}
	defer g.Free(d.Buf)
	return Exec(g, Call{Op: OpMul, Dst: dst(dx), Src: src(dy, d), Accum: true})
}
