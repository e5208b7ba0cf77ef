package kernels

import "github.com/cephalo-ml/cephalo/tensor"

// concat copies each operand to its columns of the result: all of them and the
// result in one kernel would be more buffers than a kernel binds.
func concat(s *stream, c *tensor.Call) error {
	at := 0
	for _, x := range c.Src {
		if !x.Present() {
			break
		}
		to, err := c.Dst[0].Columns(at, at+x.Dim(1))
		if err != nil {
			return err
		}
		if err := s.copy(x, to); err != nil {
			return err
		}
		at += x.Dim(1)
	}
	return nil
}
