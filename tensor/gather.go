package tensor

import (
	"fmt"
	"math"
)

func gatherRows() rows {
	return rows{
		OpGatherRows: {Name: "gather_rows", Check: checkGatherRows, Reads: 1 << 1, Tol: tolExact,
			Grad: func(g Grads, c *Call) error {
				dy, dx, ok, err := poolGrads(g, c)
				if err != nil || !ok {
					return err
				}
				if dy, err = flatRows(dy); err != nil {
					return err
				}
				if dx, err = flatRows(dx); err != nil {
					return err
				}
				return Exec(g, Call{Op: OpEmbeddingBackward, Dst: dst(dx), Src: src(c.Src[1], dy), Attr: Attr{Index: -1}, Accum: true})
			}},
		OpScatterRows: {Name: "scatter_rows", Check: checkScatterRows, Reads: 1 << 1, Tol: tolExact,
			Grad: func(g Grads, c *Call) error {
				dy, dx, ok, err := poolGrads(g, c)
				if err != nil || !ok {
					return err
				}
				t, err := GatherRows(g, dy, c.Src[1], 0)
				if err != nil {
					return err
				}
				defer g.Free(t.Buf)
				return Accumulate(g, dx, t)
			}},
		OpWriteRows: {Name: "write_rows", Check: checkWriteRows, Tol: tolExact},
	}
}

func flatRows(t Tensor) (Tensor, error) { return t.Reshape(t.Dim(0), t.Inner()) }

// GatherRows is y[i] = x[idx[i]] over axis 0, and fill where idx[i] is outside
// [0,R): packing, unpacking, choosing. x [R,..] F32 or I32; idx I32 [M]; result [M,..].
// For an I32 tensor fill is rounded to an integer.
func GatherRows(s Stream, x, idx Tensor, fill float32) (Tensor, error) {
	return moveRows(s, OpGatherRows, x, idx, idx.Elems(), fill)
}

// ScatterRows is y[idx[i]] = x[i] over axis 0 with rows rows, and fill in every
// row that no index names. Indexes are distinct; one outside [0,rows) is dropped.
// x [M,..] F32 or I32; idx I32 [M]; result [rows,..].
func ScatterRows(s Stream, x, idx Tensor, rows int, fill float32) (Tensor, error) {
	return moveRows(s, OpScatterRows, x, idx, int64(rows), fill)
}

// WriteRows is dst[idx[i]] = x[i] over axis 0; the other rows of dst stay as they
// are: a key-value cache grows by it. Indexes are distinct; one outside [0,R) is
// dropped. dst [R,..], x [M,..] F32 or I32; idx I32 [M].
func WriteRows(s Stream, to, x, idx Tensor) error {
	return Exec(s, Call{Op: OpWriteRows, Dst: dst(to), Src: src(x, idx)})
}

func moveRows(s Stream, op Op, x, idx Tensor, n int64, fill float32) (Tensor, error) {
	if n < 0 || n > math.MaxInt32 {
		return Tensor{}, fmt.Errorf("%s: %d rows, want 0 to %d: %w", op, n, math.MaxInt32, ErrShape)
	}
	sp := x.Spec
	sp.Shape[0] = int32(n)
	return run1(s, sp, Call{Op: op, Src: src(x, idx), Attr: Attr{Fill: fill}})
}

func checkMoveRows(c *Call) error {
	x, idx, y := &c.Src[0], &c.Src[1], &c.Dst[0]
	if err := all(only(c, 1, 2), present("x", x), wantType("idx", idx, I32), wantType("y", y, x.DType)); err != nil {
		return err
	}
	if x.DType != F32 && x.DType != I32 {
		return fmt.Errorf("x is %s, want F32 or I32: %w", x.DType, ErrDType)
	}
	if x.Rank < 1 || idx.Rank != 1 || y.Rank != x.Rank || y.Inner() != x.Inner() {
		return fmt.Errorf("x is %v, idx %v, y %v: want equal inner axes and a list of rows: %w", x.Spec, idx.Spec, y.Spec, ErrShape)
	}
	return nil
}

func checkGatherRows(c *Call) error {
	if err := checkMoveRows(c); err != nil {
		return err
	}
	return wantSpec("idx", &c.Src[1], I32, c.Dst[0].Dim(0))
}

func checkScatterRows(c *Call) error {
	if err := checkMoveRows(c); err != nil {
		return err
	}
	return wantSpec("idx", &c.Src[1], I32, c.Src[0].Dim(0))
}

func checkWriteRows(c *Call) error {
	if err := checkMoveRows(c); err != nil {
		return err
	}
	return wantSpec("idx", &c.Src[1], I32, c.Src[0].Dim(0))
}
