package conformance

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

func gatedCases() []Case {
	cs := []Case{
		{Op: tensor.OpGated, Name: "numbers", Src: []Operand{repeat([]float64{1.5, -2, 3}, 1, 3), repeat([]float64{2, 3, -1}, 1, 3)},
			Dst: []tensor.Spec{f32(1, 3)}, Attr: tensor.Attr{Act: tensor.ActRelu}, Want: [][]float64{{3, 0, -3}}},
		{Op: tensor.OpGatedBackward, Name: "numbers",
			Src:  []Operand{repeat([]float64{1.5, -2, 3}, 1, 3), repeat([]float64{2, 3, -1}, 1, 3), repeat([]float64{1, 1, 10}, 1, 3)},
			Dst:  []tensor.Spec{f32(1, 3), f32(1, 3)},
			Attr: tensor.Attr{Act: tensor.ActRelu}, Want: [][]float64{{2, 0, -10}, {1.5, 0, 30}}},
	}
	for _, a := range append([]tensor.Act{tensor.ActNone}, acts...) {
		cs = append(cs, gatedPair(a.String(), a, false, 5, 33)...)
	}
	for _, n := range edges {
		cs = append(cs, gatedPair(fmt.Sprintf("silu-3x%d", n), tensor.ActSilu, false, 3, n)...)
	}
	cs = append(cs, gatedPair("vector", tensor.ActGelu, false, 19)...)
	cs = append(cs, gatedPair("rank3", tensor.ActGelu, false, 2, 5, 7)...)
	cs = append(cs, gatedPair("empty", tensor.ActGelu, false, 0, 7)...)
	cs = append(cs, gatedPair("past-groups", tensor.ActGelu, true, pastGroups/7, 7)...)
	x := []Operand{normal(4, 9), normal(4, 9), normal(4, 9)}
	at := tensor.Attr{Act: tensor.ActSilu}
	return append(cs,
		Case{Op: tensor.OpGatedBackward, Name: "only-da", Src: x, Dst: []tensor.Spec{f32(4, 9)}, Attr: at},
		Case{Op: tensor.OpGatedBackward, Name: "only-db", Src: x, Dst: []tensor.Spec{{}, f32(4, 9)}, Attr: at},
		Case{Op: tensor.OpGated, Name: "saturated", Src: []Operand{repeat(saturated, 1, len(saturated)), constant(0.5, 1, len(saturated))},
			Dst: []tensor.Spec{f32(1, len(saturated))}, Attr: tensor.Attr{Act: tensor.ActGeluTanh}},
	)
}

func gatedPair(name string, a tensor.Act, long bool, shape ...int) []Case {
	x, at := uniform(-4, 4, shape...), tensor.Attr{Act: a}
	return []Case{
		{Op: tensor.OpGated, Name: name, Src: []Operand{x, normal(shape...)}, Dst: []tensor.Spec{x.Spec}, Attr: at, Long: long},
		{Op: tensor.OpGatedBackward, Name: name, Src: []Operand{x, normal(shape...), normal(shape...)}, Dst: []tensor.Spec{x.Spec, x.Spec}, Attr: at, Long: long},
	}
}
