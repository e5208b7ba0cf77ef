package conformance

import (
	"fmt"
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

func ropeCases() []Case {
	at := tensor.Attr{Theta: 10000, Rotary: 2}
	sin, cos := math.Sincos(1)
	two := tensor.NewLayout(2)
	cs := []Case{
		{Op: tensor.OpRope, Name: "numbers", Src: []Operand{repeat([]float64{3, 4, 1, 0}, 2, 1, 2)}, Dst: []tensor.Spec{f32(2, 1, 2)}, Rows: two, Attr: at,
			Want: [][]float64{{3, 4, cos, sin}}},
		{Op: tensor.OpRope, Name: "numbers-inverse", Src: []Operand{repeat([]float64{3, 4, cos, sin}, 2, 1, 2)}, Dst: []tensor.Spec{f32(2, 1, 2)}, Rows: two,
			Attr: tensor.Attr{Theta: 10000, Rotary: 2, Inverse: true}, Want: [][]float64{{3, 4, 1, 0}}},
		// Only the first two of three dims turn.
		{Op: tensor.OpRope, Name: "numbers-partial", Src: []Operand{repeat([]float64{5, 6, 7, 1, 0, 9}, 2, 1, 3)}, Dst: []tensor.Spec{f32(2, 1, 3)}, Rows: two, Attr: at,
			Want: [][]float64{{5, 6, 7, cos, sin, 9}}},
		// Pairs (0,2) and (1,3), or (0,1) and (2,3); theta 1 gives both the same angle.
		{Op: tensor.OpRope, Name: "numbers-half-split", Src: []Operand{repeat([]float64{1, 2, 0, 0}, 2, 1, 4)}, Dst: []tensor.Spec{f32(2, 1, 4)}, Rows: two,
			Attr: tensor.Attr{Theta: 1, Rotary: 4}, Want: [][]float64{{1, 2, 0, 0, cos, 2 * cos, sin, 2 * sin}}},
		{Op: tensor.OpRope, Name: "numbers-interleaved", Src: []Operand{repeat([]float64{1, 0, 2, 0}, 2, 1, 4)}, Dst: []tensor.Spec{f32(2, 1, 4)}, Rows: two,
			Attr: tensor.Attr{Theta: 1, Rotary: 4, Interleaved: true}, Want: [][]float64{{1, 0, 2, 0, cos, sin, 2 * cos, 2 * sin}}},
	}
	add := func(name string, l *tensor.Layout, h, d int, at tensor.Attr, long bool) {
		x := normal(l.Rows(), h, d)
		cs = append(cs, Case{Op: tensor.OpRope, Name: name, Src: []Operand{x}, Dst: []tensor.Spec{x.Spec}, Rows: l, Attr: at, Long: long})
	}
	for _, n := range edges {
		add(fmt.Sprintf("length%d", n), tensor.NewLayout(n), 2, 8, tensor.Attr{Theta: 10000, Rotary: 8}, false)
	}
	for _, d := range []int{2, 3, 7, 16, 64, 80, 128, 256} {
		at := tensor.Attr{Theta: 1e6, Rotary: int32(d &^ 1)}
		add(fmt.Sprintf("dim%d", d), tensor.NewLayout(9, 4), 3, d, at, false)
		at.Rotary = int32(d/2) &^ 1
		at.Interleaved = true
		add(fmt.Sprintf("dim%d-half-interleaved", d), tensor.NewLayout(9, 4), 3, d, at, false)
		at.Inverse = true
		add(fmt.Sprintf("dim%d-inverse", d), tensor.NewLayout(9, 4), 3, d, at, false)
	}
	at8 := tensor.Attr{Theta: 160000, Rotary: 8}
	add("holes", masked("110101", "001110", "000000", "000001"), 2, 8, at8, false)
	add("far", shifted(tensor.NewLayout(40), 8000), 2, 8, at8, false)
	add("no-rows", tensor.NewLayout(0), 2, 8, at8, false)
	add("past-rows", tensor.NewLayout(pastRows), 1, 2, at, true)
	add("past-groups", tensor.NewLayout(pastGroups/1024+1), 16, 64, tensor.Attr{Theta: 10000, Rotary: 64}, true)
	return cs
}
