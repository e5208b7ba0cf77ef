package tensor

import "fmt"

// MaxHeadDim is the largest head dim that attention takes.
const MaxHeadDim = 256

func attentionRows() rows {
	return rows{
		OpAttention: {
			Name: "attention", Check: checkAttention, Grad: gradAttention,
			Aux:   func(c *Call, a *[MaxDst]Spec) { a[1] = Of(F32, c.Src[0].Dim(0), c.Src[0].Dim(1)) },
			Reads: 1<<0 | 1<<1 | 1<<2 | 1<<8 | 1<<9,
			Tol:   func(c *Call) Tol { return tolSum(max(c.Src[0].Dim(2), c.Keys.MaxLen())) },
		},
		OpAttentionBackward: {
			Name: "attention_backward", Check: checkAttentionBackward, Accum: true,
			Tol: func(c *Call) Tol { return tolSum(c.Src[0].Dim(2) + max(c.Rows.MaxLen(), c.Keys.MaxLen())) },
		},
	}
}

// AttentionOptions are the choices of an attention call. The zero value is full
// attention scaled by 1/sqrt(D), except for the window: use NoWindow.
type AttentionOptions struct {
	Scale       float32 // 0: 1/sqrt(D)
	Causal      bool
	Left, Right int // window in positions; -1 none
	Rate        float32
	Seed        uint64
}

// NoWindow are the options of full attention.
var NoWindow = AttentionOptions{Left: -1, Right: -1}

// Attention is softmax(scale q k^T) v within each sequence, without a score
// matrix in memory (Dao et al. 2022). q [R,H,D]; k, v [S,KV,D] with H a multiple
// of KV: query head h reads kv head h/(H/KV). rows lays out q, keys k and v;
// sequence i of rows attends to sequence i of keys. A key at position p counts
// for a query at position t where p <= t if causal, t-Left <= p, p <= t+Right.
// A query without keys gives zeros. Dropout of the probability of query row t,
// head h and key row p is element (t*H + h)*S + p of DropoutKeep, in u32. Result
// [R,H,D]; rows in no sequence are undefined.
func Attention(s Stream, q, k, v Tensor, rows, keys *Layout, o AttentionOptions) (Tensor, error) {
	if o.Scale == 0 && q.Rank == 3 {
		o.Scale = InvSqrt(q.Dim(2))
	}
	return run1(s, q.Spec, Call{Op: OpAttention, Src: src(q, k, v), Rows: rows, Keys: keys,
		Attr: Attr{Scale: o.Scale, Causal: o.Causal, Left: int32(o.Left), Right: int32(o.Right), Rate: o.Rate, Seed: o.Seed}})
}

func checkQKV(c *Call) error {
	q, k, v := &c.Src[0], &c.Src[1], &c.Src[2]
	if err := all(wantF32("q", q, 3, 3), wantF32("k", k, 3, 3), wantSame("v", v, k)); err != nil {
		return err
	}
	h, kv, d := q.Dim(1), k.Dim(1), q.Dim(2)
	if k.Dim(2) != d || kv < 1 || h%kv != 0 {
		return fmt.Errorf("q is %v and k is %v: want one head dim and query heads a multiple of kv heads: %w", q.Spec, k.Spec, ErrShape)
	}
	if d < 1 || d > MaxHeadDim {
		return fmt.Errorf("head dim %d, want 1 to %d: %w", d, MaxHeadDim, ErrUnsupported)
	}
	if err := all(wantLayout("query", c.Rows, q.Dim(0)), wantLayout("key", c.Keys, k.Dim(0))); err != nil {
		return err
	}
	if c.Rows.Batch() != c.Keys.Batch() {
		return fmt.Errorf("%d query sequences, %d key sequences: %w", c.Rows.Batch(), c.Keys.Batch(), ErrShape)
	}
	if !(c.Attr.Rate >= 0 && c.Attr.Rate < 1) {
		return fmt.Errorf("dropout rate %v, want 0 up to below 1: %w", c.Attr.Rate, ErrShape)
	}
	return nil
}

func checkAttention(c *Call) error {
	if err := all(only(c, 2, 3), checkQKV(c)); err != nil {
		return err
	}
	q := &c.Src[0]
	return all(
		wantSame("out", &c.Dst[0], q),
		optional(&c.Dst[1], func() error { return wantSpec("log-sum-exp", &c.Dst[1], F32, q.Dim(0), q.Dim(1)) }),
	)
}

// checkAttentionBackward: q, k, v, out, dOut, lse -> dq?, dk?, dv?.
func checkAttentionBackward(c *Call) error {
	if err := all(only(c, 3, 6), checkQKV(c)); err != nil {
		return err
	}
	q, k := &c.Src[0], &c.Src[1]
	return all(
		wantSame("out", &c.Src[3], q), wantSame("dOut", &c.Src[4], q),
		wantSpec("log-sum-exp", &c.Src[5], F32, q.Dim(0), q.Dim(1)),
		optional(&c.Dst[0], func() error { return wantSame("dq", &c.Dst[0], q) }),
		optional(&c.Dst[1], func() error { return wantSame("dk", &c.Dst[1], k) }),
		optional(&c.Dst[2], func() error { return wantSame("dv", &c.Dst[2], k) }),
	)
}

func gradAttention(g Grads, c *Call) error {
	dy, want, err := g.Of(c.Dst[0])
	if err != nil || !want {
		return err
	}
	d, any, err := wanted(g, c.Src[0], c.Src[1], c.Src[2])
	if err != nil || !any {
		return err
	}
	return Exec(g, Call{Op: OpAttentionBackward, Dst: dst(d[0], d[1], d[2]),
		Src: src(c.Src[0], c.Src[1], c.Src[2], c.Dst[0], dy, c.Dst[1]), Rows: c.Rows, Keys: c.Keys, Attr: c.Attr, Accum: true})
}
