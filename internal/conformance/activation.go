package conformance

import (
	"fmt"
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

var acts = []tensor.Act{tensor.ActGelu, tensor.ActGeluTanh, tensor.ActSilu, tensor.ActRelu, tensor.ActTanh, tensor.ActSigmoid, tensor.ActMish, tensor.ActAbs}

// opOf is the operation of an activation.
func opOf(a tensor.Act) tensor.Op {
	for _, op := range tensor.Ops() {
		if b, ok := tensor.ActOf(op); ok && a == b {
			return op
		}
	}
	panic("conformance: no operation for " + a.String())
}

// actFormula is the definition of tensor.Act in float64.
func actFormula(a tensor.Act, x float64) float64 {
	sigmoid := 1 / (1 + math.Exp(-x))
	switch a {
	case tensor.ActGelu:
		return 0.5 * x * math.Erfc(-x/math.Sqrt2)
	case tensor.ActGeluTanh:
		return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	case tensor.ActSilu:
		return x * sigmoid
	case tensor.ActRelu:
		return max(x, 0)
	case tensor.ActTanh:
		return math.Tanh(x)
	case tensor.ActSigmoid:
		return sigmoid
	case tensor.ActMish:
		return x * math.Tanh(math.Max(x, 0)+math.Log1p(math.Exp(-math.Abs(x))))
	case tensor.ActAbs:
		return math.Abs(x)
	}
	return x
}

// saturated are inputs where a careless formula overflows: exp past 88, the
// shader language's tanh, x^3 (gpuweb 4458).
var saturated = []float64{0, math.Copysign(0, -1), 1e-30, -1e-30, 1e-4, -1e-4, 3, -3, -13.24, 20.625, 50, -50, 88, -88, 89, -89,
	100, -100, 200, -200, 1000, -1000, 1e6, -1e6, 1e15, -1e15, 1e30, -1e30, 3e38, -3e38}

func activationCases() []Case {
	var cs []Case
	for _, a := range acts {
		op := opOf(a)
		add := func(name string, x Operand, long bool) {
			cs = append(cs, Case{Op: op, Name: name, Src: []Operand{x}, Dst: []tensor.Spec{x.Spec}, Long: long,
				Want: formula(a, op, name, x)})
		}
		add("saturated", repeat(saturated, len(saturated)), false)
		for _, n := range edges {
			add(fmt.Sprintf("n%d", n), uniform(-6, 6, n), false)
		}
		add("scalar", constant(-0.75), false)
		add("empty", normal(0), false)
		add("empty-rows", normal(3, 0), false)
		add("matrix", normal(7, 33), false)
		add("rank4", normal(2, 3, 5, 7), false)
		add("past-groups", uniform(-6, 6, pastGroups), true)
	}
	cs = append(cs, numbers(tensor.OpGelu, "numbers", []float64{3, -1, 0}, []float64{2.995950, -0.158655, 0}))
	cs = append(cs, numbers(tensor.OpGeluTanh, "numbers", []float64{3, 20.625, -13.24}, []float64{2.996363, 20.625, 0}))
	cs = append(cs, numbers(tensor.OpSilu, "numbers", []float64{1, -2}, []float64{0.731059, -0.238406}))
	cs = append(cs, numbers(tensor.OpRelu, "numbers", []float64{1.5, -2}, []float64{1.5, 0}))
	cs = append(cs, numbers(tensor.OpTanh, "numbers", []float64{0.5, -1000}, []float64{0.462117, -1}))
	cs = append(cs, numbers(tensor.OpSigmoid, "numbers", []float64{2, -200}, []float64{0.880797, 0}))
	cs = append(cs, numbers(tensor.OpMish, "numbers", []float64{1, -1}, []float64{0.865098, -0.303401}))
	cs = append(cs, numbers(tensor.OpAbs, "numbers", []float64{-2.5, 3}, []float64{2.5, 3}))
	return append(cs, activationBackwardCases()...)
}

// numbers is a case with results known to six places.
func numbers(op tensor.Op, name string, x, y []float64) Case {
	return Case{Op: op, Name: name, Src: []Operand{repeat(x, len(x))}, Dst: []tensor.Spec{f32(len(x))}, Want: [][]float64{round(op, x, y)}}
}

// round checks numbers of six places against the formula and gives the formula's:
// the tolerance of the operation is finer than six places.
func round(op tensor.Op, x, y []float64) []float64 {
	a, _ := tensor.ActOf(op)
	out := make([]float64, len(y))
	for i := range y {
		if out[i] = actFormula(a, x[i]); math.Abs(out[i]-y[i]) > 5e-7 {
			panic(fmt.Sprintf("conformance: %s(%v) is %v, not %v", op, x[i], out[i], y[i]))
		}
	}
	return out
}

func formula(a tensor.Act, op tensor.Op, name string, x Operand) [][]float64 {
	if x.Elems() > 1<<20 { // made when the case runs, not before
		return nil
	}
	v := fill(x, fmt.Sprintf("%s/%s/0", op, name))
	for i := range v {
		v[i] = actFormula(a, v[i])
	}
	return [][]float64{v}
}

func activationBackwardCases() []Case {
	var cs []Case
	for _, a := range acts {
		add := func(name string, x, dy Operand, long bool) {
			cs = append(cs, Case{Op: tensor.OpActivationBackward, Name: a.String() + "-" + name, Src: []Operand{x, dy},
				Dst: []tensor.Spec{x.Spec}, Attr: tensor.Attr{Act: a}, Long: long})
		}
		smooth := saturated
		if a == tensor.ActAbs || a == tensor.ActRelu {
			smooth = saturated[2:] // no derivative at 0
		}
		add("saturated", repeat(smooth, len(smooth)), constant(1, len(smooth)), false)
		for _, n := range []int{1, 17, 65, 129} {
			add(fmt.Sprintf("n%d", n), uniform(-6, 6, n), normal(n), false)
		}
		add("scalar", constant(0.5), constant(2), false)
		add("empty", normal(0, 4), normal(0, 4), false)
		add("rank3", normal(3, 5, 9), normal(3, 5, 9), false)
		add("past-groups", uniform(-6, 6, pastGroups), normal(pastGroups), true)
	}
	return cs
}
