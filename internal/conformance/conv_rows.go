package conformance

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

func convRowsCases() []Case {
	cs := convRowsNumbers()
	add := func(name string, l *tensor.Layout, in, out, taps int, long bool) {
		cs = append(cs, convRowsFamily(name, l, in, out, taps, long)...)
	}
	for _, n := range edges {
		add(fmt.Sprintf("length%d", n), tensor.NewLayout(n, 3), 2, 1, 7, false)
	}
	for _, n := range []int{1, 3, 16, 65} {
		add(fmt.Sprintf("in%d", n), tensor.NewLayout(4, 2), n, 2, 3, false)
		add(fmt.Sprintf("out%d", n), tensor.NewLayout(4, 2), 2, n, 3, false)
	}
	for _, k := range []int{1, 3, 5, 9, 31} {
		add(fmt.Sprintf("taps%d", k), tensor.NewLayout(17, 1, 5), 3, 2, k, false)
	}
	add("holes", masked("110101100011", "001110111111", "000000000000", "000001000000"), 3, 4, 5, false)
	add("far-apart", ascending(random("far"), 40, 0, 23), 2, 2, 7, false)
	add("empty-sequences", tensor.NewLayout(0, 3, 0, 5, 0), 2, 3, 3, false)
	add("gaps", gapped(3, 4, 0, 19), 2, 3, 5, false)
	add("shifted", shifted(tensor.NewLayout(5, 4), 100), 2, 3, 5, false)
	add("no-rows", tensor.NewLayout(0), 2, 3, 3, false)
	add("no-sequences", tensor.NewLayout(), 2, 3, 3, false)
	add("no-inputs", tensor.NewLayout(3, 2), 0, 2, 3, false)
	add("past-rows", tensor.NewLayout(pastRows-3, 3), 1, 2, 3, true)
	return cs
}

// convRowsNumbers: the middle column has no row, and the second sequence does not
// look into the first.
func convRowsNumbers() []Case {
	l := masked("1011", "1000")
	x := repeat([]float64{1, 10, 100, 1000}, 4, 1)
	w := repeat([]float64{2, 3, 5}, 1, 1, 3)
	y := []float64{1 * 3, 10*3 + 100*5, 10*2 + 100*3, 1000 * 3}
	biased := make([]float64, len(y))
	for i := range y {
		biased[i] = y[i] + 0.5
	}
	return []Case{
		{Op: tensor.OpConvRows, Name: "numbers", Src: []Operand{x, w}, Dst: []tensor.Spec{f32(4, 1)}, Rows: l, Want: [][]float64{y}},
		{Op: tensor.OpConvRows, Name: "numbers-bias", Src: []Operand{x, w, constant(0.5, 1)}, Dst: []tensor.Spec{f32(4, 1)}, Rows: l, Want: [][]float64{biased}},
		// dx: row 1 counts for row 2 by tap 0 and itself by tap 1.
		{Op: tensor.OpConvRowsBackward, Name: "numbers", Src: []Operand{x, w, repeat([]float64{1, 2, 4, 8}, 4, 1)}, Dst: []tensor.Spec{f32(4, 1), f32(1, 1, 3), f32(1)}, Rows: l,
			Want: [][]float64{{3, 2*3 + 4*2, 2*5 + 4*3, 8 * 3}, {4 * 10, 1 + 20 + 400 + 8000, 2 * 100}, {15}}},
	}
}

// convRowsFamily is a convolution with and without bias and its gradients, together
// and alone, with NaN in the rows that lie in no sequence.
func convRowsFamily(name string, l *tensor.Layout, in, out, taps int, long bool) []Case {
	x, w, b, dy := poisoned(normal(l.Rows(), in), l), normal(out, in, taps), normal(out), poisoned(normal(l.Rows(), out), l)
	y := []tensor.Spec{dy.Spec}
	grads := []tensor.Spec{x.Spec, w.Spec, b.Spec}
	cs := []Case{
		{Op: tensor.OpConvRows, Name: name, Src: []Operand{x, w}, Dst: y},
		{Op: tensor.OpConvRows, Name: name + "-bias", Src: []Operand{x, w, b}, Dst: y},
		{Op: tensor.OpConvRowsBackward, Name: name, Src: []Operand{x, w, dy}, Dst: grads},
	}
	if taps == 5 {
		for i, part := range []string{"-only-dx", "-only-dweight", "-only-dbias"} {
			only := make([]tensor.Spec, 3)
			only[i] = grads[i]
			cs = append(cs, Case{Op: tensor.OpConvRowsBackward, Name: name + part, Src: []Operand{x, w, dy}, Dst: only})
		}
	}
	for i := range cs {
		cs[i].Rows, cs[i].Long = l, long
	}
	return cs
}
