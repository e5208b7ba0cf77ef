package tensor

import "fmt"

// Pooling is how the rows of a sequence become one.
type Pooling uint8

// The poolings of spec 4.1. A sequence without rows gives zeros for each.
const (
	PoolCLS       Pooling = iota // first kept row
	PoolLast                     // last kept row
	PoolMean                     // mean over kept rows
	PoolMax                      // maximum over kept rows, per channel
	PoolAttention                // softmax over kept rows of tanh(w x + b)
)

var poolNames = [...]string{"cls", "last", "mean", "max", "attention"}

func (p Pooling) String() string {
	if int(p) < len(poolNames) {
		return poolNames[p]
	}
	return fmt.Sprintf("Pooling(%d)", p)
}

// ParsePooling reads a pooling by name; an unknown one is an error that lists the known.
func ParsePooling(name string) (Pooling, error) {
	for i, n := range poolNames {
		if n == name {
			return Pooling(i), nil
		}
	}
	return 0, fmt.Errorf("pooling %q is unknown, want one of %v: %w", name, poolNames, ErrUnsupported)
}

func poolRows() rows {
	mean := func(c *Call) Tol { return tolSum(c.Rows.MaxLen()) }
	move := func(mode Pooling) func(Grads, *Call) error {
		return func(g Grads, c *Call) error {
			dy, dx, ok, err := poolGrads(g, c)
			if err != nil || !ok {
				return err
			}
			return Exec(g, Call{Op: OpPoolBackward, Dst: dst(dx), Src: src(dy), Rows: c.Rows, Attr: Attr{Mode: uint8(mode)}, Accum: true})
		}
	}
	return rows{
		OpPoolCLS:      {Name: "pool_cls", Check: checkPool, Grad: move(PoolCLS), Tol: tolExact},
		OpPoolLast:     {Name: "pool_last", Check: checkPool, Grad: move(PoolLast), Tol: tolExact},
		OpPoolMean:     {Name: "pool_mean", Check: checkPool, Grad: move(PoolMean), Tol: mean},
		OpPoolBackward: {Name: "pool_backward", Check: checkPoolBackward, Accum: true, Tol: tolElementwise},
		OpPoolMax: {Name: "pool_max", Check: checkPool, Tol: tolExact, Reads: 1 << 9,
			Aux: func(c *Call, a *[MaxDst]Spec) { a[1] = c.Dst[0].Spec; a[1].DType = I32 },
			Grad: func(g Grads, c *Call) error {
				dy, dx, ok, err := poolGrads(g, c)
				if err != nil || !ok {
					return err
				}
				return Exec(g, Call{Op: OpPoolMaxBackward, Dst: dst(dx), Src: src(dy, c.Dst[1]), Rows: c.Rows, Accum: true})
			}},
		OpPoolMaxBackward: {Name: "pool_max_backward", Check: checkPoolMaxBackward, Accum: true, Tol: tolElementwise},
		OpPoolAttention: {Name: "pool_attention", Check: checkPool, Grad: gradPoolAttention, Reads: 1<<0 | 1<<1 | 1<<2 | 1<<9,
			Aux: func(c *Call, a *[MaxDst]Spec) { a[1] = Of(F32, c.Src[0].Dim(0)) },
			Tol: func(c *Call) Tol { return tolSum(max(c.Src[0].Dim(1), c.Rows.MaxLen())) }},
		OpPoolAttentionBackward: {Name: "pool_attention_backward", Check: checkPoolAttentionBackward, Accum: true,
			Tol: func(c *Call) Tol { return tolSum(c.Src[0].Dim(1) + c.Src[0].Dim(0)) }},
	}
}

// Pool reduces the rows of each sequence to one. x [R,C]; weight [1,C] and bias
// [1] for PoolAttention alone; result [B,C].
func Pool(s Stream, x Tensor, rows *Layout, p Pooling, weight, bias Tensor) (Tensor, error) {
	if int(p) >= len(poolNames) {
		return Tensor{}, fmt.Errorf("%s: %w", p, ErrUnsupported)
	}
	if rows == nil {
		return Tensor{}, fmt.Errorf("pool_%s: row layout is absent: %w", p, ErrShape)
	}
	op := [...]Op{PoolCLS: OpPoolCLS, PoolLast: OpPoolLast, PoolMean: OpPoolMean, PoolMax: OpPoolMax, PoolAttention: OpPoolAttention}[p]
	return run1(s, Of(F32, rows.Batch(), x.Cols()), Call{Op: op, Src: src(x, weight, bias), Rows: rows})
}

