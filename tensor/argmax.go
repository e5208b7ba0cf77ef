package tensor

func argmaxRows() rows {
	return rows{OpArgmax: {Name: "argmax", Check: checkArgmax, Tol: tolExact}}
}

// Argmax is the index of the largest element of the last axis, the lowest on
// ties. x [..,C] with C >= 1; result I32 [rows], rows the product of the leading axes.
func Argmax(s Stream, x Tensor) (Tensor, error) {
	return run1(s, Of(I32, x.Rows()), Call{Op: OpArgmax, Src: src(x)})
}

func checkArgmax(c *Call) error {
	x := &c.Src[0]
	if err := all(only(c, 1, 1), wantF32("x", x, 1, MaxRank), wantCols("x", x)); err != nil {
		return err
	}
	return wantSpec("y", &c.Dst[0], I32, x.Rows())
}
