package conformance

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/cephalo-ml/cephalo/tensor"
)

// lossAt are the attributes of a cross entropy.
func lossAt(r tensor.Reduction, smoothing float32) tensor.Attr {
	return tensor.Attr{Index: tensor.IgnoreIndex, Rate: smoothing, Mode: uint8(r)}
}

func crossEntropyCases() []Case {
	cs := append(crossEntropyNumbers(), bceCases()...)
	add := func(name string, z Operand, long bool) {
		rows, classes := z.Dim(0), z.Dim(1)
		t := labels(classes, rows)
		for _, r := range []tensor.Reduction{tensor.ReduceNone, tensor.ReduceSum, tensor.ReduceMean} {
			for _, e := range []float32{0, 0.1} {
				for _, weighted := range []bool{false, true} {
					part := fmt.Sprintf("%s-%s-%v-%v", name, r, e, weighted)
					cs = append(cs, crossEntropyPair(part, z, t, weighted, lossAt(r, e), long)...)
				}
			}
		}
	}
	for _, n := range []int{1, 2, 17, 64, 65, 1025} {
		add(fmt.Sprintf("5x%d", n), normal(5, n), false)
	}
	for _, n := range []int{1, 33, 700} {
		add(fmt.Sprintf("%dx5", n), normal(n, 5), false)
	}
	add("large", uniform(-1000, 1000, 9, 7), false)
	add("no-rows", normal(0, 5), false)
	cs = append(cs, crossEntropyPair("past-rows", normal(pastRows, 3), labels(3, pastRows), true, lossAt(tensor.ReduceMean, 0.1), true)...)
	return append(cs, crossEntropyPair("past-rows-none", normal(pastRows, 3), labels(3, pastRows), false, lossAt(tensor.ReduceNone, 0), true)...)
}

// labels is I32 [n] of classes, some rows of which do not count: a quarter has the
// ignored index, and of each ten one lies outside.
func labels(classes, n int) Operand {
	outside := []float64{-1, float64(classes), math.MinInt32, math.MaxInt32}
	return Operand{tensor.Of(tensor.I32, n), func(r *rand.Rand, i int) float64 {
		switch {
		case i%4 == 1:
			return tensor.IgnoreIndex
		case i%10 == 8:
			return outside[r.IntN(len(outside))]
		}
		return float64(r.IntN(classes))
	}}
}

// crossEntropyPair is a loss and its gradient. The divisor of a mean is the
// reference backend's.
func crossEntropyPair(name string, z, t Operand, weighted bool, at tensor.Attr, long bool) []Case {
	loss := f32(1)
	if tensor.Reduction(at.Mode) == tensor.ReduceNone {
		loss = f32(z.Dim(0))
	}
	src := []Operand{z, t, {}}
	if weighted {
		src[2] = uniform(0.1, 2, z.Dim(1))
	}
	forward := Case{Op: tensor.OpCrossEntropy, Name: name, Src: src, Dst: []tensor.Spec{loss}, Attr: at, Long: long}
	back := Case{Op: tensor.OpCrossEntropyBackward, Name: name, Src: append(src[:3:3], normal(loss.Dims()...)), Dst: []tensor.Spec{z.Spec}, Attr: at, Long: long}
	if tensor.Reduction(at.Mode) == tensor.ReduceMean {
		back.Src = append(back.Src, constant(0, 1))
		back.Derive = func(run Forward, v [][]float64) error {
			y, err := run(forward, v[:3]...)
			if err != nil {
				return err
			}
			v[4] = y[1]
			return nil
		}
	}
	return []Case{forward, back}
}

