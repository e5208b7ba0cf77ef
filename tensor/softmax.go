package tensor

func softmaxRows() rows {
	return rows{
		OpSoftmax:            {Name: "softmax", Check: checkUnary, Grad: gradFromResult(OpSoftmaxBackward), Reads: 1 << 8, Tol: tolSoftmax},
		OpLogSoftmax:         {Name: "log_softmax", Check: checkUnary, Grad: gradFromResult(OpLogSoftmaxBackward), Reads: 1 << 8, Tol: tolElementwise},
		OpSoftmaxBackward:    {Name: "softmax_backward", Check: checkBinarySame, Accum: true, Tol: tolElementwise},
		OpLogSoftmaxBackward: {Name: "log_softmax_backward", Check: checkBinarySame, Accum: true, Tol: func(c *Call) Tol { return tolSum(c.Src[0].Cols()) }},
	}
}

// Softmax is exp(x - max) / sum over the last axis; -inf counts as a masked
// element, and a row of nothing else gives zeros. x and result [..,C].
func Softmax(s Stream, x Tensor) (Tensor, error) {
	return run1(s, x.Spec, Call{Op: OpSoftmax, Src: src(x)})
}

// LogSoftmax is x - max - log sum exp(x - max) over the last axis; a row of -inf
// alone stays -inf. x and result [..,C].
func LogSoftmax(s Stream, x Tensor) (Tensor, error) {
	return run1(s, x.Spec, Call{Op: OpLogSoftmax, Src: src(x)})
}

// checkUnary: x -> y of one shape, F32, at least one axis.
func checkUnary(c *Call) error {
	return all(only(c, 1, 1), wantF32("x", &c.Src[0], 1, MaxRank), wantSame("y", &c.Dst[0], &c.Src[0]))
}

// checkBinarySame: (a, dy) -> dx of one shape.
func checkBinarySame(c *Call) error {
	return all(only(c, 1, 2), wantF32("x", &c.Src[0], 1, MaxRank), wantSame("dy", &c.Src[1], &c.Src[0]), wantSame("dx", &c.Dst[0], &c.Src[0]))
}

// gradFromResult is the rule of an operation whose backward takes (y, dy).
func gradFromResult(op Op) func(Grads, *Call) error {
	return func(g Grads, c *Call) error { return gradUnary(g, c, Call{Op: op, Src: src(c.Dst[0])}) }
}

// gradUnary completes a backward call: operand 1 is dy, the result is dx.
func gradUnary(g Grads, c *Call, b Call) error {
	dy, want, err := g.Of(c.Dst[0])
	if err != nil || !want {
		return err
	}
	dx, want, err := g.Of(c.Src[0])
	if err != nil || !want {
		return err
	}
	b.Src[1], b.Dst[0], b.Accum = dy, dx, true
	return Exec(g, b)
}
