package cpuref

import (
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

func init() {
	impl[tensor.OpCRFLogLikelihood] = crfLogLikelihood
	impl[tensor.OpCRFLogLikelihoodBackward] = crfBackward
	impl[tensor.OpCRFViterbi] = crfViterbi
	impl[tensor.OpCRFMarginals] = crfMarginals
}

// crf are the operands of a chain over n tags. Absent tags and keep have no rows.
type crf struct {
	l          *tensor.Layout
	n          int
	emissions  rows[float32] // [R,C]
	trans      rows[float32] // [C,C]
	start, end []float32     // [C]
	tags, keep rows[int32]   // [R] as one row
}

// crf are the operands of a forward call, of which tags and keep are where it says.
func (v *view) crf(c *tensor.Call, tags, keep *tensor.Tensor) crf {
	return crf{c.Rows, c.Src[0].Dim(1), v.in(&c.Src[0]), v.in(&c.Src[1]), v.vector(&c.Src[2]), v.vector(&c.Src[3]), v.ints(tags), v.ints(keep)}
}

// kept are the rows of sequence b that take part.
func (f *crf) kept(b int) (at []int) {
	start, n := sequence(f.l, b)
	for r := start; r < start+n; r++ {
		if f.keep.n > 0 && f.keep.row(0)[r] == 0 {
			continue
		}
		if f.tags.n > 0 && (f.tags.row(0)[r] < 0 || int(f.tags.row(0)[r]) >= f.n) {
			continue
		}
		at = append(at, r)
	}
	return at
}

// forward gives the forward variables of the rows at, each less the largest of the row
// before, and the sum of what was taken off.
func (f *crf) forward(at []int) (alphas [][]float64, taken float64) {
	for k, r := range at {
		a := make([]float64, f.n)
		for j, e := range f.emissions.row(r) {
			if k == 0 {
				a[j] = float64(f.start[j]) + float64(e)
				continue
			}
			from := alphas[k-1]
			a[j] = float64(e) + logSumExp(f.n, func(i int) float64 { return from[i] + float64(f.trans.row(i)[j]) }) - largest(from)
		}
		if k > 0 {
			taken += largest(alphas[k-1])
		}
		alphas = append(alphas, a)
	}
	return alphas, taken
}

// ending is element i of the last row's variables with the end scores.
func (f *crf) ending(a []float64) func(i int) float64 {
	return func(i int) float64 { return a[i] + float64(f.end[i]) }
}

// score is that of the path tags over the rows at.
func (f *crf) score(at []int) (sum float64) {
	for k, r := range at {
		y := f.tags.row(0)[r]
		sum += float64(f.emissions.row(r)[y])
		if k == 0 {
			sum += float64(f.start[y])
		} else {
			sum += float64(f.trans.row(int(f.tags.row(0)[at[k-1]]))[y])
		}
	}
	return sum + float64(f.end[f.tags.row(0)[at[len(at)-1]]])
}

// logSumExp is log sum e^x(i) over n values.
func logSumExp(n int, x func(i int) float64) float64 {
	top := math.Inf(-1)
	for i := range n {
		top = max(top, x(i))
	}
	sum := 0.0
	for i := range n {
		sum += math.Exp(x(i) - top)
	}
	return top + math.Log(sum)
}

func largest(x []float64) float64 {
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, v)
	}
	return top
}

// crfLogLikelihood: emissions, transitions, start, end, tags, keep? -> llh [B], alphas? [R,C].
func crfLogLikelihood(s *stream, c *tensor.Call) error {
	v := view{s: s}
	f, y, alphas := v.crf(c, &c.Src[4], &c.Src[5]), v.out(&c.Dst[0]), v.out(&c.Dst[1])
	if v.err != nil {
		return v.err
	}
	s.each(alphas.n, f.n, func(r int) { clear(alphas.row(r)) })
	s.each(f.l.Batch(), f.cost(), func(b int) {
		at := f.kept(b)
		if len(at) == 0 {
			y.row(0)[b] = 0
			return
		}
		a, taken := f.forward(at)
		y.row(0)[b] = float32(f.score(at) - taken - logSumExp(f.n, f.ending(a[len(at)-1])))
		if c.Dst[1].Present() {
			for k, r := range at {
				putAll(alphas.row(r), a[k], false)
			}
		}
	})
	return nil
}

// cost is about the number of elements that a sequence works on.
func (f *crf) cost() int { return 16 * f.n * f.n * int(f.l.Cols) }

