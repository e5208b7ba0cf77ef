package conformance

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

func elementwiseCases() []Case {
	cs := []Case{
		{Op: tensor.OpAdd, Name: "numbers", Src: []Operand{repeat([]float64{1, 2, 3, 4}, 2, 2), repeat([]float64{10, 20}, 2)},
			Dst: []tensor.Spec{f32(2, 2)}, Attr: tensor.Attr{Scale: 0.5}, Want: [][]float64{{6, 12, 8, 14}}},
		{Op: tensor.OpMul, Name: "numbers", Src: []Operand{repeat([]float64{1, 2, 3, 4}, 2, 2), repeat([]float64{10, -1}, 2, 1)},
			Dst: []tensor.Spec{f32(2, 2)}, Want: [][]float64{{10, 20, -3, -4}}},
		{Op: tensor.OpScale, Name: "numbers", Src: []Operand{repeat([]float64{1, -2, 0.5}, 3)},
			Dst: []tensor.Spec{f32(3)}, Attr: tensor.Attr{Scale: -2, Fill: 1}, Want: [][]float64{{-1, 5, 0}}},
	}
	for _, op := range []tensor.Op{tensor.OpAdd, tensor.OpMul} {
		add := func(name string, a, b Operand, long bool) {
			cs = append(cs, Case{Op: op, Name: name, Src: []Operand{a, b}, Dst: []tensor.Spec{a.Spec}, Attr: tensor.Attr{Scale: -1.5}, Long: long})
		}
		for _, n := range edges {
			add(fmt.Sprintf("same-%dx%d", 3, n), normal(3, n), normal(3, n), false)
			add(fmt.Sprintf("row-%dx%d", n, 5), normal(n, 5), normal(5), false)
			add(fmt.Sprintf("col-%dx%d", 4, n), normal(4, n), normal(4, 1), false)
		}
		add("same-scalar", normal(), normal(), false)
		add("one-element", normal(6, 7), normal(), false)
		add("one-element-rank2", normal(6, 7), normal(1, 1), false)
		add("one-row", normal(1, 9), normal(9), false)
		add("row-of-vector", normal(9), normal(9), false)
		add("row-rank4", normal(2, 3, 4, 5), normal(5), false)
		add("col-rank4", normal(2, 3, 4, 5), normal(2, 3, 4, 1), false)
		add("col-one-wide", normal(5, 1), normal(5, 1), false)
		add("empty", normal(0, 5), normal(5), false)
		add("empty-columns", normal(5, 0), normal(5, 0), false)
		add("past-groups-same", normal(pastGroups), normal(pastGroups), true)
		add("past-groups-row", normal(pastGroups/3, 3), normal(3), true)
		add("past-groups-col", normal(pastGroups, 1), normal(pastGroups, 1), true)
		add("past-groups-one", normal(pastGroups), normal(), true)
	}
	for _, n := range edges {
		cs = append(cs, scaleCase(fmt.Sprintf("n%d", n), normal(n), false))
	}
	return append(cs,
		scaleCase("scalar", normal(), false),
		scaleCase("empty", normal(0), false),
		scaleCase("rank3", normal(3, 5, 17), false),
		scaleCase("past-groups", normal(pastGroups), true),
		// 0*x + 1 is the way to a tensor of ones: whatever finite x is.
		Case{Op: tensor.OpScale, Name: "ones", Src: []Operand{repeat([]float64{3e38, -3e38, 0}, 3)}, Dst: []tensor.Spec{f32(3)},
			Attr: tensor.Attr{Scale: 0, Fill: 1}, Want: [][]float64{{1, 1, 1}}},
	)
}

func scaleCase(name string, x Operand, long bool) Case {
	return Case{Op: tensor.OpScale, Name: name, Src: []Operand{x}, Dst: []tensor.Spec{x.Spec}, Attr: tensor.Attr{Scale: 0.3, Fill: -0.7}, Long: long}
}