// crossEntropyNumbers: p is (1/4, 3/4) in row 0, (1/2, 1/2) in row 1; row 2 is ignored.
func crossEntropyNumbers() []Case {
	ln2, ln3 := math.Ln2, math.Log(3)
	z := repeat([]float64{0, ln3, 5, 5, 7, 9}, 3, 2)
	t, w := ints([]float64{1, 0, tensor.IgnoreIndex}, 3), repeat([]float64{3, 1}, 2)
	l0, l1 := 2*ln2-ln3, ln2 // -log p[t]
	loss := func(name string, weight Operand, at tensor.Attr, want ...[]float64) Case {
		return Case{Op: tensor.OpCrossEntropy, Name: name, Src: []Operand{z, t, weight}, Dst: []tensor.Spec{f32(len(want[0]))}, Attr: at, Want: want}
	}
	none := ints([]float64{2, -1, tensor.IgnoreIndex}, 3)
	mean := lossAt(tensor.ReduceMean, 0)
	e := float64(float32(0.2))
	return []Case{
		loss("numbers-none", Operand{}, lossAt(tensor.ReduceNone, 0), []float64{l0, l1, 0}),
		loss("numbers-sum", Operand{}, lossAt(tensor.ReduceSum, 0), []float64{l0 + l1}),
		loss("numbers-mean", Operand{}, mean, []float64{(l0 + l1) / 2}, []float64{2}),
		loss("numbers-weighted", w, mean, []float64{(l0 + 3*l1) / 4}, []float64{4}),
		loss("numbers-smooth", w, lossAt(tensor.ReduceMean, 0.2),
			[]float64{((1-e)*(l0+3*l1) + e/2*(3*2*ln2+l0) + e/2*(3*ln2+ln2)) / 4}, []float64{4}),
		{Op: tensor.OpCrossEntropy, Name: "numbers-nothing-counts", Src: []Operand{z, none}, Dst: []tensor.Spec{f32(1)}, Attr: mean, Want: [][]float64{{0}, {0}}},
		{Op: tensor.OpCrossEntropyBackward, Name: "numbers-nothing-counts", Src: []Operand{z, none, {}, constant(5, 1), constant(0, 1)}, Dst: []tensor.Spec{f32(3, 2)}, Attr: mean,
			Want: [][]float64{{0, 0, 0, 0, 0, 0}}},
		{Op: tensor.OpCrossEntropyBackward, Name: "numbers", Src: []Operand{z, t, w, constant(2, 1), constant(4, 1)}, Dst: []tensor.Spec{f32(3, 2)}, Attr: mean,
			Want: [][]float64{{.125, -.125, -.75, .75, 0, 0}}},
		// A masked class has no probability and no gradient.
		{Op: tensor.OpCrossEntropyBackward, Name: "masked", Src: []Operand{repeat([]float64{0, math.Inf(-1), 0}, 1, 3), ints([]float64{0}, 1), {}, constant(1, 1)}, Dst: []tensor.Spec{f32(1, 3)},
			Attr: lossAt(tensor.ReduceNone, 0), Want: [][]float64{{-.5, 0, .5}}},
	}
}

func bceCases() []Case {
	ln2 := math.Ln2
	x, t := repeat([]float64{0, math.Log(3), -200, 300, 1e30}, 5), repeat([]float64{1, 0.25, 1, 1, 1}, 5)
	cs := []Case{
		{Op: tensor.OpBCEWithLogits, Name: "numbers", Src: []Operand{x, t}, Dst: []tensor.Spec{f32(5)}, Want: [][]float64{{ln2, 2*ln2 - 0.25*math.Log(3), 200, 0, 0}}},
		{Op: tensor.OpBCEWithLogitsBackward, Name: "numbers", Src: []Operand{x, t, constant(2, 5)}, Dst: []tensor.Spec{f32(5)}, Want: [][]float64{{-1, 1, -2, 0, 0}}},
	}
	add := func(name string, x, t Operand) {
		cs = append(cs,
			Case{Op: tensor.OpBCEWithLogits, Name: name, Src: []Operand{x, t}, Dst: []tensor.Spec{x.Spec}},
			Case{Op: tensor.OpBCEWithLogitsBackward, Name: name, Src: []Operand{x, t, normal(x.Dims()...)}, Dst: []tensor.Spec{x.Spec}})
	}
	for _, n := range edges {
		add(fmt.Sprintf("n%d", n), uniform(-6, 6, n), uniform(0, 1, n))
	}
	add("matrix", uniform(-20, 20, 7, 33), index01(7, 33))
	add("rank4", normal(2, 3, 4, 5), uniform(0, 1, 2, 3, 4, 5))
	add("empty", normal(0, 4), normal(0, 4))
	return cs
}

// index01 is zeros and ones.
func index01(shape ...int) Operand {
	return Operand{f32(shape...), func(r *rand.Rand, _ int) float64 { return float64(r.IntN(2)) }}
}