func checkPool(c *Call) error {
	x := &c.Src[0]
	if err := all(wantF32("x", x, 2, 2), wantLayout("row", c.Rows, x.Dim(0))); err != nil {
		return err
	}
	b, w := c.Rows.Batch(), x.Dim(1)
	if err := wantSpec("y", &c.Dst[0], F32, b, w); err != nil {
		return err
	}
	switch c.Op {
	case OpPoolMax:
		return all(only(c, 2, 1), optional(&c.Dst[1], func() error { return wantSpec("argmax", &c.Dst[1], I32, b, w) }))
	case OpPoolAttention:
		return all(only(c, 2, 3), wantSpec("weight", &c.Src[1], F32, 1, w), wantSpec("bias", &c.Src[2], F32, 1),
			optional(&c.Dst[1], func() error { return wantSpec("weights", &c.Dst[1], F32, x.Dim(0)) }))
	}
	return only(c, 1, 1)
}

// checkPoolBackward: dy [B,C] -> dx [R,C]; Attr.Mode is cls, last or mean.
func checkPoolBackward(c *Call) error {
	dx := &c.Dst[0]
	if c.Attr.Mode > uint8(PoolMean) {
		return fmt.Errorf("mode %s: %w", Pooling(c.Attr.Mode), ErrUnsupported)
	}
	if err := all(only(c, 1, 1), wantF32("dx", dx, 2, 2), wantLayout("row", c.Rows, dx.Dim(0))); err != nil {
		return err
	}
	return wantSpec("dy", &c.Src[0], F32, c.Rows.Batch(), dx.Dim(1))
}

// checkPoolMaxBackward: dy [B,C], argmax [B,C] (row of the maximum, -1 none) -> dx [R,C].
func checkPoolMaxBackward(c *Call) error {
	dx := &c.Dst[0]
	if err := all(only(c, 1, 2), wantF32("dx", dx, 2, 2), wantLayout("row", c.Rows, dx.Dim(0))); err != nil {
		return err
	}
	b := c.Rows.Batch()
	return all(wantSpec("dy", &c.Src[0], F32, b, dx.Dim(1)), wantSpec("argmax", &c.Src[1], I32, b, dx.Dim(1)))
}

// checkPoolAttentionBackward: x [R,C], weight [1,C], bias [1], weights [R], dy [B,C] -> dx?, dWeight?, dBias?.
func checkPoolAttentionBackward(c *Call) error {
	x := &c.Src[0]
	if err := all(only(c, 3, 5), wantF32("x", x, 2, 2), wantLayout("row", c.Rows, x.Dim(0))); err != nil {
		return err
	}
	w := x.Dim(1)
	return all(
		wantSpec("weight", &c.Src[1], F32, 1, w), wantSpec("bias", &c.Src[2], F32, 1),
		wantSpec("weights", &c.Src[3], F32, x.Dim(0)), wantSpec("dy", &c.Src[4], F32, c.Rows.Batch(), w),
		optional(&c.Dst[0], func() error { return wantSame("dx", &c.Dst[0], x) }),
		optional(&c.Dst[1], func() error { return wantSpec("dWeight", &c.Dst[1], F32, 1, w) }),
		optional(&c.Dst[2], func() error { return wantSpec("dBias", &c.Dst[2], F32, 1) }),
	)
}

func poolGrads(g Grads, c *Call) (dy, dx Tensor, ok bool, err error) {
	dy, want, err := g.Of(c.Dst[0])
	if err != nil || !want {
		return dy, dx, false, err
	}
	dx, want, err = g.Of(c.Src[0])
	return dy, dx, want, err
}

func gradPoolAttention(g Grads, c *Call) error {
	dy, want, err := g.Of(c.Dst[0])
	if err != nil || !want {
		return err
	}
	d, any, err := wanted(g, c.Src[0], c.Src[1], c.Src[2])
	if err != nil || !any {
		return err
	}
	return Exec(g, Call{Op: OpPoolAttentionBackward, Dst: dst(d[0], d[1], d[2]),
		Src: src(c.Src[0], c.Src[1], c.Src[2], c.Dst[1], dy), Rows: c.Rows, Accum: true})
}
