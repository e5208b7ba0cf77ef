package kernels

import "github.com/cephalo-ml/cephalo/tensor"

// The modes of log.wgsl.
const (
	modeLog = iota
	modeSqrt
	modeReciprocal
)

func log(s *stream, c *tensor.Call) error        { return s.eachValue(modeLog, c) }
func sqrt(s *stream, c *tensor.Call) error       { return s.eachValue(modeSqrt, c) }
func reciprocal(s *stream, c *tensor.Call) error { return s.eachValue(modeReciprocal, c) }

func (s *stream) eachValue(mode int, c *tensor.Call) error {
	return s.eachElement("log", elements(c.Src[0], c.Dst[0]), nil, set("MODE", mode))
}
