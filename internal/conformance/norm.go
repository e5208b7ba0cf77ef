package conformance

import (
	"fmt"
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

// normParts are the optional operands of a norm.
type normParts struct{ weight, bias, residual bool }

func (p normParts) name() string {
	name := ""
	for i, set := range []bool{p.weight, p.bias, p.residual} {
		if set {
			name += []string{"-weight", "-bias", "-residual"}[i]
		}
	}
	return name
}

// parts makes the operands of a norm of x.
func (p normParts) operands(x Operand) []Operand {
	src := []Operand{x, {}, {}, {}}
	if p.weight {
		src[1] = normal(x.Cols())
	}
	if p.bias {
		src[2] = normal(x.Cols())
	}
	if p.residual {
		src[3] = normal(x.Dims()...)
	}
	return src
}

func normCases() []Case {
	x := repeat([]float64{1, 2, 3, 4}, 1, 4)
	at := tensor.Attr{Eps: 1e-6}
	std := math.Sqrt(1.25 + float64(at.Eps))
	rms := math.Sqrt(7.5 + float64(at.Eps))
	cs := []Case{
		{Op: tensor.OpLayerNorm, Name: "numbers", Src: []Operand{x}, Dst: []tensor.Spec{f32(1, 4)}, Attr: at,
			Want: [][]float64{{-1.5 / std, -.5 / std, .5 / std, 1.5 / std}, nil, {2.5, 1 / std}}},
		{Op: tensor.OpRMSNorm, Name: "numbers", Src: []Operand{x}, Dst: []tensor.Spec{f32(1, 4)}, Attr: at,
			Want: [][]float64{{1 / rms, 2 / rms, 3 / rms, 4 / rms}, nil, {0, 1 / rms}}},
		// A row of one value: the bias alone, whatever eps.
		{Op: tensor.OpLayerNorm, Name: "one-value", Src: []Operand{constant(3, 2, 33), constant(2, 33), constant(.25, 33)}, Dst: []tensor.Spec{f32(2, 33)},
			Attr: tensor.Attr{Eps: 1e-12}, Want: [][]float64{filled(.25, 66)}},
		{Op: tensor.OpRMSNorm, Name: "zeros", Src: []Operand{constant(0, 2, 33), constant(2, 33)}, Dst: []tensor.Spec{f32(2, 33)}, Attr: tensor.Attr{Eps: 1e-6},
			Want: [][]float64{filled(0, 66)}},
		// h = x + residual = 1 2 3 4 is a result of its own.
		{Op: tensor.OpRMSNorm, Name: "sum", Src: []Operand{constant(1, 1, 4), {}, {}, repeat([]float64{0, 1, 2, 3}, 1, 4)}, Dst: []tensor.Spec{f32(1, 4), f32(1, 4)},
			Attr: at, Want: [][]float64{{1 / rms, 2 / rms, 3 / rms, 4 / rms}, {1, 2, 3, 4}}},
	}
	for i := range 8 {
		p := normParts{i&1 == 1, i&2 == 2, i&4 == 4}
		cs = append(cs, normPair("parts", normal(6, 19), p, 1e-5, false)...)
	}
	for _, n := range edges {
		p := normParts{true, true, n%2 == 0}
		cs = append(cs, normPair(fmt.Sprintf("5x%d", n), normal(5, n), p, 1e-3, false)...)
		cs = append(cs, normPair(fmt.Sprintf("%dx5", n), normal(n, 5), p, 1e-5, false)...)
	}
	all := normParts{true, true, true}
	cs = append(cs, normPair("eps-large", normal(4, 9), all, 0.5, false)...)
	cs = append(cs, normPair("eps-tiny", normal(4, 64), all, 1e-12, false)...)
	cs = append(cs, normPair("off-centre", uniform(3, 5, 4, 64), normParts{weight: true, bias: true}, 1e-5, false)...)
	cs = append(cs, normPair("wide", normal(2, 3000), all, 1e-5, false)...)
	cs = append(cs, normPair("vector", normal(33), all, 1e-5, false)...)
	cs = append(cs, normPair("rank4", normal(2, 3, 4, 8), all, 1e-5, false)...)
	cs = append(cs, normPair("empty", normal(0, 8), all, 1e-5, false)...)
	cs = append(cs, normPair("past-rows", normal(pastRows, 3), normParts{true, true, true}, 0.1, true)...)
	return append(cs, normWeightCases()...)
}

func filled(v float64, n int) []float64 {
	s := make([]float64, n)
	for i := range s {
		s[i] = v
	}
	return s
}

// normPair are both norms of x, forward and backward.
func normPair(name string, x Operand, p normParts, eps float32, long bool) []Case {
	at := tensor.Attr{Eps: eps}
	dst := []tensor.Spec{x.Spec}
	rms := normParts{p.weight, false, p.residual}
	cs := []Case{
		{Op: tensor.OpLayerNorm, Name: name + p.name(), Src: p.operands(x), Dst: dst, Attr: at, Long: long},
		normBackward(tensor.OpLayerNormBackward, tensor.OpLayerNorm, name+p.name(), x, p.weight, at, long),
	}
	if p.bias && name == "parts" {
		return cs // an RMS norm has no bias: it would come twice
	}
	return append(cs,
		Case{Op: tensor.OpRMSNorm, Name: name + rms.name(), Src: rms.operands(x), Dst: dst, Attr: at, Long: long},
		normBackward(tensor.OpRMSNormBackward, tensor.OpRMSNorm, name+rms.name(), x, p.weight, at, long))
}

// normBackward takes the statistics that the forward operation gives.
func normBackward(op, forwardOp tensor.Op, name string, h Operand, weight bool, at tensor.Attr, long bool) Case {
	dy := normal(h.Dims()...)
	stats := constant(0, h.Rows(), 2)
	c := Case{Op: op, Name: name, Src: []Operand{dy, h, {}, stats}, Dst: []tensor.Spec{h.Spec}, Attr: at, Long: long}
	if weight {
		c.Src[2] = normal(h.Cols())
	}
	c.Derive = func(forward Forward, v [][]float64) (err error) {
		v[3], err = statistics(forward, forwardOp, h, v[1], at)
		return err
	}
	return c
}

func statistics(forward Forward, op tensor.Op, h Operand, v []float64, at tensor.Attr) ([]float64, error) {
	y, err := forward(Case{Op: op, Src: []Operand{h, {}, {}, {}}, Dst: []tensor.Spec{h.Spec}, Attr: at}, v, nil, nil, nil)
	if err != nil {
		return nil, err
	}
	return y[2], nil
}

func normWeightCases() []Case {
	cs := []Case{
		// n = (h - mean)/std = (-1, 1): dWeight = sum dy n, dBias = sum dy
		{Op: tensor.OpNormWeightBackward, Name: "numbers", Src: []Operand{repeat([]float64{1, 2, 3, 4}, 2, 2), repeat([]float64{2, 4, 10, 30}, 2, 2), repeat([]float64{3, 1, 20, .1}, 2, 2)},
			Dst: []tensor.Spec{f32(2), f32(2)}, Want: [][]float64{{-4, 6}, {4, 6}}},
	}
	add := func(name string, h Operand, weight, bias, long bool) {
		at := tensor.Attr{Eps: 1e-2}
		c := Case{Op: tensor.OpNormWeightBackward, Name: name, Src: []Operand{normal(h.Dims()...), h, constant(0, h.Rows(), 2)},
			Dst: make([]tensor.Spec, 2), Long: long,
			Derive: func(forward Forward, v [][]float64) (err error) {
				v[2], err = statistics(forward, tensor.OpLayerNorm, h, v[1], at)
				return err
			}}
		if weight {
			c.Dst[0] = f32(h.Cols())
		}
		if bias {
			c.Dst[1] = f32(h.Cols())
		}
		cs = append(cs, c)
	}
	for _, n := range edges {
		add(fmt.Sprintf("5x%d", n), normal(5, n), true, true, false)
		add(fmt.Sprintf("%dx5", n), normal(n, 5), true, true, false)
	}
	add("only-weight", normal(7, 9), true, false, false)
	add("only-bias", normal(7, 9), false, true, false)
	add("tall", normal(3000, 3), true, true, false)
	add("rank3", normal(3, 4, 9), true, true, false)
	add("no-rows", normal(0, 4), true, true, false)
	add("past-rows", normal(pastRows, 3), true, true, true)
	add("past-columns", normal(2, pastRows), true, true, true)
	return cs
}
