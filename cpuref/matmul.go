package cpuref

import "github.com/cephalo-ml/cephalo/tensor"

func init() { impl[tensor.OpMatMul] = matmul }

// matmul: a [..,M,K] (or [..,K,M]), b [..,K,N] (or [..,N,K]), or one b for all
// -> y [..,M,N].
func matmul(s *stream, c *tensor.Call) error {
	v := view{s: s}
	a, b, y := v.in(&c.Src[0]), v.in(&c.Src[1]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	m, n, k := matmulSizes(c)
	bRows := 0 // rows of b from one matrix to the next
	if c.Src[1].Rank > 2 {
		bRows = c.Src[1].Dim(-2)
	}
	aRows := c.Src[0].Dim(-2)
	s.each(y.n, n*k, func(r int) {
		batch, i, row := r/m, r%m, y.row(r)
		for j := range n {
			sum := 0.0
			for l := range k {
				var p, q float32
				if c.Attr.TransA {
					p = a.row(batch*aRows + l)[i]
				} else {
					p = a.row(batch*aRows + i)[l]
				}
				if c.Attr.TransB {
					q = b.row(batch*bRows + j)[l]
				} else {
					q = b.row(batch*bRows + l)[j]
				}
				sum += float64(p) * float64(q)
			}
			put(&row[j], sum, c.Accum)
		}
	})
	return nil
}

func matmulSizes(c *tensor.Call) (m, n, k int) {
	m, n, k = c.Dst[0].Dim(-2), c.Dst[0].Dim(-1), c.Src[0].Dim(-1)
	if c.Attr.TransA {
		k = c.Src[0].Dim(-2)
	}
	return m, n, k
}
