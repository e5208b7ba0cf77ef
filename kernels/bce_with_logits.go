package kernels

import "github.com/cephalo-ml/cephalo/tensor"

func bceWithLogits(s *stream, c *tensor.Call) error {
	return s.eachElement("bce_with_logits", elements(c.Src[0], c.Src[1], c.Dst[0]), nil)
}

func bceWithLogitsBackward(s *stream, c *tensor.Call) error {
	return s.eachElement("bce_with_logits_backward", elements(c.Src[0], c.Src[1], c.Src[2], c.Dst[0]), nil, setIf("ACCUM", c.Accum))
}
