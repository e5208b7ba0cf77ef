package kernels

import "github.com/cephalo-ml/cephalo/tensor"

// operand is a view as a kernel sees it: rows of cols elements of 4 bytes. Row r
// begins (r/inner)*stride + (r%inner)*cols elements after the first; its elements
// lie step apart.
type operand struct {
	buf                 *buffer
	off                 int64 // bytes
	rows, cols          int
	inner, stride, step int
	shared              bool // split passes it whole
}

// flat is a tensor as rows of its last axis. A vector is one row.
func flat(t tensor.Tensor) operand {
	if t.Buf == nil {
		return operand{}
	}
	o := operand{buf: t.Buf.(*buffer), off: t.Off, rows: t.Rows(), cols: t.Cols(), inner: 1, step: 1}
	o.stride = o.cols
	switch {
	case t.Rank == 1:
		o.step = int(t.Stride)
	case t.Rank == 2:
		o.stride = int(t.Stride)
	case !t.Dense():
		o.stride, o.inner = int(t.Stride), t.Inner()/max(o.cols, 1)
	}
	return o
}

// axis0 is a tensor as rows of axis 0, the inner axes side by side. A vector is
// one column.
func axis0(t tensor.Tensor) operand {
	if t.Buf == nil {
		return operand{}
	}
	o := operand{buf: t.Buf.(*buffer), off: t.Off, rows: 1, cols: t.Inner(), inner: 1, stride: t.Inner(), step: 1}
	if t.Rank > 0 {
		o.rows, o.stride = t.Dim(0), int(t.Stride)
	}
	return o
}

// positions is the part of a layout that holds the position of each row.
func positions(l *tensor.Layout) operand {
	return axis0(l.Dev).slice(2*l.Batch(), 2*l.Batch()+l.Rows())
}

// elements are tensors of one shape as rows that split can cut anywhere: single
// elements where every one of them is dense, else rows of the last axis. Element i
// is column i%cols of row i/cols.
func elements(ts ...tensor.Tensor) []operand {
	ops := make([]operand, len(ts))
	dense := true
	for _, t := range ts {
		dense = dense && (t.Buf == nil || t.Dense())
	}
	for i, t := range ts {
		ops[i] = flat(t)
		if o := &ops[i]; dense && o.buf != nil {
			o.rows, o.cols = o.rows*o.cols, 1
			o.inner, o.stride, o.step = 1, 1, 1
		}
	}
	return ops
}

// whole is the operand marked as one that split does not cut.
func (o operand) whole() operand {
	o.shared = true
	return o
}

func (o operand) present() bool { return o.buf != nil }

// sameBuffer says whether two operands lie in one buffer, so that at most one of
// them can be written by a dispatch, and the other not bound.
func sameBuffer(a, b operand) bool { return a.buf != nil && a.buf == b.buf }

// bytes is the extent from the first element to the end of the last.
func (o *operand) bytes() int64 {
	if o.rows == 0 || o.cols == 0 || o.buf == nil {
		return 0
	}
	last := o.rows - 1
	n := int64(last/o.inner)*int64(o.stride) + int64(last%o.inner)*int64(o.cols) + int64(o.cols-1)*int64(o.step) + 1
	return 4 * n
}

// slice is rows lo to hi. Where lo lies inside an index of axis 0, hi must too.
func (o operand) slice(lo, hi int) operand {
	in := lo % o.inner
	o.off += 4 * (int64(lo/o.inner)*int64(o.stride) + int64(in)*int64(o.cols))
	if in != 0 {
		o.inner, o.stride = 1, o.cols
	}
	o.rows = hi - lo
	return o
}

// fit is the largest hi such that rows lo to hi can be sliced and extend over at
// most limit bytes; lo where not even one row fits.
func (o *operand) fit(lo int, limit int64) int {
	row := 4 * (int64(o.cols-1)*int64(o.step) + 1)
	if o.cols == 0 {
		return o.rows
	}
	if row > limit {
		return lo
	}
	if o.inner == 1 {
		return min(o.rows, lo+1+clampInt((limit-row)/max(4*int64(o.stride), 1)))
	}
	block := 4 * int64(o.inner) * int64(o.cols)
	if lo%o.inner == 0 && block <= limit {
		n := 1 + clampInt((limit-block)/max(4*int64(o.stride), 1))
		return min(o.rows, lo+min(n, o.rows)*o.inner)
	}
	return min(o.rows, lo+min(o.inner-lo%o.inner, clampInt(limit/row)))
}

// clampInt keeps a count of rows within an int32, as tensor's sizes are.
func clampInt(n int64) int { return int(min(n, 1<<30)) }
