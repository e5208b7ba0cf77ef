package kernels

import "github.com/cephalo-ml/cephalo/tensor"

func gated(s *stream, c *tensor.Call) error {
	return s.eachElement("gated", elements(c.Src[0], c.Src[1], c.Dst[0]), nil, set("ACT", int(c.Attr.Act)))
}

// gatedBackward is a dispatch for each gradient: the two often lie in one buffer.
func gatedBackward(s *stream, c *tensor.Call) error {
	for i, d := range c.Dst[:2] {
		if !d.Present() {
			continue
		}
		err := s.eachElement("gated_backward", elements(c.Src[0], c.Src[1], c.Src[2], d), nil,
			set("ACT", int(c.Attr.Act)), setIf("OF_B", i == 1), setIf("ACCUM", c.Accum))
		if err != nil {
			return err
		}
	}
	return nil
}
