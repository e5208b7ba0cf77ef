package conformance

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/cephalo-ml/cephalo/tensor"
)

func maxColsCases() []Case {
	inf := math.Inf(1)
	cs := []Case{
		{Op: tensor.OpMaxCols, Name: "numbers", Src: []Operand{repeat([]float64{1, 3, 2, -5, -4, -6}, 2, 3)}, Dst: []tensor.Spec{f32(2, 1)}, Want: [][]float64{{3, -4}, {1, 1}}},
		{Op: tensor.OpMaxCols, Name: "ties-first", Src: []Operand{repeat([]float64{2, 7, 7, 7, 0, 0, 0, 0}, 2, 4)}, Dst: []tensor.Spec{f32(2, 1)}, Want: [][]float64{{7, 0}, {1, 0}}},
		{Op: tensor.OpMaxCols, Name: "infinite", Src: []Operand{repeat([]float64{-inf, -inf, -3e38, -inf, 1, inf}, 3, 2)}, Dst: []tensor.Spec{f32(3, 1)},
			Want: [][]float64{{-inf, -float64(float32(3e38)), inf}, {0, 0, 1}}},
		{Op: tensor.OpMaxColsBackward, Name: "numbers", Src: []Operand{repeat([]float64{5, 7, 9}, 3, 1), ints([]float64{1, 0, 2}, 3)}, Dst: []tensor.Spec{f32(3, 3)},
			Want: [][]float64{{0, 5, 0, 7, 0, 0, 0, 0, 9}}},
	}
	add := func(name string, x Operand, long bool) {
		one := x.Spec
		one.Shape[one.Rank-1] = 1
		dy, arg := normal(one.Dims()...), index(x.Cols(), x.Rows())
		cs = append(cs,
			Case{Op: tensor.OpMaxCols, Name: name, Src: []Operand{x}, Dst: []tensor.Spec{one}, Long: long},
			Case{Op: tensor.OpMaxColsBackward, Name: name, Src: []Operand{dy, arg}, Dst: []tensor.Spec{x.Spec}, Long: long})
	}
	for _, n := range edges {
		add(fmt.Sprintf("5x%d", n), normal(5, n), false)
		add(fmt.Sprintf("%dx7", n), steps(3, 1, n, 7), false)
	}
	add("wide", normal(2, 3000), false)
	add("vector", normal(33), false)
	add("rank3", normal(2, 3, 4), false)
	add("rank4", normal(2, 3, 4, 5), false)
	add("empty", normal(0, 5), false)
	add("past-rows", normal(pastRows, 3), true)
	return cs
}

// ascending is the layout of sequences whose columns ascend with holes of chance size.
func ascending(r *rand.Rand, lens ...int) *tensor.Layout {
	l := tensor.NewLayout(lens...)
	for b, start := range l.Start {
		at := int32(r.IntN(3))
		for i := start; i < start+l.Len[b]; i++ {
			l.Pos[i] = at
			at += 1 + max(r.Int32N(5)-2, 0)
		}
		l.Cols = max(l.Cols, at)
	}
	return l
}
