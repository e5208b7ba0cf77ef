package conformance

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

func sumCases() []Case {
	cs := []Case{
		{Op: tensor.OpSumRows, Name: "numbers", Src: []Operand{repeat([]float64{1, 2, 3, 4, 5, 6}, 3, 2)}, Dst: []tensor.Spec{f32(2)}, Want: [][]float64{{9, 12}}},
		{Op: tensor.OpSumCols, Name: "numbers", Src: []Operand{repeat([]float64{1, 2, 3, 4, 5, 6}, 3, 2)}, Dst: []tensor.Spec{f32(3, 1)}, Want: [][]float64{{3, 7, 11}}},
		{Op: tensor.OpSumRows, Name: "no-rows", Src: []Operand{normal(0, 5)}, Dst: []tensor.Spec{f32(5)}, Want: [][]float64{{0, 0, 0, 0, 0}}},
		{Op: tensor.OpSumCols, Name: "no-columns", Src: []Operand{normal(5, 0)}, Dst: []tensor.Spec{f32(5, 1)}, Want: [][]float64{{0, 0, 0, 0, 0}}},
	}
	add := func(name string, x Operand, long bool) {
		cols := x.Spec
		cols.Shape[cols.Rank-1] = 1
		cs = append(cs,
			Case{Op: tensor.OpSumRows, Name: name, Src: []Operand{x}, Dst: []tensor.Spec{f32(x.Cols())}, Long: long},
			Case{Op: tensor.OpSumCols, Name: name, Src: []Operand{x}, Dst: []tensor.Spec{cols}, Long: long})
	}
	for _, n := range edges {
		add(fmt.Sprintf("5x%d", n), normal(5, n), false)
		add(fmt.Sprintf("%dx5", n), normal(n, 5), false)
	}
	add("tall", normal(3000, 3), false)
	add("wide", normal(3, 3000), false)
	add("vector", normal(70), false)
	add("rank4", normal(2, 3, 4, 5), false)
	add("past-rows", normal(pastRows, 3), true)
	add("past-columns", normal(3, pastRows), true)
	return append(cs, Case{Op: tensor.OpSumRows, Name: "past-groups-wide", Src: []Operand{normal(2, pastGroups)}, Dst: []tensor.Spec{f32(pastGroups)}, Long: true})
}
