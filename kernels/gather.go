package kernels

import (
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

// gatherRows runs over windows of x and, for each, over pieces of y: a piece takes
// the rows that its window holds, and the fills with each window alike.
func gatherRows(s *stream, c *tensor.Call) error {
	x, idx, y := axis0(c.Src[0]), axis0(c.Src[1]), axis0(c.Dst[0])
	k := kernelOf("gather_rows", set("WG", elementGroup))
	return s.windows(x, func(part operand, first int) error {
		return s.split([]operand{part.whole(), idx, y}, func(ops []operand) error {
			rows := ops[2].rows
			return s.dispatch(k, groupsOf(rows*y.cols, elementGroup), ops,
				u32(rows), u32(y.cols), u32(first), u32(part.rows), u32(x.rows), fillBits(c.Dst[0], c.Attr.Fill))
		})
	})
}

// scatterRows fills the result and writes the rows over it.
func scatterRows(s *stream, c *tensor.Call) error {
	if err := s.fill(c.Dst[0], fillBits(c.Dst[0], c.Attr.Fill)); err != nil {
		return err
	}
	return writeRows(s, c)
}

// writeRows runs over windows of the result and, for each, over pieces of x.
func writeRows(s *stream, c *tensor.Call) error {
	x, idx, y := axis0(c.Src[0]), axis0(c.Src[1]), axis0(c.Dst[0])
	k := kernelOf("scatter_rows", set("WG", elementGroup))
	return s.windows(y, func(part operand, first int) error {
		return s.split([]operand{x, idx, part.whole()}, func(ops []operand) error {
			rows := ops[0].rows
			return s.dispatch(k, groupsOf(rows*x.cols, elementGroup), ops,
				u32(rows), u32(x.cols), u32(first), u32(part.rows))
		})
	})
}

// fillBits is the fill of moved rows as the element that a tensor holds.
func fillBits(t tensor.Tensor, fill float32) uint32 {
	if t.DType == tensor.I32 {
		return i32(int32(math.RoundToEven(float64(fill))))
	}
	return f32(fill)
}

// fill gives every element of t the same bits.
func (s *stream) fill(t tensor.Tensor, bits uint32) error {
	return s.split(elements(t), func(part []operand) error {
		o := part[0]
		return s.dispatch(kernelOf("fill", set("WG", elementGroup)), groupsOf(o.rows*o.cols, elementGroup), part,
			u32(o.rows), u32(o.cols), bits)
	})
}
