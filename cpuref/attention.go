package cpuref

import (
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

func init() {
	impl[tensor.OpAttention] = attention
	impl[tensor.OpAttentionBackward] = attentionBackward
}

// heads are the operands that attention and its backward share. The view of q
// has a row for each (row, head), those of k and v for each (row, kv head).
type heads struct {
	c         *tensor.Call
	q, k, v   rows[float32]
	h, kv     int // heads, kv heads
	dim       int // of a head
	scale     float64
	drop      bool
	dropScale float32
}

func headsOf(v *view, c *tensor.Call) heads {
	return heads{
		c: c, q: v.in(&c.Src[0]), k: v.in(&c.Src[1]), v: v.in(&c.Src[2]),
		h: c.Src[0].Dim(1), kv: c.Src[1].Dim(1), dim: c.Src[0].Dim(2), scale: float64(c.Attr.Scale),
		drop: c.Attr.Rate > 0, dropScale: dropScale(c.Attr.Rate),
	}
}

// sees says whether the query in row t attends to the key in row p, by their positions.
func (a *heads) sees(t, p int) bool {
	pos, key := int64(a.c.Rows.Pos[t]), int64(a.c.Keys.Pos[p])
	at := &a.c.Attr
	return (!at.Causal || key <= pos) &&
		(at.Left < 0 || key >= pos-int64(at.Left)) &&
		(at.Right < 0 || key <= pos+int64(at.Right))
}

// keeps says whether dropout keeps the probability of query row t, head h, key row p.
func (a *heads) keeps(t, h, p int) bool {
	if !a.drop {
		return true
	}
	i := (uint32(t)*uint32(a.h)+uint32(h))*uint32(a.c.Src[1].Dim(0)) + uint32(p)
	return tensor.DropoutKeep(a.c.Attr.Seed, i, a.c.Attr.Rate)
}

// score is scale q k^T of one pair, -Inf where the query does not see the key.
func (a *heads) score(t, h, p int) float64 {
	if !a.sees(t, p) {
		return math.Inf(-1)
	}
	return a.scale * dot(a.q.row(t*a.h+h), a.key(p, h))
}

// key and value are the rows that query head h reads of key row p.
func (a *heads) key(p, h int) []float32   { return a.k.row(p*a.kv + h*a.kv/a.h) }
func (a *heads) value(p, h int) []float32 { return a.v.row(p*a.kv + h*a.kv/a.h) }

// attention: q [R,H,D], k, v [S,KV,D] -> out [R,H,D], lse? [R,H]: the logarithm
// of the sum of e^score over the keys that a query sees, -Inf where it sees none
// and out is zeros. Dropped probabilities count in lse. Rows in no sequence are zeros.
func attention(s *stream, c *tensor.Call) error {
	v := view{s: s}
	a := headsOf(&v, c)
	out, lse := v.out(&c.Dst[0]), v.out(&c.Dst[1])
	if v.err != nil {
		return v.err
	}
	s.clearGaps(c.Rows, out, a.h)
	if c.Dst[1].Present() {
		s.clearGaps(c.Rows, lse, 1)
	}
	s.each(c.Rows.Batch()*a.h, 4*int(c.Rows.Cols)*int(c.Keys.Cols)*a.dim, func(i int) {
		b, h := i/a.h, i%a.h
		t0, queries := sequence(c.Rows, b)
		a.plain(b, h, t0, queries, out, lse)
	})
	return nil
}

// plain writes the results of some queries of sequence b, from row t0 on, and head h.
func (a *heads) plain(b, h, t0, queries int, out, lse rows[float32]) {
	scores, sum := make([]float64, a.c.Keys.Len[b]), make([]float64, a.dim)
	for t := t0; t < t0+queries; t++ {
		l := a.attend(t, h, b, scores, sum)
		putAll(out.row(t*a.h+h), sum, false)
		if lse.data != nil {
			lse.row(t)[h] = float32(l)
		}
	}
}

// attend sets sum to the result of one query and head in sequence b, and gives its lse.
func (a *heads) attend(t, h, b int, scores, sum []float64) (lse float64) {
	k0, keys := sequence(a.c.Keys, b)
	largest, total := math.Inf(-1), 0.0
	for j := range keys {
		scores[j] = a.score(t, h, k0+j)
		largest = max(largest, scores[j])
	}
	clear(sum)
	if math.IsInf(largest, -1) {
		return largest
	}
	for j := range keys {
		p := math.Exp(scores[j] - largest)
		total += p
		if p == 0 || !a.keeps(t, h, k0+j) {
			continue
		}
		for d, v := range a.value(k0+j, h) {
			sum[d] += p * float64(v)
		}
	}
	for d := range sum {
		sum[d] *= float64(a.dropScale) / total
	}
	return largest + math.Log(total)
}

// clearGaps sets the rows that lie in no sequence to zeros; per are the rows of
// the view for each row of the layout.
func (s *stream) clearGaps(l *tensor.Layout, m rows[float32], per int) {
	at := 0
	for b := 0; b <= l.Batch(); b++ {
		end := l.Rows()
		next := end
		if b < l.Batch() {
			start, n := sequence(l, b)
			end, next = start, start+n
		}
		for ; at < end; at++ {
			for i := range per {
				clear(m.row(at*per + i))
			}
		}
		at = next
	}
}

// attentionBackward: q, k, v, out, dOut, lse -> dq?, dk?, dv?. With p = e^(score -
// lse), m = 0 or 1/(1-rate) and D = dOut out (Dao et al. 2022, algorithm 4):
// dv_j = sum_i m p dOut_i, ds = p (m dOut_i v_j - D_i), dq_i = scale sum_j ds k_j,
// dk_j = scale sum_i ds q_i.
func attentionBackward(s *stream, c *tensor.Call) error {
	v := view{s: s}
	a := gradHeadsOf(&v, c)
	if v.err != nil {
		return v.err
	}
	s.clearGradGaps(&a)
	s.each(c.Rows.Batch()*a.kv, 8*a.h/a.kv*int(c.Rows.Cols)*int(c.Keys.Cols)*a.dim, func(i int) {
		a.plain(i/a.kv, i%a.kv)
	})
	return nil
}

// gradHeads are the operands of attention_backward.
type gradHeads struct {
	heads
	out, dOut, lse rows[float32]
	dq, dk, dv     rows[float32]
}

func gradHeadsOf(v *view, c *tensor.Call) gradHeads {
	return gradHeads{
		heads: headsOf(v, c),
		out:   v.in(&c.Src[3]), dOut: v.in(&c.Src[4]), lse: v.in(&c.Src[5]),
		dq: v.out(&c.Dst[0]), dk: v.out(&c.Dst[1]), dv: v.out(&c.Dst[2]),
	}
}

// clearGradGaps sets the rows of the results that lie in no sequence to zeros.
func (s *stream) clearGradGaps(a *gradHeads) {
	if a.c.Accum {
		return
	}
	s.clearGaps(a.c.Rows, a.dq, gradRows(&a.c.Dst[0], a.h))
	s.clearGaps(a.c.Keys, a.dk, gradRows(&a.c.Dst[1], a.kv))
	s.clearGaps(a.c.Keys, a.dv, gradRows(&a.c.Dst[2], a.kv))
}

// plain writes the gradients of sequence b and kv head g.
func (a *gradHeads) plain(b, g int) {
	c := a.c
	q0, queries := sequence(c.Rows, b)
	k0, keys := sequence(c.Keys, b)
	sumQ := make([]float64, a.dim)
	sumK, sumV := make([]float64, keys*a.dim), make([]float64, keys*a.dim)
	group := a.h / a.kv
	for h := g * group; h < (g+1)*group; h++ {
		for t := q0; t < q0+queries; t++ {
			q, d := a.q.row(t*a.h+h), a.dOut.row(t*a.h+h)
			along := dot(d, a.out.row(t*a.h+h))
			clear(sumQ)
			l := float64(a.lse.row(t)[h])
			for j := range keys {
				score := a.score(t, h, k0+j)
				if math.IsInf(score, -1) { // not seen; where no key is, l is -Inf too
					continue
				}
				p := math.Exp(score - l)
				m := 0.0
				if a.keeps(t, h, k0+j) {
					m = float64(a.dropScale)
				}
				ds := a.scale * p * (m*dot(d, a.value(k0+j, h)) - along)
				key := a.key(k0+j, h)
				for e := range a.dim {
					sumQ[e] += ds * float64(key[e])
					sumK[j*a.dim+e] += ds * float64(q[e])
					sumV[j*a.dim+e] += m * p * float64(d[e])
				}
			}
			if c.Dst[0].Present() {
				putAll(a.dq.row(t*a.h+h), sumQ, c.Accum)
			}
		}
	}
	for j := range keys {
		if c.Dst[1].Present() {
			putAll(a.dk.row((k0+j)*a.kv+g), sumK[j*a.dim:], c.Accum)
		}
		if c.Dst[2].Present() {
			putAll(a.dv.row((k0+j)*a.kv+g), sumV[j*a.dim:], c.Accum)
		}
	}
}

// gradRows is per, or 0 for a result that is not asked for.
func gradRows(t *tensor.Tensor, per int) int {
	if !t.Present() {
		return 0
	}
	return per
}

func putAll(to []float32, v []float64, add bool) {
	for i := range to {
		put(&to[i], v[i], add)
	}
}
