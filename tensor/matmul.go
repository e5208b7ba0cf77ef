package tensor

import "fmt"

func matmulRows() rows {
	return rows{OpMatMul: {
		Name: "matmul", Check: checkMatMul, Grad: gradMatMul, Accum: true, Reads: 1<<0 | 1<<1,
		Tol: func(c *Call) Tol { _, k, _ := matmulSizes(c); return tolSum(k) },
	}}
}

// MatMul is a b over the last two axes. a [..,M,K], or [..,K,M] with transA;
// b [..,K,N], or [..,N,K] with transB; the leading axes of both are equal, or b
// has rank 2 and serves every matrix of a. Result [..,M,N].
func MatMul(s Stream, a, b Tensor, transA, transB bool) (Tensor, error) {
	c := Call{Op: OpMatMul, Src: src(a, b), Attr: Attr{TransA: transA, TransB: transB}}
	sp := a.Spec
	if a.Rank >= 2 && b.Rank >= 2 {
		m, _, n := matmulSizes(&c)
		sp.Shape[a.Rank-2], sp.Shape[a.Rank-1] = int32(m), int32(n)
	}
	return run1(s, sp, c)
}

// matmulSizes are M, K and N of a call.
func matmulSizes(c *Call) (m, k, n int) {
	a, b := &c.Src[0], &c.Src[1]
	m, k, n = a.Dim(-2), a.Dim(-1), b.Dim(-1)
	if c.Attr.TransA {
		m, k = k, m
	}
	if c.Attr.TransB {
		n = b.Dim(-2)
	}
	return m, k, n
}

func checkMatMul(c *Call) error {
	a, b, y := &c.Src[0], &c.Src[1], &c.Dst[0]
	if err := all(only(c, 1, 2), wantF32("a", a, 2, 4), wantF32("b", b, 2, 4)); err != nil {
		return err
	}
	m, k, n := matmulSizes(c)
	kb := b.Dim(-2)
	if c.Attr.TransB {
		kb = b.Dim(-1)
	}
	if k != kb {
		return fmt.Errorf("a is %v and b is %v: inner sizes %d and %d differ: %w", a.Spec, b.Spec, k, kb, ErrShape)
	}
	if b.Rank != 2 {
		same := a.Rank == b.Rank
		for i := 0; same && i < int(a.Rank)-2; i++ {
			same = a.Shape[i] == b.Shape[i]
		}
		if !same {
			return fmt.Errorf("a is %v and b is %v: leading axes differ: %w", a.Spec, b.Spec, ErrShape)
		}
	}
	want := a.Dims()
	want[a.Rank-2], want[a.Rank-1] = m, n
	return wantSpec("y", y, F32, want...)
}

func matmulInto(s Stream, y, a, b Tensor, transA, transB bool) error {
	return Exec(s, Call{Op: OpMatMul, Dst: dst(y), Src: src(a, b), Attr: Attr{TransA: transA, TransB: transB}, Accum: true})
}

// gradMatMul: with A = op(a), B = op(b): dA = dy B^T, dB = A^T dy.
func gradMatMul(g Grads, c *Call) error {
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
		if c.Attr.TransA { // a^T is used: da = B dy^T
			err = matmulInto(g, d[0], b, dy, c.Attr.TransB, true)
			if b.Rank != a.Rank {
				return fmt.Errorf("matmul: gradient of a transposed batch against one matrix: %w", ErrUnsupported)
			}
		} else {
			err = matmulInto(g, d[0], dy, b, false, !c.Attr.TransB)
		}
		if err != nil {
			return err
		}
	}
	if !d[1].Present() {
		return nil
	}
	if b.Rank != a.Rank { // one matrix for all: sum over the batch as one tall product
		if c.Attr.TransA {
			return fmt.Errorf("matmul: gradient of one matrix against a transposed batch: %w", ErrUnsupported)
		}
		m, k, n := matmulSizes(c)
		lead := int(a.Elems()) / max(m*k, 1)
		if a, err = a.Reshape(lead*m, k); err != nil {
			return err
		}
		if dy, err = dy.Reshape(lead*m, n); err != nil {
			return err
		}
	}
	if c.Attr.TransB { // b is [N,K]: db = dy^T A
		return matmulInto(g, d[1], dy, a, true, c.Attr.TransA)
	}
	return matmulInto(g, d[1], a, dy, !c.Attr.TransA, false)
}
