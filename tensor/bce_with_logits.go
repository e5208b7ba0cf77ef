package tensor

func bceRows() rows {
	return rows{
		OpBCEWithLogits: {Name: "bce_with_logits", Check: checkBCE, Reads: 1<<0 | 1<<1, Tol: tolElementwise,
			Grad: func(g Grads, c *Call) error {
				dy, dx, ok, err := poolGrads(g, c)
				if err != nil || !ok {
					return err
				}
				return Exec(g, Call{Op: OpBCEWithLogitsBackward, Dst: dst(dx), Src: src(c.Src[0], c.Src[1], dy), Accum: true})
			}},
		OpBCEWithLogitsBackward: {Name: "bce_with_logits_backward", Check: checkBCEBackward, Accum: true, Tol: tolElementwise},
	}
}

// BCEWithLogits is the binary cross entropy of sigmoid(x) and t, element by element,
// max(x,0) - x t + log(1 + e^-|x|) (torch.nn.functional.binary_cross_entropy_with_logits),
// or the sum or mean of it over all elements. x and t, 0 to 1, of one shape; result of
// that shape, or [1]. Gradient to x alone.
func BCEWithLogits(s Stream, x, t Tensor, r Reduction) (Tensor, error) {
	y, err := run1(s, x.Spec, Call{Op: OpBCEWithLogits, Src: src(x, t)})
	if err != nil || r == ReduceNone {
		return y, err
	}
	defer s.Free(y.Buf)
	return Reduce(s, y, r)
}

func checkBCE(c *Call) error {
	x := &c.Src[0]
	return all(only(c, 1, 2), wantF32("logits", x, 1, MaxRank), wantSame("target", &c.Src[1], x), wantSame("loss", &c.Dst[0], x))
}

// checkBCEBackward: x, t, dy -> dx = (sigmoid(x) - t) dy.
func checkBCEBackward(c *Call) error {
	x := &c.Src[0]
	return all(only(c, 1, 3), wantF32("logits", x, 1, MaxRank), wantSame("target", &c.Src[1], x), wantSame("dLoss", &c.Src[2], x), wantSame("dLogits", &c.Dst[0], x))
}
