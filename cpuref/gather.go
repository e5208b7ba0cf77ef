package cpuref

import (
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

func init() {
	impl[tensor.OpGatherRows] = moveRows
	impl[tensor.OpScatterRows] = moveRows
	impl[tensor.OpWriteRows] = moveRows
	impl[tensor.OpWriteRows] = moveRows
}

// moveRows is all three operations, for both element types. A row here is one index
// of axis 0.
func moveRows(s *stream, c *tensor.Call) error {
	v := view{s: s}
	idx := v.ints(&c.Src[1])
	var run func()
	if c.Src[0].DType == tensor.I32 {
		x, y := outer(&c.Src[0], v.ints(&c.Src[0])), outer(&c.Dst[0], v.outInts(&c.Dst[0]))
		run = func() { move(s, c.Op, x, y, idx.row(0), int32(math.Round(float64(c.Attr.Fill)))) }
	} else {
		x, y := outer(&c.Src[0], v.in(&c.Src[0])), outer(&c.Dst[0], v.out(&c.Dst[0]))
		run = func() { move(s, c.Op, x, y, idx.row(0), c.Attr.Fill) }
	}
	if v.err != nil {
		return v.err
	}
	run()
	return nil
}

// outer is t as one row for each index of axis 0.
func outer[T float32 | int32](t *tensor.Tensor, m rows[T]) rows[T] {
	m.n, m.cols, m.per, m.stride = int(t.Shape[0]), t.Inner(), 1, int(t.Stride)
	if t.Elems() == 0 {
		m.stride = 0
	}
	return m
}

// move gathers, y[i] = x[idx[i]] or fill, or scatters, y[idx[i]] = x[i], with fill
// in the rows that no index names, or what they held.
func move[T float32 | int32](s *stream, op tensor.Op, x, y rows[T], idx []int32, fill T) {
	if op != tensor.OpGatherRows {
		if op == tensor.OpScatterRows {
			s.each(y.n, y.cols, func(i int) { setAll(y.row(i), fill) })
		}
		s.each(x.n, x.cols, func(i int) {
			if to := int(idx[i]); to >= 0 && to < y.n {
				copy(y.row(to), x.row(i))
			}
		})
		return
	}
	s.each(y.n, y.cols, func(i int) {
		if from := int(idx[i]); from >= 0 && from < x.n {
			copy(y.row(i), x.row(from))
		} else {
			setAll(y.row(i), fill)
		}
	})
}

func setAll[T any](row []T, v T) {
	for i := range row {
		row[i] = v
	}
}
