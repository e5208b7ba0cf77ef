package kernels

import (
	"github.com/cephalo-ml/cephalo/shaders"
	"github.com/cephalo-ml/cephalo/tensor"
)

// dropout counts the elements through all pieces, since the mask is a function of
// an element's number.
func dropout(s *stream, c *tensor.Call) error {
	ops := elements(c.Src[0], c.Dst[0])
	k := s.elementKernel("dropout", ops, []shaders.Const{setIf("ACCUM", c.Accum)})
	seed, rate, base := c.Attr.Seed, c.Attr.Rate, uint32(0)
	keep := float32(1 / (1 - float64(rate)))
	return s.split(ops, func(part []operand) error {
		words := [...]uint32{base, uint32(seed), uint32(seed >> 32), tensor.DropoutThreshold(rate), f32(keep)}
		base += uint32(part[0].rows) * uint32(part[0].cols)
		return s.dispatchElements(k, part, words[:])
	})
}
