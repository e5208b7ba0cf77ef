package cpuref

import (
	"slices"

	"github.com/cephalo-ml/cephalo/tensor"
)

func init() {
	impl[tensor.OpEmbedding] = embedding
	impl[tensor.OpEmbeddingBackward] = embeddingBackward
}

// embedding: ids [R], weight [V,C], residual? [R,C] -> y[r] = weight[ids[r]] +
// residual[r]. An id outside [0,V) reads as zeros.
func embedding(s *stream, c *tensor.Call) error {
	v := view{s: s}
	ids, w, res := v.ints(&c.Src[0]), v.in(&c.Src[1]), v.in(&c.Src[2])
	y := v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	s.each(y.n, y.cols, func(r int) {
		to, id := y.row(r), int(ids.row(0)[r])
		if id >= 0 && id < w.n {
			copy(to, w.row(id))
		} else {
			clear(to)
		}
		if c.Src[2].Present() {
			for i, v := range res.row(r) {
				to[i] += v
			}
		}
	})
	return nil
}

// embeddingBackward: ids [R], dy [R,C] -> dWeight [V,C]: row v is the sum of the
// dy whose id is v, in the order of the rows. Attr.Index and ids outside [0,V)
// get none.
func embeddingBackward(s *stream, c *tensor.Call) error {
	v := view{s: s}
	ids, dy, dw := v.ints(&c.Src[0]), v.in(&c.Src[1]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	if !c.Accum {
		s.each(dw.n, dw.cols, func(r int) { clear(dw.row(r)) })
	}
	// (id, row) as one number: sorted, the rows of an id follow each other in order.
	var uses []int64
	for r := range dy.n {
		if id := ids.row(0)[r]; id >= 0 && int(id) < dw.n && id != c.Attr.Index {
			uses = append(uses, int64(id)<<32|int64(r))
		}
	}
	slices.Sort(uses)
	var starts []int
	for i, u := range uses {
		if i == 0 || u>>32 != uses[i-1]>>32 {
			starts = append(starts, i)
		}
	}
	s.each(len(starts), dw.cols, func(n int) {
		end := len(uses)
		if n+1 < len(starts) {
			end = starts[n+1]
		}
		to := dw.row(int(uses[starts[n]] >> 32))
		for lo := 0; lo < len(to); lo += columnBlock {
			var sum [columnBlock]float64
			hi := min(lo+columnBlock, len(to))
			for _, u := range uses[starts[n]:end] {
				for i, v := range dy.row(int(int32(u)))[lo:hi] {
					sum[i] += float64(v)
				}
			}
			for i := range hi - lo {
				put(&to[lo+i], sum[i], true)
			}
		}
	})
	return nil
}
