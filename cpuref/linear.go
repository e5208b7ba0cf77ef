package cpuref

import "github.com/cephalo-ml/cephalo/tensor"

func init() { impl[tensor.OpLinear] = linear }

// linear: x [R,K], weight [N,K] (or [K,N]), bias? [N], residual? [R,N] ->
// y = act(x W^T + b) + residual [R,N], pre? = x W^T + b [R,N].
func linear(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, w, bias, res := v.in(&c.Src[0]), v.in(&c.Src[1]), v.vector(&c.Src[2]), v.in(&c.Src[3])
	y, pre := v.out(&c.Dst[0]), v.out(&c.Dst[1])
	if v.err != nil {
		return v.err
	}
	s.each(y.n, x.cols*y.cols, func(r int) {
		for j := range y.cols {
			sum := 0.0
			for k, a := range x.row(r) {
				if c.Attr.TransW {
					sum += float64(a) * float64(w.row(k)[j])
				} else {
					sum += float64(a) * float64(w.row(j)[k])
				}
			}
			if bias != nil {
				sum += float64(bias[j])
			}
			if c.Dst[1].Present() {
				pre.row(r)[j] = float32(sum)
			}
			sum = activate(c.Attr.Act, sum)
			if c.Src[3].Present() {
				sum += float64(res.row(r)[j])
			}
			y.row(r)[j] = float32(sum)
		}
	})
	return nil
}
