package conformance

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/cephalo-ml/cephalo/tensor"
)

func crfCases() []Case {
	cs := crfNumbers()
	add := func(name string, l *tensor.Layout, tags int) { cs = append(cs, crfFamily(name, l, tags)...) }
	for _, n := range []int{1, 2, 17, 64, 65, 200} {
		add(fmt.Sprintf("length%d", n), tensor.NewLayout(n, 3), 5)
	}
	for _, n := range []int{1, 2, 9, 33, 64, 65, 129} {
		add(fmt.Sprintf("tags%d", n), tensor.NewLayout(4, 2), n)
	}
	add("empty-sequences", tensor.NewLayout(0, 3, 0, 5, 0), 4)
	add("gaps", gapped(3, 4, 0, 19), 4)
	add("holes", masked("110101", "001110", "000000", "000001"), 4)
	add("no-rows", tensor.NewLayout(0), 3)
	add("no-sequences", tensor.NewLayout(), 3)
	many := make([]int, 300)
	for i := range many {
		many[i] = i % 4
	}
	add("long", tensor.NewLayout(1200, 3, 900, 0, 1000, 900), 9)
	add("long-blocks", tensor.NewLayout(2000, 3, 1700), 9)
	add("many", tensor.NewLayout(many...), 3)
	ones := make([]int, pastRows)
	for i := range ones {
		ones[i] = 1 - i%2 + i%3
	}
	past := crfFamily("past-sequences", tensor.NewLayout(ones...), 2)
	for i := range past {
		past[i].Long = true
	}
	return append(cs, past...)
}

// crfNumbers: all scores 0, so that each of the 2^n paths has the probability 2^-n;
// then a chain in which the best path is not the best tag of each row.
func crfNumbers() []Case {
	ln2 := math.Ln2
	zero := func(shape ...int) Operand { return constant(0, shape...) }
	l := tensor.NewLayout(3, 1, 0)
	even := []Operand{zero(4, 2), zero(2, 2), zero(2), zero(2), ints([]float64{0, 1, 1, 0}, 4)}
	q := repeat([]float64{3, 0, 0, 2, 3, 0}, 3, 2)
	stay := repeat([]float64{0, -4, -4, 0}, 2, 2)
	chain := []Operand{q, stay, repeat([]float64{0, 0.5}, 2), repeat([]float64{0, 1}, 2), {}}
	skip := append(chain[:4:4], ints([]float64{1, 0, 1}, 3))
	three := tensor.NewLayout(3)
	path, none := tensor.Of(tensor.I32, 3), []float64{-1, -1, -1}
	return []Case{
		{Op: tensor.OpCRFLogLikelihood, Name: "numbers", Src: even, Dst: []tensor.Spec{f32(3)}, Rows: l,
			Want: [][]float64{{-3 * ln2, -ln2, 0}, {0, 0, ln2, ln2, ln2, ln2, 0, 0}}},
		{Op: tensor.OpCRFMarginals, Name: "numbers", Src: append(even[:4:4], ints([]float64{1, 0, 1, 1}, 4)), Dst: []tensor.Spec{f32(4, 2)}, Rows: l,
			Want: [][]float64{{.5, .5, 0, 0, .5, .5, .5, .5}}},
		// alphas of the first case, dLLH 2, 4, 8: edges have 1/4 each, nodes 1/2.
		{Op: tensor.OpCRFLogLikelihoodBackward, Name: "numbers", Src: []Operand{repeat([]float64{0, 0, ln2, ln2, ln2, ln2, 0, 0}, 4, 2), even[1], even[3], even[4], {}, repeat([]float64{2, 4, 8}, 3)},
			Dst: []tensor.Spec{f32(4, 2), f32(2, 2), f32(2), f32(2)}, Rows: l,
			Want: [][]float64{{1, -1, -1, 1, -1, 1, 2, -2}, {-1, 1, -1, 1}, {1 + 2, -1 - 2}, {-1 + 2, 1 - 2}}},
		{Op: tensor.OpCRFViterbi, Name: "numbers", Src: chain, Dst: []tensor.Spec{path, f32(1)}, Rows: three, Want: [][]float64{{0, 0, 0}, {6}}},
		{Op: tensor.OpCRFViterbi, Name: "numbers-keep", Src: skip, Dst: []tensor.Spec{path, f32(1)}, Rows: three, Want: [][]float64{{0, -1, 0}, {6}}},
		{Op: tensor.OpCRFViterbi, Name: "ties-lowest", Src: []Operand{zero(3, 4), zero(4, 4), zero(4), zero(4)}, Dst: []tensor.Spec{path, f32(1)}, Rows: three, Want: [][]float64{{0, 0, 0}, {0}}},
		{Op: tensor.OpCRFViterbi, Name: "nothing-kept", Src: append(chain[:4:4], ints([]float64{0}, 3)), Dst: []tensor.Spec{path, f32(1)}, Rows: three, Want: [][]float64{none, {0}}},
		{Op: tensor.OpCRFLogLikelihood, Name: "tags-outside", Src: []Operand{q, stay, chain[2], chain[3], ints([]float64{-100, 2, math.MinInt32}, 3)}, Dst: []tensor.Spec{f32(1)}, Rows: three,
			Want: [][]float64{{0}, {0, 0, 0, 0, 0, 0}}},
	}
}

