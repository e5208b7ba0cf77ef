package conformance

import (
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/cephalo-ml/cephalo/tensor"
)

func gatherCases() []Case {
	x := repeat([]float64{1, 2, 3, 4, 5, 6}, 3, 2)
	cs := []Case{
		{Op: tensor.OpGatherRows, Name: "numbers", Src: []Operand{x, ints([]float64{2, 0, 2, -1}, 4)}, Dst: []tensor.Spec{f32(4, 2)},
			Attr: tensor.Attr{Fill: 9}, Want: [][]float64{{5, 6, 1, 2, 5, 6, 9, 9}}},
		{Op: tensor.OpScatterRows, Name: "numbers", Src: []Operand{x, ints([]float64{3, 0, -1}, 3)}, Dst: []tensor.Spec{f32(4, 2)},
			Attr: tensor.Attr{Fill: 9}, Want: [][]float64{{3, 4, 9, 9, 9, 9, 1, 2}}},
		{Op: tensor.OpGatherRows, Name: "outside", Src: []Operand{x, ints([]float64{3, -2147483648, 2147483647, 1}, 4)}, Dst: []tensor.Spec{f32(4, 2)},
			Attr: tensor.Attr{Fill: -1.5}, Want: [][]float64{{-1.5, -1.5, -1.5, -1.5, -1.5, -1.5, 3, 4}}},
		{Op: tensor.OpScatterRows, Name: "outside", Src: []Operand{x, ints([]float64{4, -2147483648, 2147483647}, 3)}, Dst: []tensor.Spec{f32(4, 2)},
			Want: [][]float64{{0, 0, 0, 0, 0, 0, 0, 0}}},
		{Op: tensor.OpGatherRows, Name: "numbers-i32", Src: []Operand{ints([]float64{16777217, -2, 3}, 3), ints([]float64{0, 5, 2}, 3)}, Dst: []tensor.Spec{tensor.Of(tensor.I32, 3)},
			Attr: tensor.Attr{Fill: -100}, Want: [][]float64{{16777217, -100, 3}}},
		{Op: tensor.OpScatterRows, Name: "numbers-i32", Src: []Operand{ints([]float64{16777217, -2, 3}, 3), ints([]float64{3, 0, 1}, 3)}, Dst: []tensor.Spec{tensor.Of(tensor.I32, 4)},
			Attr: tensor.Attr{Fill: -100}, Want: [][]float64{{-2, 3, -100, 16777217}}},
	}
	add := func(name string, x Operand, n int, long bool) {
		m := x.Dim(0)
		y := x.Spec
		y.Shape[0] = int32(n)
		at := tensor.Attr{Fill: 0.25}
		cs = append(cs,
			Case{Op: tensor.OpGatherRows, Name: name, Src: []Operand{x, index(m+1, n)}, Dst: []tensor.Spec{y}, Attr: at, Long: long},
			Case{Op: tensor.OpScatterRows, Name: name, Src: []Operand{x, distinct(m, n)}, Dst: []tensor.Spec{y}, Attr: at, Long: long})
	}
	for _, n := range edges {
		add(fmt.Sprintf("%dx5-to-%d", n, n+3), normal(n, 5), n+3, false)
		add(fmt.Sprintf("9x%d-to-4", n), normal(9, n), 4, false)
	}
	add("vector", normal(40), 33, false)
	add("rank3", normal(5, 3, 7), 6, false)
	add("rank4", normal(5, 2, 3, 4), 6, false)
	add("no-result", normal(5, 3), 0, false)
	add("from-nothing", normal(0, 3), 4, false)
	add("no-width", normal(5, 0), 4, false)
	add("past-groups", normal(pastGroups/3, 3), pastGroups/3+5, true)
	add("past-rows", normal(pastRows, 1), pastRows, true)
	return append(cs, writeRowsCases()...)
}

// writeRowsCases keep the rows that no index names.
func writeRowsCases() []Case {
	x := repeat([]float64{1, 2, 3, 4, 5, 6}, 3, 2)
	cs := []Case{
		{Op: tensor.OpWriteRows, Name: "numbers", Src: []Operand{x, ints([]float64{3, 0, -1}, 3)}, Dst: []tensor.Spec{f32(4, 2)},
			Before: []Operand{repeat([]float64{10, 20, 30, 40, 50, 60, 70, 80}, 4, 2)}, Want: [][]float64{{3, 4, 30, 40, 50, 60, 1, 2}}},
		{Op: tensor.OpWriteRows, Name: "outside", Src: []Operand{x, ints([]float64{4, -2147483648, 2147483647}, 3)}, Dst: []tensor.Spec{f32(4, 2)},
			Before: []Operand{constant(7, 4, 2)}, Want: [][]float64{{7, 7, 7, 7, 7, 7, 7, 7}}},
		{Op: tensor.OpWriteRows, Name: "numbers-i32", Src: []Operand{ints([]float64{16777217, -2}, 2), ints([]float64{2, 0}, 2)}, Dst: []tensor.Spec{tensor.Of(tensor.I32, 3)},
			Before: []Operand{ints([]float64{7, 8, 9}, 3)}, Want: [][]float64{{-2, 8, 16777217}}},
	}
	add := func(name string, x Operand, n int, long bool) {
		y := x.Spec
		y.Shape[0] = int32(n)
		cs = append(cs, Case{Op: tensor.OpWriteRows, Name: name, Src: []Operand{x, distinct(x.Dim(0), n)}, Dst: []tensor.Spec{y}, Before: []Operand{normal(y.Dims()...)}, Long: long})
	}
	for _, n := range edges {
		add(fmt.Sprintf("%dx5-to-%d", n, n+3), normal(n, 5), n+3, false)
		add(fmt.Sprintf("9x%d-to-4", n), normal(9, n), 4, false)
	}
	add("rank3", normal(3, 2, 8), 32, false)
	add("no-rows", normal(0, 3), 4, false)
	add("to-nothing", normal(4, 3), 0, false)
	add("past-groups", normal(pastGroups/3, 3), pastGroups/3+5, true)
	return cs
}

// distinct is I32 [m] of different rows of n, or one past the end where n is too small.
func distinct(m, n int) Operand {
	perm := sync.OnceValue(func() []int { return random(fmt.Sprint("distinct", m, n)).Perm(max(m, n)) })
	return Operand{tensor.Of(tensor.I32, m), func(_ *rand.Rand, i int) float64 { return float64(perm()[i]) }}
}
