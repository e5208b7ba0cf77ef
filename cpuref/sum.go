package cpuref

import "github.com/cephalo-ml/cephalo/tensor"

func init() {
	impl[tensor.OpSumRows] = sumRows
	impl[tensor.OpSumCols] = sumCols
}

// columnBlock is the number of columns that one step of a sum over rows takes.
const columnBlock = 32

// columns calls fn for blocks of at most columnBlock columns, in parallel. Sums
// over rows are split by columns, so that their order is always that of the rows.
func (s *stream) columns(cols, rows int, fn func(lo, hi int)) {
	s.each((cols+columnBlock-1)/columnBlock, columnBlock*rows, func(i int) {
		fn(i*columnBlock, min((i+1)*columnBlock, cols))
	})
}

// sumRows: x [..,C] -> y [C].
func sumRows(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, y := v.in(&c.Src[0]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	s.columns(x.cols, x.n, func(lo, hi int) {
		var sum [columnBlock]float64
		for r := range x.n {
			for i, v := range x.row(r)[lo:hi] {
				sum[i] += float64(v)
			}
		}
		for i := range hi - lo {
			put(&y.row(0)[lo+i], sum[i], c.Accum)
		}
	})
	return nil
}

// sumCols: x [..,C] -> y [..,1].
func sumCols(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, y := v.in(&c.Src[0]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	s.each(x.n, x.cols, func(r int) {
		sum := 0.0
		for _, v := range x.row(r) {
			sum += float64(v)
		}
		put(&y.row(r)[0], sum, c.Accum)
	})
	return nil
}
