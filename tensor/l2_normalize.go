package tensor

func l2Rows() rows {
	return rows{
		OpL2Normalize: {Name: "l2_normalize", Check: checkUnary, Reads: 1 << 0, Tol: tolElementwise,
			Grad: func(g Grads, c *Call) error {
				return gradUnary(g, c, Call{Op: OpL2NormalizeBackward, Src: src(c.Src[0]), Attr: c.Attr})
			}},
		OpL2NormalizeBackward: {Name: "l2_normalize_backward", Check: checkBinarySame, Accum: true,
			Tol: func(c *Call) Tol { return tolSum(c.Src[0].Cols()) }},
	}
}

// L2Normalize is x / max(||x||, eps) over the last axis, as
// torch.nn.functional.normalize: a zero row stays zero. x and result [..,C].
func L2Normalize(s Stream, x Tensor, eps float32) (Tensor, error) {
	return run1(s, x.Spec, Call{Op: OpL2Normalize, Src: src(x), Attr: Attr{Eps: eps}})
}
