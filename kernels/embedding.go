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

// chainRows is how many rows embeddingBackward takes at a time: finding the chains
// compares every row with every other.
const chainRows = 1 << 14

// embeddingBackward sums without atomics: a first kernel links the rows of each id
// into a chain, a second one lets the first row of a chain sum it up.
func embeddingBackward(s *stream, c *tensor.Call) error {
	ids, dy, dw := c.Src[0], c.Src[1], axis0(c.Dst[0])
	if !c.Accum {
		if err := s.fill(c.Dst[0], 0); err != nil {
			return err
		}
	}
	if dy.Elems() == 0 {
		return nil
	}
	buf, err := s.temp(4 * int64(min(dy.Dim(0), chainRows)))
	if err != nil {
		return err
	}
	defer s.Free(buf)
	chain, sum := kernelOf("embedding_chain", set("WG", elementGroup)), kernelOf("embedding_backward", set("WG", elementGroup))
	return s.eachPart(chainRows, []tensor.Tensor{ids, dy}, func(lo, hi int) error {
		ids, dy, rows := axis0(rowsOf(ids, lo, hi)), axis0(rowsOf(dy, lo, hi)), hi-lo
		next := axis0(tensor.View(buf, tensor.Of(tensor.I32, rows)))
		err := s.dispatch(chain, groupsOf(rows, elementGroup), []operand{ids, next}, u32(rows), u32(dw.rows), i32(c.Attr.Index))
		if err != nil {
			return err
		}
		return s.windows(dw, func(part operand, first int) error {
			return s.dispatch(sum, groupsOf(rows*dy.cols, elementGroup), []operand{ids, next, dy, part},
				u32(rows), u32(dy.cols), u32(first), u32(part.rows))
		})
	})
}