// crfMarginals: emissions, transitions, start, end, keep? -> marginals [R,C].
func crfMarginals(s *stream, c *tensor.Call) error {
	v := view{s: s}
	f, y := v.crf(c, &tensor.Tensor{}, &c.Src[4]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	s.each(y.n, f.n, func(r int) { clear(y.row(r)) })
	s.each(f.l.Batch(), 2*f.cost(), func(b int) {
		at := f.kept(b)
		a, _ := f.forward(at)
		f.marginals(a, func(k int, m []float64) { putAll(y.row(at[k]), m, false) }, func(k, i, j int, p float64) {})
	})
	return nil
}

// marginals goes back over forward variables, of which each row may have a summand of
// its own: with P(i|j) the softmax over i of a(k-1)[i] + transitions[i,j], the marginals
// of the last row are the softmax of a(n) + end, and m(k-1)[i] is the sum of
// p = m(k)[j] P(i|j). node gets the marginals of each row, edge each p.
func (f *crf) marginals(a [][]float64, node func(k int, m []float64), edge func(k, i, j int, p float64)) {
	if len(a) == 0 {
		return
	}
	m := make([]float64, f.n)
	last := f.ending(a[len(a)-1])
	z := logSumExp(f.n, last)
	for i := range m {
		m[i] = math.Exp(last(i) - z)
	}
	node(len(a)-1, m)
	for k := len(a) - 1; k > 0; k-- {
		before := make([]float64, f.n)
		for j := range f.n {
			from := func(i int) float64 { return a[k-1][i] + float64(f.trans.row(i)[j]) }
			z := logSumExp(f.n, from)
			for i := range f.n {
				p := m[j] * math.Exp(from(i)-z)
				before[i] += p
				edge(k, i, j, p)
			}
		}
		m = before
		node(k-1, m)
	}
}

// crfBackward: alphas, transitions, end, tags, keep?, dLLH [B] -> dEmissions?,
// dTransitions?, dStart?, dEnd?: what the path tags has of each node and edge, less
// what all paths have by their probability.
func crfBackward(s *stream, c *tensor.Call) error {
	v := view{s: s}
	f := crf{l: c.Rows, n: c.Src[0].Dim(1), trans: v.in(&c.Src[1]), end: v.vector(&c.Src[2]), tags: v.ints(&c.Src[3]), keep: v.ints(&c.Src[4])}
	alphas, dy := v.in(&c.Src[0]), v.in(&c.Src[5])
	de, dt, ds, dn := v.out(&c.Dst[0]), v.out(&c.Dst[1]), v.out(&c.Dst[2]), v.out(&c.Dst[3])
	if v.err != nil {
		return v.err
	}
	if !c.Accum {
		s.each(de.n, f.n, func(r int) { clear(de.row(r)) })
	}
	sums := make([]crfSums, f.l.Batch())
	s.each(f.l.Batch(), 2*f.cost(), func(b int) {
		sums[b] = f.differences(f.kept(b), alphas, func(r int, d []float64) {
			if c.Dst[0].Present() {
				for j := range d {
					put(&de.row(r)[j], d[j]*float64(dy.row(0)[b]), true)
				}
			}
		})
	})
	for part, to := range [...]rows[float32]{dt, ds, dn} {
		for i := range to.n {
			for j := range to.row(i) {
				sum := 0.0
				for b := range sums {
					if g := sums[b][part]; g != nil {
						sum += g[i*f.n+j] * float64(dy.row(0)[b])
					}
				}
				put(&to.row(i)[j], sum, c.Accum)
			}
		}
	}
	return nil
}

// crfSums are the gradients of transitions [C,C], start [C] and end [C] of a
// sequence's log-likelihood; nil where it has no row.
type crfSums [3][]float64

// differences are the gradients of a sequence whose rows are at; node gets those of
// the emissions of each.
func (f *crf) differences(at []int, alphas rows[float32], node func(r int, d []float64)) (g crfSums) {
	if len(at) == 0 {
		return g
	}
	a := make([][]float64, len(at))
	for k, r := range at {
		for _, v := range alphas.row(r) {
			a[k] = append(a[k], float64(v))
		}
	}
	g[0] = make([]float64, f.n*f.n)
	tag := func(k int) int { return int(f.tags.row(0)[at[k]]) }
	f.marginals(a, func(k int, m []float64) {
		d := make([]float64, f.n)
		for j := range d {
			d[j] = -m[j]
		}
		d[tag(k)]++
		node(at[k], d)
		if k == 0 {
			g[1] = d
		}
		if k == len(at)-1 {
			g[2] = d
		}
	}, func(k, i, j int, p float64) { g[0][i*f.n+j] -= p })
	for k := 1; k < len(at); k++ {
		g[0][tag(k-1)*f.n+tag(k)]++
	}
	return g
}

// crfViterbi: emissions, transitions, start, end, keep? -> path I32 [R], score? [B].
func crfViterbi(s *stream, c *tensor.Call) error {
	v := view{s: s}
	f, path, score := v.crf(c, &tensor.Tensor{}, &c.Src[4]), v.outInts(&c.Dst[0]), v.out(&c.Dst[1])
	if v.err != nil {
		return v.err
	}
	setAll(path.row(0), -1)
	s.each(f.l.Batch(), f.cost()/8, func(b int) {
		best := f.best(f.kept(b), path.row(0))
		if c.Dst[1].Present() {
			score.row(0)[b] = float32(best)
		}
	})
	return nil
}

// best writes the best path over the rows at, and gives its score. Of equals the lowest
// tag is taken.
func (f *crf) best(at []int, path []int32) float64 {
	if len(at) == 0 {
		return 0
	}
	highest := func(x func(i int) float64) (at int, v float64) {
		v = x(0)
		for i := 1; i < f.n; i++ {
			if w := x(i); w > v {
				at, v = i, w
			}
		}
		return at, v
	}
	var a []float64
	back := make([][]int, len(at))
	for k, r := range at {
		next := make([]float64, f.n)
		back[k] = make([]int, f.n)
		for j, e := range f.emissions.row(r) {
			into := float64(f.start[j])
			if k > 0 {
				back[k][j], into = highest(func(i int) float64 { return a[i] + float64(f.trans.row(i)[j]) })
			}
			next[j] = into + float64(e)
		}
		a = next
	}
	tag, score := highest(f.ending(a))
	for k := len(at) - 1; k >= 0; k-- {
		path[at[k]] = int32(tag)
		tag = back[k][tag]
	}
	return score
}
