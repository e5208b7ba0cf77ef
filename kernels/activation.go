package kernels

import "github.com/cephalo-ml/cephalo/tensor"

func activation(s *stream, c *tensor.Call) error {
	act, _ := tensor.ActOf(c.Op)
	return s.eachElement("activation", elements(c.Src[0], c.Dst[0]), nil, set("ACT", int(act)))
}

func activationBackward(s *stream, c *tensor.Call) error {
	return s.eachElement("activation_backward", elements(c.Src[0], c.Src[1], c.Dst[0]), nil,
		set("ACT", int(c.Attr.Act)), setIf("ACCUM", c.Accum))
}
