package tensor

import "fmt"

func convRows() rows {
	return rows{
		OpConvRows: {Name: "conv_rows", Check: checkConvRows, Grad: gradConvRows, Reads: 1<<0 | 1<<1,
			Tol: func(c *Call) Tol { return tolSum(c.Src[1].Inner()) }},
		OpConvRowsBackward: {Name: "conv_rows_backward", Check: checkConvRowsBackward, Accum: true,
			Tol: func(c *Call) Tol { w := &c.Src[1]; return tolSum(w.Dim(0)*w.Dim(2) + c.Src[0].Dim(0)) }},
	}
}

// ConvRows is a cross-correlation over the columns of each sequence,
// y[r,o] = bias[o] + sum over i, k of weight[o,i,k] x[n,i], where n is the row of
// r's sequence at column Pos[r] + k - K/2; a column without a row counts as zeros.
// The rows of a sequence have ascending Pos, with or without holes.
// x [R,Cin]; weight [Cout,Cin,K] with K odd; bias [Cout] or absent; result
// [R,Cout], zeros for a row in no sequence.
func ConvRows(s Stream, x, weight, bias Tensor, rows *Layout) (Tensor, error) {
	if err := all(wantF32("x", &x, 2, 2), wantF32("weight", &weight, 3, 3)); err != nil {
		return Tensor{}, fmt.Errorf("conv_rows: %w", err)
	}
	return run1(s, Of(F32, x.Dim(0), weight.Dim(0)), Call{Op: OpConvRows, Src: src(x, weight, bias), Rows: rows})
}

// checkConv: x [R,Cin], weight [Cout,Cin,K].
func checkConv(c *Call) error {
	x, w := &c.Src[0], &c.Src[1]
	if err := all(wantF32("x", x, 2, 2), wantF32("weight", w, 3, 3), wantLayout("row", c.Rows, x.Dim(0))); err != nil {
		return err
	}
	if w.Dim(1) != x.Dim(1) || w.Dim(2)%2 == 0 {
		return fmt.Errorf("weight is %v, want [Cout,%d,K] with an odd K: %w", w.Spec, x.Dim(1), ErrShape)
	}
	return nil
}

func checkConvRows(c *Call) error {
	if err := all(only(c, 1, 3), checkConv(c)); err != nil {
		return err
	}
	out := c.Src[1].Dim(0)
	return all(wantSpec("y", &c.Dst[0], F32, c.Src[0].Dim(0), out),
		optional(&c.Src[2], func() error { return wantSpec("bias", &c.Src[2], F32, out) }))
}

// checkConvRowsBackward: x [R,Cin], weight [Cout,Cin,K], dy [R,Cout] -> dx?, dWeight?, dBias?.
// dx of a row in no sequence is 0, and its dy is not read.
func checkConvRowsBackward(c *Call) error {
	if err := all(only(c, 3, 3), checkConv(c)); err != nil {
		return err
	}
	x, w := &c.Src[0], &c.Src[1]
	return all(wantSpec("dy", &c.Src[2], F32, x.Dim(0), w.Dim(0)),
		optional(&c.Dst[0], func() error { return wantSame("dx", &c.Dst[0], x) }),
		optional(&c.Dst[1], func() error { return wantSame("dWeight", &c.Dst[1], w) }),
		optional(&c.Dst[2], func() error { return wantSpec("dBias", &c.Dst[2], F32, w.Dim(0)) }))
}

func gradConvRows(g Grads, c *Call) error {
	dy, want, err := g.Of(c.Dst[0])
	if err != nil || !want {
		return err
	}
	d, any, err := wanted(g, c.Src[0], c.Src[1], c.Src[2])
	if err != nil || !any {
		return err
	}
	return Exec(g, Call{Op: OpConvRowsBackward, Dst: dst(d[0], d[1], d[2]), Src: src(c.Src[0], c.Src[1], dy), Rows: c.Rows, Accum: true})
}
