package conformance

import (
	"fmt"
	"math/rand/v2"

	"github.com/cephalo-ml/cephalo/tensor"
)

// manyRounds is more than the 65,535 rounds after which some devices end the loops of
// an invocation, without an error.
const manyRounds = 70_000

// longCases are calls in which a kernel of one loop for each result would take
// manyRounds or more: long rows, many rows, long sequences. They hold little memory.
func longCases() []Case {
	none := tensor.Attr{Index: -1}
	full := tensor.Attr{Left: -1, Right: -1}
	long := tensor.NewLayout(manyRounds)
	cs := []Case{
		{Op: tensor.OpSumRows, Name: "long", Src: []Operand{normal(manyRounds, 4)}, Dst: []tensor.Spec{f32(4)}},
		{Op: tensor.OpSumRows, Name: "long-wide", Src: []Operand{normal(manyRounds, 40)}, Dst: []tensor.Spec{f32(40)}},
		{Op: tensor.OpSumCols, Name: "long", Src: []Operand{normal(2, 300_000)}, Dst: []tensor.Spec{f32(2, 1)}},
		{Op: tensor.OpArgmax, Name: "long", Src: []Operand{normal(3, 300_000)}, Dst: []tensor.Spec{tensor.Of(tensor.I32, 3)}},
		{Op: tensor.OpSoftmax, Name: "long", Src: []Operand{normal(2, 300_000)}, Dst: []tensor.Spec{f32(2, 300_000)}},
		{Op: tensor.OpLayerNorm, Name: "long", Src: []Operand{normal(2, manyRounds), normal(manyRounds), normal(manyRounds)}, Dst: []tensor.Spec{f32(2, manyRounds)}},
		{Op: tensor.OpL2Normalize, Name: "long", Src: []Operand{normal(2, manyRounds)}, Dst: []tensor.Spec{f32(2, manyRounds)}},
		{Op: tensor.OpEmbeddingBackward, Name: "long-one-id", Src: []Operand{index(1, manyRounds), normal(manyRounds, 2)}, Dst: []tensor.Spec{f32(2, 2)}, Attr: none},
		{Op: tensor.OpEmbeddingBackward, Name: "long", Src: []Operand{index(3000, manyRounds), normal(manyRounds, 2)}, Dst: []tensor.Spec{f32(3000, 2)}, Attr: none},
	}
	cs = append(cs, poolFamily("long", long, 4, true)...)
	// Sums of taps x inputs terms, and of many rows over a wide kernel.
	cs = append(cs, convRowsFamily("long-in", tensor.NewLayout(5, 1), manyRounds/5, 1, 5, true)...)
	cs = append(cs, convRowsFamily("long-out", tensor.NewLayout(5, 1), 1, manyRounds/5, 5, true)...)
	cs = append(cs, convRowsFamily("long-rows", tensor.NewLayout(manyRounds, 3), 1, 1, 65, true)...)
	for _, d := range []int{2, 4, 12} {
		one, sh, name := tensor.NewLayout(1), shapeOfHeads{2, 1, d}, fmt.Sprintf("long-dim%d", d)
		cs = append(cs, attentionPair(name+"-keys", one, long, sh, full, true)...)
		cs = append(cs, attentionPair(name+"-queries", long, one, sh, full, true)...)
	}
	// All rows of a chain take part, some, the first and the last ones, the first ones.
	cs = append(cs, crfFamily("long-sequence", long, 3)...)
	cs = append(cs, crfKept("long-ends", long, 3, where(manyRounds, func(i int) bool { return i < 3 || i >= manyRounds-2 }))...)
	cs = append(cs, crfKept("long-first", long, 3, where(manyRounds, func(i int) bool { return i < 3 }))...)
	for i := range cs {
		cs[i].Long, cs[i].Aligned = true, true
	}
	// A sequence so long that few lanes a column are too few.
	longer := Case{Name: "longer", Src: []Operand{normal(8*manyRounds, 16)}, Dst: []tensor.Spec{f32(1, 16)}, Rows: tensor.NewLayout(8 * manyRounds), Long: true}
	for _, op := range []tensor.Op{tensor.OpPoolMean, tensor.OpPoolMax} {
		longer.Op = op
		cs = append(cs, longer)
	}
	return cs
}

// where is I32 [n], 1 where f says so.
func where(n int, f func(i int) bool) Operand {
	return Operand{tensor.Of(tensor.I32, n), func(_ *rand.Rand, i int) float64 {
		if f(i) {
			return 1
		}
		return 0
	}}
}
