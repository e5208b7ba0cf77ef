package conformance

import (
	"fmt"
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

func argmaxCases() []Case {
	inf := math.Inf(1)
	i32 := func(n int) []tensor.Spec { return []tensor.Spec{tensor.Of(tensor.I32, n)} }
	cs := []Case{
		{Op: tensor.OpArgmax, Name: "numbers", Src: []Operand{repeat([]float64{1, 3, 2, -5, -4, -6}, 2, 3)}, Dst: i32(2), Want: [][]float64{{1, 1}}},
		{Op: tensor.OpArgmax, Name: "ties-lowest", Src: []Operand{repeat([]float64{2, 7, 7, 7, 0, 0, 0, 0}, 2, 4)}, Dst: i32(2), Want: [][]float64{{1, 0}}},
		{Op: tensor.OpArgmax, Name: "infinite", Src: []Operand{repeat([]float64{-inf, -inf, -inf, -inf, -inf, -3e38, 1, inf, inf}, 3, 3)}, Dst: i32(3), Want: [][]float64{{0, 2, 1}}},
		{Op: tensor.OpArgmax, Name: "zeros-of-both-signs", Src: []Operand{repeat([]float64{math.Copysign(0, -1), 0}, 1, 2)}, Dst: i32(1), Want: [][]float64{{0}}},
		{Op: tensor.OpArgmax, Name: "vector", Src: []Operand{repeat([]float64{1, 5, 3}, 3)}, Dst: i32(1), Want: [][]float64{{1}}},
		{Op: tensor.OpArgmax, Name: "all-equal", Src: []Operand{constant(0.5, 3, 1000)}, Dst: i32(3), Want: [][]float64{{0, 0, 0}}},
		{Op: tensor.OpArgmax, Name: "wide", Src: []Operand{normal(2, 30522)}, Dst: i32(2)},
		{Op: tensor.OpArgmax, Name: "ties-far-apart", Src: []Operand{repeat([]float64{0, 1, 0}, 1, 3000)}, Dst: i32(1), Want: [][]float64{{1}}},
		{Op: tensor.OpArgmax, Name: "rank4", Src: []Operand{normal(2, 3, 4, 5)}, Dst: i32(24)},
		{Op: tensor.OpArgmax, Name: "empty", Src: []Operand{normal(0, 5)}, Dst: i32(0)},
		{Op: tensor.OpArgmax, Name: "past-rows", Src: []Operand{normal(pastRows, 3)}, Dst: i32(pastRows), Long: true},
	}
	for _, n := range edges {
		cs = append(cs,
			Case{Op: tensor.OpArgmax, Name: fmt.Sprintf("5x%d", n), Src: []Operand{normal(5, n)}, Dst: i32(5)},
			Case{Op: tensor.OpArgmax, Name: fmt.Sprintf("%dx7", n), Src: []Operand{steps(3, 1, n, 7)}, Dst: i32(n)})
	}
	return cs
}
