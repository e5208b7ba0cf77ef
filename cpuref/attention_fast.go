package cpuref

import (
	"math"
	"slices"

	"github.com/cephalo-ml/cephalo/tensor"
)

func init() {
	fast[tensor.OpAttention] = attentionFast
	fast[tensor.OpAttentionBackward] = attentionBackwardFast
}

const (
	attendFew  = 3                     // queries of a sequence that do without blocks
	attendRows = 128                   // queries in one step of the pool
	attendKeys = 256                   // keys whose scores are held at one time; a multiple of every panel width
	attendLead = attendKeys + vecChunk // floats between rows of scores: rows start in different cache sets
)

// attentionFast is attention in blocks (Dao et al. 2022): a step of the pool
// takes some queries of one sequence and head and goes over the keys, a block at
// a time, with the micro-kernels of gemm. It keeps the largest score of each
// query and the sum so far, and scales what it has when a larger score comes.
//
// Blocks are counted from the first key of the sequence, and a sum runs over a
// block in the same order whatever a query sees of it. So the bits of a query do
// not depend on the queries beside it.
func attentionFast(s *stream, c *tensor.Call) error {
	if !(c.Attr.Scale > 0) { // the largest product would not be the largest score
		return attention(s, c)
	}
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
	chunks := (c.Rows.MaxLen() + attendRows - 1) / attendRows
	s.b.pool.run(c.Rows.Batch()*a.h*chunks, func(i int) {
		b, h, first := i/(a.h*chunks), i/chunks%a.h, i%chunks*attendRows
		t0, queries := sequence(c.Rows, b)
		if first >= queries {
			return
		}
		if !a.ordered(b) {
			a.plain(b, h, t0+first, min(attendRows, queries-first), out, lse)
			return
		}
		w := s.b.attend.get()
		if queries <= attendFew {
			w.few(s.b, &a, b, h, out, lse)
		} else {
			w.begin(s.b, &a, b, h, t0+first, min(attendRows, queries-first))
			for j := 0; j < w.keys; j += attendKeys {
				w.block(j, min(j+attendKeys, w.keys))
			}
			w.finish(out, lse)
			if a.limited() && !numbers(w.vec, out, a.h, h, t0+first, w.n) {
				a.plain(b, h, t0+first, w.n, out, lse)
			}
		}
		w.a = nil
		s.b.attend.put(w)
	})
	return nil
}

// attendState is the work of one step; backends keep it for the next.
type attendState struct {
	a        *heads
	path     *cpuPath
	vec      vecSet
	h, t0, n int // head, first query row, queries
	k0, keys int // first key row, keys
	wide     int // head dim, in whole panels
	q, s, o  []float32
	lo, hi   []int     // of each query: the keys that it sees, counted from k0
	largest  []float32 // score of each query
	total    []float64 // of each query: the sum of e^(score - largest)
	k, v     gemmPacked
}

func (w *attendState) begin(be *Backend, a *heads, b, h, t0, n int) {
	w.a, w.path, w.vec, w.h, w.t0, w.n = a, be.pool.path, be.vec, h, t0, n
	w.k0, w.keys = sequence(a.c.Keys, b)
	w.wide = gemmCeil(a.dim, w.path.nr) * w.path.nr
	w.q = gemmGrow(w.q, n*a.dim)
	for i := range n {
		copy(w.q[i*a.dim:], a.q.row((t0+i)*a.h+h))
	}
	w.s = gemmGrow(w.s, w.path.mr*attendLead)
	w.o = gemmGrow(w.o, n*w.wide)
	clear(w.o)
	if w.lo == nil {
		w.lo, w.hi = make([]int, attendRows), make([]int, attendRows)
		w.largest, w.total = make([]float32, attendRows), make([]float64, attendRows)
	}
	setAll(w.largest[:n], float32(math.Inf(-1)))
	clear(w.total[:n])
	for i := range n {
		w.lo[i], w.hi[i] = a.visible(t0+i, w.k0, w.keys)
	}
}

