package conformance

import (
	"fmt"
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

func logCases() []Case {
	inf, low := math.Inf(1), math.Copysign(0, -1)
	var cs []Case
	numbers := func(op tensor.Op, x, y []float64) {
		cs = append(cs, Case{Op: op, Name: "numbers", Src: []Operand{repeat(x, len(x))}, Dst: []tensor.Spec{f32(len(x))}, Want: [][]float64{y}})
	}
	small, large := 0x1p-126, 0x1p127
	numbers(tensor.OpLog, []float64{1, 2, 0.5, 1024, small, large, 0, low, inf}, []float64{0, math.Ln2, -math.Ln2, 10 * math.Ln2, -126 * math.Ln2, 127 * math.Ln2, -inf, -inf, inf})
	numbers(tensor.OpSqrt, []float64{1, 4, 0.25, 2, 0x1p-126, 0x1p126, 0, low, inf}, []float64{1, 2, 0.5, math.Sqrt2, 0x1p-63, 0x1p63, 0, low, inf})
	numbers(tensor.OpReciprocal, []float64{1, -4, 0.5, small, -0x1p-126, 0, low, inf, -inf}, []float64{1, -0.25, 2, 0x1p126, -0x1p126, inf, -inf, 0, low})
	for op, lo := range map[tensor.Op]float64{tensor.OpLog: 0.01, tensor.OpSqrt: 0, tensor.OpReciprocal: 0.1} {
		add := func(name string, x Operand, long bool) {
			cs = append(cs, Case{Op: op, Name: name, Src: []Operand{x}, Dst: []tensor.Spec{x.Spec}, Long: long})
		}
		for _, n := range edges {
			add(fmt.Sprintf("n%d", n), uniform(lo, 9, n), false)
		}
		add("scalar", constant(0.75), false)
		add("empty", normal(0), false)
		add("empty-rows", normal(3, 0), false)
		add("matrix", uniform(lo, 1, 7, 33), false)
		add("rank4", uniform(lo, 2, 2, 3, 5, 7), false)
		add("past-groups", uniform(lo, 6, pastGroups), true)
	}
	return cs
}
