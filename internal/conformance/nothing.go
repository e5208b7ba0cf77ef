package conformance

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

// nothingCases are calls without rows or without columns: results without elements, or
// sums of no terms.
func nothingCases() (cs []Case) {
	none := tensor.Attr{Index: -1}
	for _, d := range [][2]int{{0, 5}, {4, 0}, {0, 0}} {
		r, c := d[0], d[1]
		name := fmt.Sprintf("nothing-%dx%d", r, c)
		x, row, col := normal(r, c), normal(c), normal(r, 1)
		one := []tensor.Spec{x.Spec}
		add := func(op tensor.Op, at tensor.Attr, dst []tensor.Spec, src ...Operand) {
			cs = append(cs, Case{Op: op, Name: name, Src: src, Dst: dst, Attr: at})
		}
		for _, op := range []tensor.Op{tensor.OpSoftmax, tensor.OpLogSoftmax, tensor.OpGelu, tensor.OpScale, tensor.OpDropout, tensor.OpLog} {
			add(op, tensor.Attr{Rate: 0.5}, one, x)
		}
		for _, op := range []tensor.Op{tensor.OpSoftmaxBackward, tensor.OpLogSoftmaxBackward, tensor.OpMul, tensor.OpBCEWithLogits} {
			add(op, none, one, x, x)
		}
		add(tensor.OpActivationBackward, tensor.Attr{Act: tensor.ActGelu}, one, x, x)
		add(tensor.OpGated, tensor.Attr{Act: tensor.ActGelu}, one, x, x)
		add(tensor.OpAdd, tensor.Attr{Scale: 1}, one, x, row)
		add(tensor.OpL2Normalize, tensor.Attr{Eps: 1e-6}, one, x)
		add(tensor.OpL2NormalizeBackward, tensor.Attr{Eps: 1e-6}, one, x, x)
		add(tensor.OpConcat, none, []tensor.Spec{f32(r, 2*c+1)}, x, col, x)
		add(tensor.OpSumRows, none, []tensor.Spec{row.Spec}, x)
		add(tensor.OpSumCols, none, []tensor.Spec{col.Spec}, x)
		l := tensor.NewLayout(r)
		for _, op := range []tensor.Op{tensor.OpPoolCLS, tensor.OpPoolLast, tensor.OpPoolMean, tensor.OpPoolMax} {
			cs = append(cs, Case{Op: op, Name: name, Src: []Operand{x}, Dst: []tensor.Spec{f32(1, c)}, Rows: l})
		}
		cs = append(cs, Case{Op: tensor.OpPoolBackward, Name: name, Src: []Operand{normal(1, c)}, Dst: one, Rows: l, Attr: tensor.Attr{Mode: uint8(tensor.PoolMean)}},
			Case{Op: tensor.OpRope, Name: name, Src: []Operand{normal(r, c, 4)}, Dst: []tensor.Spec{f32(r, c, 4)}, Rows: l, Attr: tensor.Attr{Theta: 1e4, Rotary: 4}},
			Case{Op: tensor.OpConvRows, Name: name, Src: []Operand{x, normal(3, c, 3), normal(3)}, Dst: []tensor.Spec{f32(r, 3)}, Rows: l},
			Case{Op: tensor.OpConvRowsBackward, Name: name, Src: []Operand{x, normal(3, c, 3), normal(r, 3)}, Dst: []tensor.Spec{x.Spec, f32(3, c, 3), f32(3)}, Rows: l},
			Case{Op: tensor.OpConvRowsBackward, Name: name + "-out", Src: []Operand{normal(r, 3), normal(c, 3, 3), x}, Dst: []tensor.Spec{f32(r, 3), f32(c, 3, 3), f32(c)}, Rows: l})
		if c > 0 {
			add(tensor.OpArgmax, none, []tensor.Spec{tensor.Of(tensor.I32, r)}, x)
			add(tensor.OpMaxCols, none, []tensor.Spec{col.Spec}, x)
			add(tensor.OpLayerNorm, tensor.Attr{Eps: 1e-5}, one, x, row, row)
			add(tensor.OpLayerNormBackward, none, one, x, x, row, normal(r, 2))
			add(tensor.OpNormWeightBackward, none, []tensor.Spec{row.Spec, row.Spec}, x, x, normal(r, 2))
		}
	}
	return cs
}
