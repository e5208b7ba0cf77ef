package conformance

import "github.com/cephalo-ml/cephalo/tensor"

// lossRowCases are batches of what heads and losses are made of.
func lossRowCases() []rowCase {
	const rows, k = 67, 129
	x, t := normal(rows, k), labels(k, rows)
	xs, one := []tensor.Spec{x.Spec}, []tensor.Spec{f32(rows)}
	none := lossAt(tensor.ReduceNone, 0.1)
	return []rowCase{
		{Case{Op: tensor.OpMaxCols, Src: []Operand{x}, Dst: []tensor.Spec{f32(rows, 1)}}, 1, 1, 0},
		{Case{Op: tensor.OpCrossEntropy, Src: []Operand{x, t, uniform(0.1, 2, k)}, Dst: one, Attr: none}, 1<<0 | 1<<1, 1, 0},
		{Case{Op: tensor.OpCrossEntropyBackward, Src: []Operand{x, t, {}, normal(rows)}, Dst: xs, Attr: none}, 1<<0 | 1<<1 | 1<<3, 1, 0},
		{Case{Op: tensor.OpBCEWithLogits, Src: []Operand{x, index01(rows, k)}, Dst: xs}, 3, 1, 0},
		{Case{Op: tensor.OpBCEWithLogitsBackward, Src: []Operand{x, index01(rows, k), x}, Dst: xs}, 7, 1, 0},
	}
}

// lossSequenceCases go alone by whole sequences.
func lossSequenceCases(l *tensor.Layout) []rowCase {
	const tags = 7
	rows := l.Rows()
	x, y, keep := normal(rows, tags), labels(tags, rows), index(2, rows)
	scores := []Operand{x, normal(tags, tags), normal(tags), normal(tags)}
	best := []Operand{steps(16, 0.125, rows, tags), steps(16, 0.125, tags, tags), steps(16, 0.125, tags), steps(16, 0.125, tags), keep}
	llh, path := f32(l.Batch()), tensor.Of(tensor.I32, rows)
	return []rowCase{
		{Case{Op: tensor.OpConvRows, Src: []Operand{x, normal(3, tags, 5), normal(3)}, Dst: []tensor.Spec{f32(rows, 3)}}, 1, 1, 0},
		{Case{Op: tensor.OpConvRowsBackward, Src: []Operand{x, normal(3, tags, 5), normal(rows, 3)}, Dst: []tensor.Spec{x.Spec}}, 1<<0 | 1<<2, 1, 0},
		{Case{Op: tensor.OpCRFLogLikelihood, Src: append(scores[:4:4], y, keep), Dst: []tensor.Spec{llh, x.Spec}}, 1<<0 | 1<<4 | 1<<5, 2, 1},
		{Case{Op: tensor.OpCRFMarginals, Src: append(scores[:4:4], keep), Dst: []tensor.Spec{x.Spec}}, 1<<0 | 1<<4, 1, 0},
		{Case{Op: tensor.OpCRFViterbi, Src: best, Dst: []tensor.Spec{path, llh}}, 1<<0 | 1<<4, 1, 2},
	}
}