// limited says whether a query may see some keys of its sequence alone. Blocks
// multiply the values of the others by 0, which makes NaN of what is no number: such
// results are computed again without blocks, so that a key which a query does not see
// has no part in its result, whatever it holds.
func (a *heads) limited() bool {
	at := &a.c.Attr
	return at.Causal || at.Left >= 0 || at.Right >= 0
}

// numbers says whether a head of some rows of x, of all its heads, holds neither NaN nor infinities.
func numbers(vec vecSet, x rows[float32], heads, h, t0, n int) bool {
	for t := t0; t < t0+n; t++ {
		r := x.row(t*heads + h)
		if s := float64(vec.dot(r, r)); math.IsNaN(s) || math.IsInf(s, 0) {
			return false
		}
	}
	return true
}

// ordered says whether the keys of sequence b stand in the order of their
// positions, or positions do not matter.
func (a *heads) ordered(b int) bool {
	k0, keys := sequence(a.c.Keys, b)
	at := &a.c.Attr
	return !at.Causal && at.Left < 0 && at.Right < 0 || slices.IsSorted(a.c.Keys.Pos[k0:k0+keys])
}

// visible are the keys of a sequence that query row t sees, counted from k0. The
// keys stand in the order of their positions; sees is the rule.
func (a *heads) visible(t, k0, keys int) (lo, hi int) {
	pos, at := a.c.Keys.Pos[k0:k0+keys], &a.c.Attr
	p, hi := int64(a.c.Rows.Pos[t]), keys
	before := func(limit int64) int { // keys at positions below limit
		n, _ := slices.BinarySearchFunc(pos, limit, func(p int32, limit int64) int {
			if int64(p) < limit {
				return -1
			}
			return 1
		})
		return n
	}
	if at.Causal {
		hi = before(p + 1)
	}
	if at.Right >= 0 {
		hi = min(hi, before(p+int64(at.Right)+1))
	}
	if at.Left >= 0 {
		lo = before(p - int64(at.Left))
	}
	return lo, hi
}

// block adds keys j0 to j1 to every query.
func (w *attendState) block(j0, j1 int) {
	lo, hi := w.span(0, w.n, j0, j1)
	if lo >= hi {
		return
	}
	nr, dim := w.path.nr, w.a.dim
	w.k.reset(w.path, dim, j1-j0)
	head := w.h * w.a.kv / w.a.h * dim
	for p := lo / nr; p < gemmCeil(hi, nr); p++ {
		w.k.pack(p, w.a.k.data[(w.k0+j0)*w.a.k.stride+head:], w.a.k.stride, true)
	}
	w.v.reset(w.path, j1-j0, dim)
	for p := range w.v.panels() {
		w.v.pack(p, w.a.v.data[(w.k0+j0)*w.a.v.stride+head:], w.a.v.stride, false)
	}
	tiles := gemmCeil(w.n, w.path.mr)
	for t := range tiles {
		r0, r1 := t*w.n/tiles, (t+1)*w.n/tiles
		lo, hi := w.span(r0, r1, j0, j1)
		if lo >= hi {
			continue
		}
		kernel := w.path.tiles[r1-r0-1]
		for p := lo / nr; p < gemmCeil(hi, nr); p++ {
			kernel(dim, w.q[r0*dim:], dim, w.k.panel(p), w.s[p*nr:], attendLead, false)
		}
		lo -= lo % gemmSumBlock // skipping whole chains of zeros leaves a sum as it is
		for r := r0; r < r1; r++ {
			w.weigh(r, w.s[(r-r0)*attendLead:][:attendKeys], j0, lo, hi)
		}
		for p := range w.v.panels() {
			kernel(hi-lo, w.s[lo:], attendLead, w.v.panel(p)[lo*nr:], w.o[r0*w.wide+p*nr:], w.wide, true)
		}
	}
}

// span is what queries r0 to r1 see, together, of keys j0 to j1, counted from j0.
func (w *attendState) span(r0, r1, j0, j1 int) (lo, hi int) {
	lo = j1 - j0
	for r := r0; r < r1; r++ {
		if l, h := max(w.lo[r], j0), min(w.hi[r], j1); l < h {
			lo, hi = min(lo, l-j0), max(hi, h-j0)
		}
	}
	return lo, hi
}

