package conformance

import (
	"fmt"
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

func softmaxCases() []Case {
	inf := math.Inf(1)
	e1, e2 := math.Exp(-1), math.Exp(-2)
	sum := 1 + e1 + e2
	soft := []float64{e2 / sum, e1 / sum, 1 / sum}
	logs := []float64{-2 - math.Log(sum), -1 - math.Log(sum), -math.Log(sum)}
	var cs []Case
	by := func(name string, x Operand, y, logY []float64) {
		cs = append(cs,
			Case{Op: tensor.OpSoftmax, Name: name, Src: []Operand{x}, Dst: []tensor.Spec{x.Spec}, Want: [][]float64{y}},
			Case{Op: tensor.OpLogSoftmax, Name: name, Src: []Operand{x}, Dst: []tensor.Spec{x.Spec}, Want: [][]float64{logY}})
	}
	by("numbers", repeat([]float64{1, 2, 3}, 1, 3), soft, logs)
	by("huge", repeat([]float64{1000, 1001, 1002}, 1, 3), soft, logs)
	by("huge-negative", repeat([]float64{-1002, -1001, -1000}, 1, 3), soft, logs)
	by("largest", repeat([]float64{3e38, 3e38, 0, 0, -3e38, -3e38, -3e38, -3e38}, 2, 4),
		[]float64{.5, .5, 0, 0, .25, .25, .25, .25},
		[]float64{-math.Ln2, -math.Ln2, -float64(float32(3e38)), -float64(float32(3e38)), -2 * math.Ln2, -2 * math.Ln2, -2 * math.Ln2, -2 * math.Ln2})
	by("masked", repeat([]float64{1, -inf, 2, -inf, 3}, 1, 5), []float64{soft[0], 0, soft[1], 0, soft[2]}, []float64{logs[0], -inf, logs[1], -inf, logs[2]})
	by("masked-row", repeat([]float64{0, 0, -inf, -inf, -inf, 7}, 3, 2), []float64{.5, .5, 0, 0, 0, 1}, []float64{-math.Ln2, -math.Ln2, -inf, -inf, -inf, 0})
	by("one-column", repeat([]float64{3, -1e30, -inf}, 3, 1), []float64{1, 1, 0}, []float64{0, 0, -inf})
	by("vector", repeat([]float64{1, 2, 3}, 3), soft, logs)
	by("finite-min-row", constant(-math.MaxFloat32, 1, 4), []float64{.25, .25, .25, .25}, []float64{-2 * math.Ln2, -2 * math.Ln2, -2 * math.Ln2, -2 * math.Ln2})

	add := func(name string, x, dy Operand, long bool) {
		for _, op := range []tensor.Op{tensor.OpSoftmax, tensor.OpLogSoftmax} {
			cs = append(cs, Case{Op: op, Name: name, Src: []Operand{x}, Dst: []tensor.Spec{x.Spec}, Long: long})
		}
		cs = append(cs, softmaxBackward(tensor.OpSoftmaxBackward, tensor.OpSoftmax, name, x, dy, long),
			softmaxBackward(tensor.OpLogSoftmaxBackward, tensor.OpLogSoftmax, name, x, dy, long))
	}
	for _, n := range edges {
		add(fmt.Sprintf("5x%d", n), normal(5, n), normal(5, n), false)
		add(fmt.Sprintf("%dx5", n), normal(n, 5), normal(n, 5), false)
	}
	add("wide", normal(2, 5000), normal(2, 5000), false)
	add("rank4", normal(2, 3, 4, 9), normal(2, 3, 4, 9), false)
	add("empty", normal(0, 4), normal(0, 4), false)
	add("empty-columns", normal(4, 0), normal(4, 0), false)
	add("past-rows", normal(pastRows, 3), normal(pastRows, 3), true)
	return append(cs,
		// y = (1/4, 3/4), dy = (1, 0): dx = y (dy - y.dy); for the logarithm dy - y sum(dy)
		Case{Op: tensor.OpSoftmaxBackward, Name: "numbers", Src: []Operand{repeat([]float64{.25, .75, 0, 0}, 2, 2), repeat([]float64{1, 0, 5, 6}, 2, 2)},
			Dst: []tensor.Spec{f32(2, 2)}, Want: [][]float64{{.1875, -.1875, 0, 0}}},
		Case{Op: tensor.OpLogSoftmaxBackward, Name: "numbers", Src: []Operand{repeat([]float64{math.Log(.25), math.Log(.75)}, 1, 2), repeat([]float64{1, 0}, 1, 2)},
			Dst: []tensor.Spec{f32(1, 2)}, Want: [][]float64{{.75, -.75}}},
	)
}

// softmaxBackward takes the result of the forward operation on x in place of x.
func softmaxBackward(op, forwardOp tensor.Op, name string, x, dy Operand, long bool) Case {
	return Case{Op: op, Name: name, Src: []Operand{x, dy}, Dst: []tensor.Spec{x.Spec}, Long: long,
		Derive: func(forward Forward, v [][]float64) error {
			y, err := forward(Case{Op: forwardOp, Src: []Operand{x}, Dst: []tensor.Spec{x.Spec}}, v[0])
			if err != nil {
				return err
			}
			v[0] = y[0]
			return nil
		}}
}
