package kernels

import "github.com/cephalo-ml/cephalo/tensor"

func softmax(s *stream, c *tensor.Call) error {
	x, y := flat(c.Src[0]), flat(c.Dst[0])
	k := rowKernel("softmax", x.cols, setIf("LOG", c.Op == tensor.OpLogSoftmax))
	return s.eachRow(k, []operand{x, y})
}

func softmaxBackward(s *stream, c *tensor.Call) error {
	y, dy, dx := flat(c.Src[0]), flat(c.Src[1]), flat(c.Dst[0])
	k := rowKernel("softmax_backward", y.cols, setIf("LOG", c.Op == tensor.OpLogSoftmaxBackward), setIf("ACCUM", c.Accum))
	return s.eachRow(k, []operand{y, dy, dx})
}
