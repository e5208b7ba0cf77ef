package conformance

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

func l2NormalizeCases() []Case {
	at := tensor.Attr{Eps: 1e-12}
	cs := []Case{
		{Op: tensor.OpL2Normalize, Name: "numbers", Src: []Operand{repeat([]float64{3, 4, 0, 0, -6, 8}, 3, 2)}, Dst: []tensor.Spec{f32(3, 2)}, Attr: at,
			Want: [][]float64{{0.6, 0.8, 0, 0, -0.6, 0.8}}},
		{Op: tensor.OpL2Normalize, Name: "below-eps", Src: []Operand{repeat([]float64{0.3, 0.4}, 1, 2)}, Dst: []tensor.Spec{f32(1, 2)}, Attr: tensor.Attr{Eps: 2},
			Want: [][]float64{{float64(float32(0.3)) / 2, float64(float32(0.4)) / 2}}},
		{Op: tensor.OpL2NormalizeBackward, Name: "below-eps", Src: []Operand{repeat([]float64{0.3, 0.4}, 1, 2), repeat([]float64{1, -2}, 1, 2)},
			Dst: []tensor.Spec{f32(1, 2)}, Attr: tensor.Attr{Eps: 2}, Want: [][]float64{{0.5, -1}}},
		// y = (0.6, 0.8), |x| = 5: dx = (dy - y (y.dy)) / 5
		{Op: tensor.OpL2NormalizeBackward, Name: "numbers", Src: []Operand{repeat([]float64{3, 4}, 1, 2), repeat([]float64{1, 0}, 1, 2)},
			Dst: []tensor.Spec{f32(1, 2)}, Attr: at, Want: [][]float64{{0.128, -0.096}}},
	}
	add := func(name string, x, dy Operand, long bool) {
		cs = append(cs,
			Case{Op: tensor.OpL2Normalize, Name: name, Src: []Operand{x}, Dst: []tensor.Spec{x.Spec}, Attr: at, Long: long},
			Case{Op: tensor.OpL2NormalizeBackward, Name: name, Src: []Operand{x, dy}, Dst: []tensor.Spec{x.Spec}, Attr: at, Long: long})
	}
	for _, n := range edges {
		add(fmt.Sprintf("5x%d", n), uniform(0.5, 2, 5, n), normal(5, n), false)
		add(fmt.Sprintf("%dx5", n), uniform(0.5, 2, n, 5), normal(n, 5), false)
	}
	add("wide", normal(2, 3000), normal(2, 3000), false)
	add("rank3", normal(3, 4, 17), normal(3, 4, 17), false)
	add("vector", normal(33), normal(33), false)
	add("empty", normal(0, 4), normal(0, 4), false)
	add("past-rows", uniform(0.5, 2, pastRows, 3), normal(pastRows, 3), true)
	return cs
}
