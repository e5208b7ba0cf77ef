package kernels

import "github.com/cephalo-ml/cephalo/tensor"

// norm writes its results in one dispatch, or in one each where two of them lie in
// one buffer.
func norm(s *stream, c *tensor.Call) error {
	y, sum, stats := flat(c.Dst[0]), flat(c.Dst[1]), flat(c.Dst[2])
	if !sameBuffer(y, sum) && !sameBuffer(y, stats) && !sameBuffer(sum, stats) {
		return normOf(s, c, y, sum, stats)
	}
	if err := normOf(s, c, y, operand{}, operand{}); err != nil {
		return err
	}
	if sum.present() {
		if err := normOf(s, c, operand{}, sum, operand{}); err != nil {
			return err
		}
	}
	if stats.present() {
		return normOf(s, c, operand{}, operand{}, stats)
	}
	return nil
}

func normOf(s *stream, c *tensor.Call, y, sum, stats operand) error {
	x, weight, bias, residual := flat(c.Src[0]), flat(c.Src[1]).whole(), flat(c.Src[2]).whole(), flat(c.Src[3])
	k := rowKernel("norm", x.cols, setIf("CENTER", c.Op == tensor.OpLayerNorm),
		setIf("HAS_WEIGHT", weight.present()), setIf("HAS_BIAS", bias.present()), setIf("HAS_RESIDUAL", residual.present()),
		setIf("HAS_Y", y.present()), setIf("HAS_SUM", sum.present()), setIf("HAS_STATS", stats.present()))
	return s.eachRow(k, []operand{x, weight, bias, residual, y, sum, stats}, f32(c.Attr.Eps))
}

func normBackward(s *stream, c *tensor.Call) error {
	dy, h, weight, stats, dh := flat(c.Src[0]), flat(c.Src[1]), flat(c.Src[2]).whole(), flat(c.Src[3]), flat(c.Dst[0])
	k := rowKernel("norm_backward", dy.cols, setIf("CENTER", c.Op == tensor.OpLayerNormBackward),
		setIf("HAS_WEIGHT", weight.present()), setIf("ACCUM", c.Accum))
	return s.eachRow(k, []operand{dy, h, weight, stats, dh})
}

// normWeightBackward is a sum over rows for each gradient: dWeight of dy times the
// normed h, dBias of dy.
func normWeightBackward(s *stream, c *tensor.Call) error {
	dy, h, stats, dw, db := flat(c.Src[0]), flat(c.Src[1]), flat(c.Src[2]), flat(c.Dst[0]), flat(c.Dst[1])
	if dw.present() {
		if err := s.sumRows(sumNormed, dy, h, stats, dw, c.Accum); err != nil {
			return err
		}
	}
	if db.present() {
		return s.sumRows(sumPlain, dy, operand{}, operand{}, db, c.Accum)
	}
	return nil
}
