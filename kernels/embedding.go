package kernels

import "github.com/cephalo-ml/cephalo/tensor"

// embedding runs over windows of the weight and, for each, over pieces of the rows;
// each writes the rows whose ids its window holds.
func embedding(s *stream, c *tensor.Call) error {
	ids, weight, residual, y := axis0(c.Src[0]), axis0(c.Src[1]), axis0(c.Src[2]), axis0(c.Dst[0])
	k := kernelOf("embedding", set("WG", elementGroup), setIf("RESIDUAL", residual.present()))
	return s.windows(weight, func(part operand, first int) error {
		return s.split([]operand{ids, part.whole(), residual, y}, func(ops []operand) error {
			rows := ops[0].rows
			return s.dispatch(k, groupsOf(rows*y.cols, elementGroup), ops,
				u32(rows), u32(y.cols), u32(first), u32(part.rows), u32(weight.rows))
		})
	})
}

// embeddingBackward sums without atomics: a first kernel links the rows of each id
// into a chain, a second one lets the first row of a chain sum it up.
func embeddingBackward(s *stream, c *tensor.Call) error {
	ids, dy, dw := axis0(c.Src[0]), axis0(c.Src[1]), axis0(c.Dst[0])
	if !c.Accum {
		if err := s.fill(c.Dst[0], 0); err != nil {
			return err
		}
	}
	if dy.rows == 0 || dy.cols == 0 {
		return nil
	}
	buf, err := s.temp(4 * int64(dy.rows))
	if err != nil {
		return err
	}
	defer s.Free(buf)
	next := axis0(tensor.View(buf, tensor.Of(tensor.I32, dy.rows)))
	err = s.dispatch(kernelOf("embedding_chain", set("WG", elementGroup)), groupsOf(dy.rows, elementGroup),
		[]operand{ids, next}, u32(dy.rows), u32(dw.rows), i32(c.Attr.Index))
	if err != nil {
		return err
	}
	k := kernelOf("embedding_backward", set("WG", elementGroup))
	return s.windows(dw, func(part operand, first int) error {
		return s.dispatch(k, groupsOf(dy.rows*dy.cols, elementGroup), []operand{ids, next, dy, part},
			u32(dy.rows), u32(dy.cols), u32(first), u32(part.rows))
	})
}
