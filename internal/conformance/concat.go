package conformance

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

func concatCases() []Case {
	cs := []Case{{Op: tensor.OpConcat, Name: "numbers", Src: []Operand{repeat([]float64{1, 2}, 2, 1), repeat([]float64{3, 4, 5, 6}, 2, 2)},
		Dst: []tensor.Spec{f32(2, 3)}, Want: [][]float64{{1, 3, 4, 2, 5, 6}}}}
	add := func(name string, long bool, rows int, widths ...int) {
		c := Case{Op: tensor.OpConcat, Name: name, Long: long}
		sum := 0
		for _, w := range widths {
			c.Src = append(c.Src, normal(rows, w))
			sum += w
		}
		c.Dst = []tensor.Spec{f32(rows, sum)}
		if !long {
			c.Want = [][]float64{sideBySide(c.values(), rows, widths)}
		}
		cs = append(cs, c)
	}
	for _, n := range edges {
		add(fmt.Sprintf("5x%d", n), false, 5, n, 3)
		add(fmt.Sprintf("%dx5", n), false, n, 2, 3)
	}
	add("one", false, 4, 7)
	add("eight", false, 3, 1, 2, 3, 4, 5, 6, 7, 8)
	add("empty-part", false, 3, 4, 0, 5)
	add("empty", false, 0, 4, 5)
	add("past-groups", true, pastGroups/3, 1, 2)
	return cs
}

func sideBySide(parts [][]float64, rows int, widths []int) []float64 {
	var out []float64
	for r := range rows {
		for i, w := range widths {
			out = append(out, parts[i][r*w:(r+1)*w]...)
		}
	}
	return out
}
