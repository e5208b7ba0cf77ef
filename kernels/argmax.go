package kernels

import "github.com/cephalo-ml/cephalo/tensor"

func argmax(s *stream, c *tensor.Call) error {
	x, y := flat(c.Src[0]), axis0(c.Dst[0])
	return s.eachRow(rowKernel("argmax", x.cols), []operand{x, y})
}
