package kernels

import "github.com/cephalo-ml/cephalo/tensor"

// poolAttention scores the rows, makes weights of the scores of each sequence, and
// sums the rows by them. The weights are a result or, where that is not asked for
// or lies in the buffer of y, a temporary.
func poolAttention(s *stream, c *tensor.Call) error {
	l, x, y := c.Rows, flat(c.Src[0]), flat(c.Dst[0])
	weights := c.Dst[1]
	own := !weights.Present() || sameBuffer(y, axis0(weights))
	if own {
		buf, err := s.temp(4 * int64(l.Rows()))
		if err != nil {
			return err
		}
		defer s.Free(buf)
		weights = tensor.View(buf, tensor.Of(tensor.F32, l.Rows()))
	}
	w := axis0(weights)
	if err := s.poolScores(c, operand{}, w); err != nil {
		return err
	}
	if err := s.poolWeights(l, operand{}, w); err != nil {
		return err
	}
	if err := s.pool(tensor.PoolAttention, x, w, y, l); err != nil {
		return err
	}
	if own && c.Dst[1].Present() {
		return s.copy(weights, c.Dst[1])
	}
	return nil
}

// poolAttentionBackward works through [R,2]: first dy.x and the slope of the tanh of
// each row, then the gradient of its score in the place of the former.
func poolAttentionBackward(s *stream, c *tensor.Call) error {
	l, x, weight, a, dy := c.Rows, flat(c.Src[0]), flat(c.Src[1]), axis0(c.Src[3]), flat(c.Src[4])
	buf, err := s.temp(8 * int64(l.Rows()))
	if err != nil {
		return err
	}
	defer s.Free(buf)
	pairs := tensor.View(buf, tensor.Of(tensor.F32, l.Rows(), 2))
	if err := s.poolScores(c, dy, flat(pairs)); err != nil {
		return err
	}
	if err := s.poolWeights(l, a, flat(pairs)); err != nil {
		return err
	}
	first, err := pairs.Columns(0, 1)
	if err != nil {
		return err
	}
	dz := flat(first)
	if c.Dst[0].Present() {
		k := kernelOf("pool_attention_backward", set("WG", elementGroup), set("PER", perInvocation), setIf("ACCUM", c.Accum))
		err := s.rowSpans(l, []operand{flat(c.Dst[0]), a, dz}, func(part []operand, at span) error {
			ops := [...]operand{part[1], part[2], weight, at.seqsOf(dy), layout(l), part[0]}
			return s.dispatch(k, groupsOf(at.rows*x.cols, elementGroup*perInvocation), ops[:],
				u32(at.rows), u32(x.cols), u32(l.Batch()), u32(l.Rows()), u32(at.seq), u32(at.row))
		})
		if err != nil {
			return err
		}
	}
	if c.Dst[1].Present() {
		if err := s.sumRows(sumWeighted, x, operand{}, dz, flat(c.Dst[1]), c.Accum); err != nil {
			return err
		}
	}
	if c.Dst[2].Present() {
		return s.sumRows(sumPlain, dz, operand{}, operand{}, flat(c.Dst[2]), c.Accum)
	}
	return nil
}

// poolScores fills out with the scores of the rows of Src[0] or, given dy, with the
// pairs of the backward pass.
func (s *stream) poolScores(c *tensor.Call, dy, out operand) error {
	l, x, weight, bias := c.Rows, flat(c.Src[0]), flat(c.Src[1]), flat(c.Src[2])
	k := rowKernel("pool_attention_score", x.cols, setIf("BACKWARD", dy.present()))
	return s.rowSpans(l, []operand{x, out}, func(part []operand, at span) error {
		ops := [...]operand{part[0], weight, bias, at.seqsOf(dy), layout(l), part[1]}
		return s.dispatch(k, at.rows, ops[:],
			u32(at.rows), u32(x.cols), u32(l.Batch()), u32(l.Rows()), u32(at.seq), u32(at.row))
	})
}

// poolWeights turns out, the scores or pairs of all rows, into weights or gradients
// in place, sequence by sequence.
func (s *stream) poolWeights(l *tensor.Layout, a, out operand) error {
	k := rowKernel("pool_attention_weights", l.MaxLen(), setIf("BACKWARD", a.present()))
	return s.spans(l, []operand{a, out}, operand{}, func(at span) error {
		ops := [...]operand{at.rowsOf(a), layout(l), at.rowsOf(out)}
		return s.dispatch(k, at.seqs, ops[:], u32(l.Batch()), u32(l.Rows()), u32(at.seqs), u32(at.seq), u32(at.row))
	})
}
