package kernels

import "github.com/cephalo-ml/cephalo/tensor"

func l2Normalize(s *stream, c *tensor.Call) error {
	return l2(s, flat(c.Src[0]), operand{}, flat(c.Dst[0]), c)
}

func l2NormalizeBackward(s *stream, c *tensor.Call) error {
	return l2(s, flat(c.Src[0]), flat(c.Src[1]), flat(c.Dst[0]), c)
}

func l2(s *stream, x, dy, y operand, c *tensor.Call) error {
	k := rowKernel("l2_normalize", x.cols, setIf("BACKWARD", dy.present()), setIf("ACCUM", c.Accum))
	return s.eachRow(k, []operand{x, dy, y}, f32(c.Attr.Eps))
}
