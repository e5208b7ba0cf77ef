package cpuref

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

// rows is a tensor as a matrix: all axes but the last are rows. An absent
// operand has no rows.
type rows[T float32 | int32] struct {
	data    []T // from the first element on
	n, cols int
	per     int // rows of one index of axis 0
	stride  int // elements between indexes of axis 0
}

func (r rows[T]) row(i int) []T {
	at := i*r.cols - i/r.per*(r.per*r.cols-r.stride)
	return r.data[at : at+r.cols : at+r.cols]
}

// view collects the operands of a call as rows, and the first error.
type view struct {
	s   *stream
	err error
}

func (v *view) memory(t *tensor.Tensor, get func(*buffer, *stream) ([]float32, error)) []float32 {
	if t.Buf == nil || v.err != nil {
		return nil
	}
	x, ok := t.Buf.(*buffer)
	if !ok || x == nil || x.mem != &v.s.b.mem {
		v.err = fmt.Errorf("%v is not in memory of this backend: %w", t.Spec, tensor.ErrShape)
		return nil
	}
	data, err := get(x, v.s)
	if err != nil {
		v.err = fmt.Errorf("%v is %w", t.Spec, err)
		return nil
	}
	return data[t.Off/4:]
}

// in and out are an F32 operand and a result as rows; ints and outInts the same
// for I32.
func (v *view) in(t *tensor.Tensor) rows[float32]  { return matrix(t, v.memory(t, (*buffer).read)) }
func (v *view) out(t *tensor.Tensor) rows[float32] { return matrix(t, v.memory(t, (*buffer).write)) }
func (v *view) ints(t *tensor.Tensor) rows[int32] {
	return matrix(t, int32s(v.memory(t, (*buffer).read)))
}
func (v *view) outInts(t *tensor.Tensor) rows[int32] {
	return matrix(t, int32s(v.memory(t, (*buffer).write)))
}

// vector is a rank-1 operand, or nil where it is absent.
func (v *view) vector(t *tensor.Tensor) []float32 {
	if t.Buf == nil {
		return nil
	}
	data := v.memory(t, (*buffer).read)
	if v.err != nil {
		return nil
	}
	return data[:t.Elems()]
}

func matrix[T float32 | int32](t *tensor.Tensor, data []T) rows[T] {
	if data == nil {
		return rows[T]{per: 1}
	}
	m := rows[T]{data: data, n: t.Rows(), cols: t.Cols(), per: 1, stride: int(t.Stride)}
	if t.Elems() == 0 {
		m.stride = 0
		return m
	}
	if t.Rank < 2 { // one row, or one element
		m.stride = m.cols
		return m
	}
	m.per = max(1, m.n/max(1, int(t.Shape[0])))
	return m
}

// flat turns views of one shape into the longest rows that are dense in each:
// all elements in rows of flatCols where none has gaps, else one row for each
// index of axis 0. The last row may be short.
func flat[T float32 | int32](m rows[T], dense bool) rows[T] {
	total := m.n * m.cols
	if !dense {
		return rows[T]{data: m.data, n: m.n / m.per, cols: m.cols * m.per, per: 1, stride: m.stride}
	}
	return rows[T]{data: m.data[:min(total, len(m.data))], n: (total + flatCols - 1) / flatCols, cols: flatCols, per: 1, stride: flatCols}
}

const flatCols = 4096

// part is row i of a flat view.
func (r rows[T]) part(i int) []T {
	at := i * r.stride
	return r.data[at:min(at+r.cols, len(r.data))]
}

func allDense(ts ...*tensor.Tensor) bool {
	for _, t := range ts {
		if t.Buf != nil && !t.Dense() {
			return false
		}
	}
	return true
}

// put stores v, or with add adds it to what is there.
func put(p *float32, v float64, add bool) {
	if add {
		v += float64(*p)
	}
	*p = float32(v)
}
