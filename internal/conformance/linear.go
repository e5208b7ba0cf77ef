package conformance

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

func linearCases() []Case {
	x, w := repeat([]float64{1, 2, 3, 4}, 2, 2), repeat([]float64{1, 0, 0, 1, 1, -1}, 3, 2)
	cs := []Case{
		{Op: tensor.OpLinear, Name: "numbers", Src: []Operand{x, w, repeat([]float64{10, 20, 30}, 3), repeat([]float64{.5}, 2, 3)},
			Dst: []tensor.Spec{f32(2, 3)}, Want: [][]float64{{11.5, 22.5, 29.5, 13.5, 24.5, 29.5}}},
		{Op: tensor.OpLinear, Name: "numbers-transw", Src: []Operand{x, repeat([]float64{1, 0, 1, 0, 1, -1}, 2, 3)},
			Dst: []tensor.Spec{f32(2, 3)}, Attr: tensor.Attr{TransW: true}, Want: [][]float64{{1, 2, -1, 3, 4, -1}}},
		// The residual comes after the activation; the pre-activation is before it.
		{Op: tensor.OpLinear, Name: "order-of-epilogues", Src: []Operand{x, w, {}, constant(100, 2, 3)},
			Dst: []tensor.Spec{f32(2, 3)}, Attr: tensor.Attr{Act: tensor.ActRelu},
			Want: [][]float64{{101, 102, 100, 103, 104, 100}, {1, 2, -1, 3, 4, -1}}},
	}
	for i, p := range products() {
		cs = append(cs, linearCase("", p, i%3 > 0, i%4 > 1, tensor.Act(i%int(tensor.NumActs)), i%2 == 1, false))
	}
	p := product{21, 35, 19}
	for a := range tensor.NumActs {
		cs = append(cs, linearCase(a.String()+"-", p, true, true, a, a%2 == 1, false))
	}
	for _, a := range acts { // the epilogue saturates as the operation does
		n := len(saturated)
		cs = append(cs, Case{Op: tensor.OpLinear, Name: "saturated-" + a.String(), Src: []Operand{repeat(saturated, n, 1), constant(1, 1, 1)},
			Dst: []tensor.Spec{f32(n, 1)}, Attr: tensor.Attr{Act: a}, Want: formula(a, tensor.OpLinear, "saturated", repeat(saturated, n, 1))})
	}
	for i := range 8 {
		name := fmt.Sprintf("parts%d-", i)
		cs = append(cs, linearCase(name, p, i&1 == 1, i&2 == 2, tensor.ActNone, i&4 == 4, false))
	}
	return append(cs,
		linearCase("no-k-", product{5, 0, 7}, true, true, tensor.ActGelu, false, false),
		linearCase("no-rows-", product{0, 5, 7}, true, true, tensor.ActGelu, false, false),
		linearCase("no-outputs-", product{5, 7, 0}, true, false, tensor.ActNone, false, false),
		linearCase("one-row-", product{1, 384, 96}, true, false, tensor.ActGelu, false, false),
		linearCase("long-k-", product{2, 5000, 3}, true, false, tensor.ActNone, true, false),
		linearCase("past-groups-", product{pastGroups, 1, 1}, true, true, tensor.ActRelu, false, true),
		linearCase("past-groups-wide-", product{1, 2, pastGroups}, true, false, tensor.ActNone, false, true),
	)
}

// linearCase has unit-normal operands, as the tolerance of a sum over k supposes.
func linearCase(prefix string, p product, bias, residual bool, act tensor.Act, transW, long bool) Case {
	w := []int{p.n, p.k}
	if transW {
		w = []int{p.k, p.n}
	}
	name := prefix + p.String()
	c := Case{Op: tensor.OpLinear, Src: []Operand{normal(p.m, p.k), normal(w...), {}, {}},
		Dst: []tensor.Spec{f32(p.m, p.n)}, Attr: tensor.Attr{Act: act, TransW: transW}, Long: long}
	if bias {
		name, c.Src[2] = name+"-bias", normal(p.n)
	}
	if residual {
		name, c.Src[3] = name+"-residual", normal(p.m, p.n)
	}
	if transW {
		name += "-transw"
	}
	c.Name = name
	return c
}