// crfFamily is every operation of a chain, with and without a list of kept rows and
// forbidden transitions, with NaN in the rows that lie in no sequence. Best paths have
// scores that are exact in f32.
func crfFamily(name string, l *tensor.Layout, tags int) []Case {
	keep := Operand{tensor.Of(tensor.I32, l.Rows()), func(r *rand.Rand, _ int) float64 { return float64(min(r.IntN(4), 1)) }}
	return append(crfKept(name, l, tags, Operand{}), crfKept(name+"-keep", l, tags, keep)...)
}

// crfKept is one half of it.
func crfKept(name string, l *tensor.Layout, tags int, keep Operand) []Case {
	rows := l.Rows()
	x := poisoned(normal(rows, tags), l)
	trans := Operand{f32(tags, tags), func(r *rand.Rand, _ int) float64 {
		if v := r.NormFloat64(); r.IntN(8) > 0 {
			return v
		}
		return -1e4
	}}
	start, end, y := normal(tags), normal(tags), labels(tags, rows)
	exact := func(shape ...int) Operand { return steps(16, 0.125, shape...) }
	var cs []Case
	forward := Case{Op: tensor.OpCRFLogLikelihood, Name: name, Src: []Operand{x, trans, start, end, y, keep}, Dst: []tensor.Spec{f32(l.Batch())}, Rows: l}
	back := Case{Op: tensor.OpCRFLogLikelihoodBackward, Name: name, Src: []Operand{constant(0, rows, tags), trans, end, y, keep, normal(l.Batch())},
		Dst: []tensor.Spec{x.Spec, trans.Spec, start.Spec, end.Spec}, Rows: l,
		Derive: func(run Forward, v [][]float64) error {
			from := forward.values()
			from[1], from[3], from[4], from[5] = v[1], v[2], v[3], v[4]
			a, err := run(forward, from...)
			if err != nil {
				return err
			}
			v[0] = a[1]
			return nil
		}}
	cs = append(cs, forward, back,
		Case{Op: tensor.OpCRFMarginals, Name: name, Src: []Operand{x, trans, start, end, keep}, Dst: []tensor.Spec{x.Spec}, Rows: l},
		Case{Op: tensor.OpCRFViterbi, Name: name, Src: []Operand{poisoned(exact(rows, tags), l), exact(tags, tags), exact(tags), exact(tags), keep}, Dst: []tensor.Spec{tensor.Of(tensor.I32, rows), f32(l.Batch())}, Rows: l})
	if tags == 4 {
		for at := range back.Dst {
			c := back
			c.Name, c.Dst = fmt.Sprintf("%s-only%d", name, at), make([]tensor.Spec, len(back.Dst))
			c.Dst[at] = back.Dst[at]
			cs = append(cs, c)
		}
	}
	return cs
}