// weigh turns the products q k of query r with the keys from j0 on, in s, into
// weights e^(score - largest), zero where it does not see the key, from lo to hi.
func (w *attendState) weigh(r int, s []float32, j0, lo, hi int) {
	from, to := max(w.lo[r]-j0, lo), min(w.hi[r]-j0, hi)
	if from >= to {
		clear(s[lo:hi])
		return
	}
	// Whole chunks, so that sums take the same course for every range of queries.
	first, last := from&^(vecChunk-1), (to+vecChunk-1)&^(vecChunk-1)
	setAll(s[first:from], float32(math.Inf(-1)))
	setAll(s[to:last], float32(math.Inf(-1)))
	scale := w.a.c.Attr.Scale
	largest := w.vec.max(s[first:last]) * scale
	if old := w.largest[r]; largest > old || largest != largest {
		if !math.IsInf(float64(old), -1) {
			f := exp32(old - largest)
			o := w.o[r*w.wide:][:w.wide]
			w.vec.scale(o, o, f)
			w.total[r] *= float64(f)
		}
		w.largest[r] = largest
	}
	clear(s[lo:first])
	clear(s[min(last, hi):hi])
	if math.IsInf(float64(w.largest[r]), -1) {
		clear(s[lo:hi])
		return
	}
	w.total[r] += w.vec.expSum(s[first:last], s[first:last], scale, w.largest[r])
	if w.a.drop {
		for j := from; j < to; j++ {
			if !w.a.keeps(w.t0+r, w.h, w.k0+j0+j) {
				s[j] = 0
			}
		}
	}
}

// finish writes the results.
func (w *attendState) finish(out, lse rows[float32]) {
	for i := range w.n {
		t := w.t0 + i
		f := float32(0) // a query that sees no key
		if total := w.total[i]; total != 0 {
			f = float32(float64(w.a.dropScale) / total)
		}
		w.vec.scale(out.row(t*w.a.h+w.h), w.o[i*w.wide:][:w.a.dim], f)
		if lse.data != nil {
			lse.row(t)[w.h] = float32(float64(w.largest[i]) + math.Log(w.total[i]))
		}
	}
}

// few computes the queries of a sequence that has only some, as when a text grows
// by a token: packing the keys would cost more than it saves. The choice is by
// the sequence's own shape.
func (w *attendState) few(be *Backend, a *heads, b, h int, out, lse rows[float32]) {
	k0, keys := sequence(a.c.Keys, b)
	t0, queries := sequence(a.c.Rows, b)
	vec, scale := be.vec, a.c.Attr.Scale
	for t := t0; t < t0+queries; t++ {
		lo, hi := a.visible(t, k0, keys)
		hi = max(lo, hi)
		w.s = gemmGrow(w.s, hi-lo)
		q, s, to := a.q.row(t*a.h+h), w.s[:hi-lo], out.row(t*a.h+h)
		for j := range s {
			s[j] = vec.dot(q, a.key(k0+lo+j, h))
		}
		largest, total := vec.max(s)*scale, 0.0
		clear(to)
		if !math.IsInf(float64(largest), -1) {
			total = vec.expSum(s, s, scale, largest)
			f := float32(float64(a.dropScale) / total)
			for j, p := range s {
				if p != 0 && a.keeps(t, h, k0+lo+j) {
					vec.addScaled(to, a.value(k0+lo+j, h), p)
				}
			}
			vec.scale(to, to, f)
		}
		if lse.data != nil {
			lse.row(t)[h] = float32(float64(largest) + math.Log(total))
		}
	}
}

// reset makes g an operand [k,n] to be packed, in its old memory if it fits.
func (g *gemmPacked) reset(path *cpuPath, k, n int) {
	*g = gemmPacked{path: path, k: k, n: n, data: gemmGrow(g.data, gemmPackedLen(path, k, n))}
}
