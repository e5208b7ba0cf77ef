package tensor

import "fmt"

func elementwiseRows() rows {
	return rows{
		OpAdd: {Name: "add", Check: checkBroadcast, Grad: gradAdd, Tol: tolElementwise},
		OpMul: {Name: "mul", Check: checkBroadcast, Grad: gradMul, Accum: true, Reads: 1<<0 | 1<<1, Tol: tolElementwise},
		OpScale: {Name: "scale", Check: checkPlainUnary, Accum: true, Tol: tolElementwise,
			Grad: func(g Grads, c *Call) error {
				dy, dx, ok, err := poolGrads(g, c)
				if err != nil || !ok {
					return err
				}
				return Exec(g, Call{Op: OpScale, Dst: dst(dx), Src: src(dy), Attr: Attr{Scale: c.Attr.Scale}, Accum: true})
			}},
	}
}

// Add is a + b. b has a's shape, or is [C] (one row for all), [..,1] (one value a
// row), or a single element. Result of a's shape.
func Add(s Stream, a, b Tensor) (Tensor, error) { return AddScaled(s, a, b, 1) }

// AddScaled is a + scale*b, with b as in Add.
func AddScaled(s Stream, a, b Tensor, scale float32) (Tensor, error) {
	return run1(s, a.Spec, Call{Op: OpAdd, Src: src(a, b), Attr: Attr{Scale: scale}})
}

// Mul is a * b, with b as in Add.
func Mul(s Stream, a, b Tensor) (Tensor, error) {
	return run1(s, a.Spec, Call{Op: OpMul, Src: src(a, b)})
}

// Scale is scale*x + shift, of any shape.
func Scale(s Stream, x Tensor, scale, shift float32) (Tensor, error) {
	return run1(s, x.Spec, Call{Op: OpScale, Src: src(x), Attr: Attr{Scale: scale, Fill: shift}})
}

// Broadcast is how the second operand of Add and Mul meets the first.
type Broadcast uint8

// The broadcasts, in the order in which BroadcastOf tries them.
const (
	BroadcastNone   Broadcast = iota // same shape
	BroadcastScalar                  // one element
	BroadcastRow                     // [C]: one row for all rows
	BroadcastCol                     // [..,1]: one value for each row
)

// BroadcastOf says how b meets a; false where it does not.
func BroadcastOf(a, b Spec) (Broadcast, bool) {
	switch {
	case a.SameShape(b):
		return BroadcastNone, true
	case b.Elems() == 1:
		return BroadcastScalar, true
	case b.Rank == 1 && a.Rank >= 1 && b.Shape[0] == a.Shape[a.Rank-1]:
		return BroadcastRow, true
	case b.Rank == a.Rank && a.Rank >= 1 && b.Shape[a.Rank-1] == 1:
		b.Shape[a.Rank-1] = a.Shape[a.Rank-1]
		return BroadcastCol, a.SameShape(b)
	}
	return 0, false
}

func checkBroadcast(c *Call) error {
	a, b := &c.Src[0], &c.Src[1]
	if err := all(only(c, 1, 2), wantF32("a", a, 0, MaxRank), wantF32("b", b, 0, MaxRank), wantSame("y", &c.Dst[0], a)); err != nil {
		return err
	}
	if _, ok := BroadcastOf(a.Spec, b.Spec); !ok {
		return fmt.Errorf("b is %v, want the shape of a %v, its last axis, a last axis of 1, or one element: %w", b.Spec, a.Spec, ErrShape)
	}
	return nil
}

func gradAdd(g Grads, c *Call) error {
	dy, want, err := g.Of(c.Dst[0])
	if err != nil || !want {
		return err
	}
	if err := accumulateTo(g, c.Src[0], dy); err != nil {
		return err
	}
	db, want, err := g.Of(c.Src[1])
	if err != nil || !want {
		return err
	}
	return sumTo(g, db, dy, c.Attr.Scale)
}

func gradMul(g Grads, c *Call) error {
	a, b := c.Src[0], c.Src[1]
	dy, want, err := g.Of(c.Dst[0])
	if err != nil || !want {
		return err
	}
	d, any, err := wanted(g, a, b)
	if err != nil || !any {
		return err
	}
	if d[0].Present() {
		if err := Exec(g, Call{Op: OpMul, Dst: dst(d[0]), Src: src(dy, b), Accum: true}); err != nil {
			return err
		}
	}
	if !d[1].Present() {
		return nil
	}
	if a.SameShape(b.Spec) {
		return Exec(g, Call{Op: OpMul, Dst: dst(d[1]), Src: src(dy, a), Accum: true})
	}
	t, err := Mul(g, dy, a)
	if err != nil {
		return err
	}
	defer g.Free(t.Buf)
	return sumTo(g, d[1], t, 1)
}

// sumTo adds scale*x, summed over the broadcast axes, to db.
func sumTo(g Grads, db, x Tensor, scale float32) error {
	if scale != 1 || x.SameShape(db.Spec) {
		if x.SameShape(db.Spec) {
			return Exec(g, Call{Op: OpScale, Dst: dst(db), Src: src(x), Attr: Attr{Scale: scale}, Accum: true})
		}
		t, err := Scale(g, x, scale, 0)
		if err != nil {
			return err
		}
		defer g.Free(t.Buf)
		x = t
	}
	how, _ := BroadcastOf(x.Spec, db.Spec)
	switch how {
	case BroadcastRow:
		return Exec(g, Call{Op: OpSumRows, Dst: dst(db), Src: src(x), Accum: true})
	case BroadcastCol:
		return Exec(g, Call{Op: OpSumCols, Dst: dst(db), Src: src(x), Accum: true})
	}
	row, err := SumRows(g, x)
	if err != nil {
		return err
	}
	defer g.Free(row.Buf)
	one, err := db.Reshape(1)
	if err != nil {
		return err
	}
	return Exec(g, Call{Op: OpSumCols, Dst: dst(one), Src: src(row), Accum: true})
}
