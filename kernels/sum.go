package kernels

import "github.com/cephalo-ml/cephalo/tensor"

func sumRows(s *stream, c *tensor.Call) error {
	return s.sumRows(sumPlain, flat(c.Src[0]), operand{}, operand{}, flat(c.Dst[0]), c.Accum)
}

func sumCols(s *stream, c *tensor.Call) error {
	x, y := flat(c.Src[0]), flat(c.Dst[0])
	return s.eachRow(rowKernel("sum_cols", x.cols, setIf("ACCUM", c.Accum)), []operand{x, y})
}
