package cpuref

import (
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

// attendGradRows is the number of queries whose scores are held at one time.
const attendGradRows = 64

// attentionBackwardFast is attention_backward in blocks, with the micro-kernels
// of gemm. A step of the pool takes a sequence and a kv head, and for each block
// of keys goes over all queries: dk and dv of the block are complete then, dq
// grows from block to block. Blocks are counted from the first row of the
// sequence, so that the order of each sum is that of the sequence's own shape.
func attentionBackwardFast(s *stream, c *tensor.Call) error {
	if !(c.Attr.Scale > 0) { // -Inf marks what is not seen
		return attentionBackward(s, c)
	}
	v := view{s: s}
	a := gradHeadsOf(&v, c)
	if v.err != nil {
		return v.err
	}
	s.clearGradGaps(&a)
	s.b.pool.run(c.Rows.Batch()*a.kv, func(i int) {
		b, g := i/a.kv, i%a.kv
		if !a.ordered(b) || a.limited() && !a.allNumbers(s.b.vec, b, g) {
			a.plain(b, g)
			return
		}
		w := s.b.attendBack.get()
		w.run(s.b, &a, b, g)
		w.a = nil
		s.b.attendBack.put(w)
	})
	return nil
}

// allNumbers says whether what meets in sequence b and kv head g holds neither NaN nor
// infinities.
func (a *gradHeads) allNumbers(vec vecSet, b, g int) bool {
	t0, queries := sequence(a.c.Rows, b)
	k0, keys := sequence(a.c.Keys, b)
	for h := g * (a.h / a.kv); h < (g+1)*(a.h/a.kv); h++ {
		if !numbers(vec, a.q, a.h, h, t0, queries) || !numbers(vec, a.dOut, a.h, h, t0, queries) {
			return false
		}
	}
	return numbers(vec, a.k, a.kv, g, k0, keys) && numbers(vec, a.v, a.kv, g, k0, keys)
}

// attendGrad is the work of one step; backends keep it for the next.
type attendGrad struct {
	a             *gradHeads
	path          *cpuPath
	vec           vecSet
	b, g          int
	t0, queries   int
	k0, keys      int
	wide          int // head dim, in whole panels
	q, d          []float32
	p, ds, turned []float32 // [queries][keys] of a block; turned is the transpose of one
	dq, dk, dv    []float32
	along         []float32  // dOut out of each head of the group and query
	kt, vt, k     gemmPacked // K^T, V^T, K of a block of keys
	qForm, dForm  gemmPacked // Q, dOut of a block of queries
}

func (w *attendGrad) run(be *Backend, a *gradHeads, b, g int) {
	w.a, w.path, w.vec, w.b, w.g = a, be.pool.path, be.vec, b, g
	w.t0, w.queries = sequence(a.c.Rows, b)
	w.k0, w.keys = sequence(a.c.Keys, b)
	w.wide = gemmCeil(a.dim, w.path.nr) * w.path.nr
	group := a.h / a.kv
	w.q, w.d = gemmGrow(w.q, attendGradRows*a.dim), gemmGrow(w.d, attendGradRows*a.dim)
	w.p, w.ds = gemmGrow(w.p, attendGradRows*attendLead), gemmGrow(w.ds, attendGradRows*attendLead)
	w.turned = gemmGrow(w.turned, attendKeys*attendGradRows)
	w.dk, w.dv = gemmGrow(w.dk, attendKeys*w.wide), gemmGrow(w.dv, attendKeys*w.wide)
	w.dq = gemmGrow(w.dq, group*w.queries*w.wide)
	clear(w.dq)
	w.along = gemmGrow(w.along, group*w.queries)
	for e := range group {
		for i := range w.queries {
			row := (w.t0+i)*a.h + g*group + e
			w.along[e*w.queries+i] = float32(dot(a.dOut.row(row), a.out.row(row)))
		}
	}
	for j := 0; j < w.keys; j += attendKeys {
		w.block(j, min(j+attendKeys, w.keys))
	}
	if a.c.Dst[0].Present() {
		for e := range group {
			for i := range w.queries {
				w.put(a.dq.row((w.t0+i)*a.h+g*group+e), w.dq[(e*w.queries+i)*w.wide:])
			}
		}
	}
}

// block computes dk and dv of keys j0 to j1, and what they give to dq.
func (w *attendGrad) block(j0, j1 int) {
	a, dim, n := w.a, w.a.dim, j1-j0
	w.kt.reset(w.path, dim, n)
	w.vt.reset(w.path, dim, n)
	w.k.reset(w.path, n, dim)
	k := a.k.data[(w.k0+j0)*a.k.stride+w.g*dim:]
	v := a.v.data[(w.k0+j0)*a.v.stride+w.g*dim:]
	w.kt.packAll(k, a.k.stride, true)
	w.vt.packAll(v, a.v.stride, true)
	w.k.packAll(k, a.k.stride, false)
	clear(w.dk[:n*w.wide])
	clear(w.dv[:n*w.wide])
	for e := range a.h / a.kv {
		for i := 0; i < w.queries; i += attendGradRows {
			w.rows(e, i, min(i+attendGradRows, w.queries), j0, j1)
		}
	}
	for j := range n {
		row := (w.k0+j0+j)*a.kv + w.g
		if a.c.Dst[1].Present() {
			w.put(a.dk.row(row), w.dk[j*w.wide:])
		}
		if a.c.Dst[2].Present() {
			w.put(a.dv.row(row), w.dv[j*w.wide:])
		}
	}
}

func (w *attendGrad) put(to, from []float32) {
	if w.a.c.Accum {
		w.vec.add(to, to, from[:len(to)])
	} else {
		copy(to, from)
	}
}

// rows adds what queries i0 to i1 of head e of the group give.
func (w *attendGrad) rows(e, i0, i1, j0, j1 int) {
	a, dim, m, n := w.a, w.a.dim, i1-i0, j1-j0
	h := w.g*(a.h/a.kv) + e
	for i := range m {
		row := (w.t0+i0+i)*a.h + h
		copy(w.q[i*dim:], a.q.row(row))
		copy(w.d[i*dim:], a.dOut.row(row))
	}
	w.kt.times(m, w.q, dim, w.p, attendLead, false)
	w.vt.times(m, w.d, dim, w.ds, attendLead, false)
	for i := range m {
		w.weigh(e, h, i0+i, j0, w.p[i*attendLead:][:gemmCeil(n, vecChunk)*vecChunk], w.ds[i*attendLead:], n)
	}
	w.k.times(m, w.ds, attendLead, w.dq[(e*w.queries+i0)*w.wide:], w.wide, true)
	w.qForm.reset(w.path, m, dim)
	w.qForm.packAll(w.q, dim, false)
	w.dForm.reset(w.path, m, dim)
	w.dForm.packAll(w.d, dim, false)
	gemmTranspose(w.path, w.turned, m, w.p, attendLead, m, n)
	w.dForm.times(n, w.turned, m, w.dv, w.wide, true)
	gemmTranspose(w.path, w.turned, m, w.ds, attendLead, m, n)
	w.qForm.times(n, w.turned, m, w.dk, w.wide, true)
}

// weigh turns the products q k in p and dOut v in ds of query i with n keys from
// j0 on into m p and scale ds.
func (w *attendGrad) weigh(e, h, i, j0 int, p, ds []float32, n int) {
	a, t := w.a, w.t0+i
	lo, hi := a.visible(t, w.k0, w.keys)
	lo, hi = max(lo-j0, 0), min(hi-j0, n)
	lse := a.lse.row(t)[h]
	if lo >= hi || math.IsInf(float64(lse), -1) {
		clear(p)
		clear(ds[:n])
		return
	}
	setAll(p[:lo], float32(math.Inf(-1)))
	setAll(p[hi:], float32(math.Inf(-1)))
	w.vec.expSum(p, p, a.c.Attr.Scale, lse)
	along, scale := w.along[e*w.queries+i], a.c.Attr.Scale
	if !a.drop {
		for j, v := range p[:n] {
			ds[j] = scale * v * (ds[j] - along)
		}
		return
	}
	for j, v := range p[:n] {
		keep := float32(0)
		if a.keeps(t, h, w.k0+j0+j) {
			keep = a.dropScale
		}
		p[j], ds[j] = keep*v, scale*v*(keep*ds[j]-along)
	}
}

// packAll packs all panels on this thread.
func (g *gemmPacked) packAll(b []float32, ldb int, trans bool) {
	for i := range g.panels() {
		g.pack(i, b, ldb, trans)
	}
}

// times computes c = a g, or adds it to c, on this thread; a [m,k]. The rows of c
// hold whole panels.
func (g *gemmPacked) times(m int, a []float32, lda int, c []float32, ldc int, add bool) {
	tiles := gemmCeil(m, g.path.mr)
	for t := range tiles {
		r0, r1 := t*m/tiles, (t+1)*m/tiles
		for p := range g.panels() {
			g.path.tiles[r1-r0-1](g.k, a[r0*lda:], lda, g.panel(p), c[r0*ldc+p*g.path.nr:], ldc, add)
		}
	}
}
