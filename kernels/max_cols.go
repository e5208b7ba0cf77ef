package kernels

import "github.com/cephalo-ml/cephalo/tensor"

// maxCols finds the maxima and, where they are asked for, their columns in a second
// dispatch of the same kernel.
func maxCols(s *stream, c *tensor.Call) error {
	x := flat(c.Src[0])
	if err := s.eachRow(rowKernel("argmax", x.cols, setIf("VALUE", true)), []operand{x, flat(c.Dst[0])}); err != nil || !c.Dst[1].Present() {
		return err
	}
	return s.eachRow(rowKernel("argmax", x.cols), []operand{x, axis0(c.Dst[1])})
}

func maxColsBackward(s *stream, c *tensor.Call) error {
	dx := flat(c.Dst[0])
	k := kernelOf("max_cols_backward", set("WG", elementGroup), set("PER", perInvocation), setIf("ACCUM", c.Accum))
	return s.split([]operand{flat(c.Src[0]), axis0(c.Src[1]), dx}, func(part []operand) error {
		n := part[2].rows
		return s.dispatch(k, groupsOf(n*dx.cols, elementGroup*perInvocation), part, u32(n), u32(dx.cols))
	})
}
