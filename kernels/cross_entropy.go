package kernels

import (
	"github.com/cephalo-ml/cephalo/shaders"
	"github.com/cephalo-ml/cephalo/tensor"
)

// crossEntropy makes the losses of the rows; a sum or a mean adds them up in further
// dispatches, for a mean together with the weights of the targets.
func crossEntropy(s *stream, c *tensor.Call) error {
	rows := c.Src[0].Dim(0)
	switch tensor.Reduction(c.Attr.Mode) {
	case tensor.ReduceNone:
		return s.rowLosses(c, axis0(c.Dst[0]), false)
	case tensor.ReduceSum:
		return s.withTemp(tensor.Of(tensor.F32, rows, 1), func(loss tensor.Tensor) error {
			if err := s.rowLosses(c, flat(loss), false); err != nil {
				return err
			}
			return s.sumRows(sumPlain, flat(loss), operand{}, operand{}, flat(c.Dst[0]), false)
		})
	}
	return s.withTemp(tensor.Of(tensor.F32, rows, 2), func(pairs tensor.Tensor) error {
		return s.withTemp(tensor.Of(tensor.F32, 1, 2), func(sums tensor.Tensor) error {
			if err := s.rowLosses(c, flat(pairs), true); err != nil {
				return err
			}
			if err := s.sumRows(sumPlain, flat(pairs), operand{}, operand{}, flat(sums), false); err != nil {
				return err
			}
			return s.meanLoss(sums, c.Dst[0], c.Dst[1])
		})
	})
}

// rowLosses fills y, of one column or of pairs.
func (s *stream) rowLosses(c *tensor.Call, y operand, pairs bool) error {
	x, t, w := flat(c.Src[0]), axis0(c.Src[1]), flat(c.Src[2])
	k := rowKernel("cross_entropy", x.cols, append(lossConsts(c), setIf("PAIRS", pairs))...)
	return s.eachRow(k, []operand{x, t, w.whole(), y}, i32(c.Attr.Index), f32(c.Attr.Rate))
}

// lossConsts are the constants of both directions.
func lossConsts(c *tensor.Call) []shaders.Const {
	return []shaders.Const{setIf("WEIGHTED", c.Src[2].Present()), setIf("SMOOTH", c.Attr.Rate != 0)}
}

// meanLoss divides the two sums; total, where it is asked for, is the divisor.
func (s *stream) meanLoss(sums, y, total tensor.Tensor) error {
	ops := [...]operand{flat(sums), flat(y)}
	if err := s.dispatch(kernelOf("cross_entropy_mean"), 1, ops[:]); err != nil || !total.Present() {
		return err
	}
	divisor, err := sums.Columns(1, 2)
	if err != nil {
		return err
	}
	if divisor, err = divisor.Reshape(1); err != nil {
		return err
	}
	return s.copy(divisor, total)
}

func crossEntropyBackward(s *stream, c *tensor.Call) error {
	x, t, w, dy, total, dx := flat(c.Src[0]), axis0(c.Src[1]), flat(c.Src[2]), axis0(c.Src[3]), axis0(c.Src[4]), flat(c.Dst[0])
	if c.Attr.Mode != uint8(tensor.ReduceNone) {
		dy = dy.whole()
	}
	k := rowKernel("cross_entropy_backward", x.cols, append(lossConsts(c), set("MODE", int(c.Attr.Mode)), setIf("ACCUM", c.Accum))...)
	return s.eachRow(k, []operand{x, t, w.whole(), dy, total.whole(), dx}, i32(c.Attr.Index), f32(c.Attr.Rate))
}

// withTemp calls fn with a temporary that lives as long as the call.
func (s *stream) withTemp(sp tensor.Spec, fn func(x tensor.Tensor) error) error {
	buf, err := s.temp(max(sp.Bytes(), 4))
	if err != nil {
		return err
	}
	defer s.Free(buf)
	return fn(tensor.View(buf, sp))
}
