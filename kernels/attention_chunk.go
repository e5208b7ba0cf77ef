package kernels

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

// chunk is rows q0 to q1 of the queries and k0 to k1 of the keys: some sequences
// with the gaps before them.
type chunk struct{ q0, q1, k0, k1 int }

// at are the operands within a chunk.
func (a *heads) at(sp chunk) heads {
	p := *a
	p.q, p.k, p.v = rowsOf(a.q, sp.q0, sp.q1), rowsOf(a.k, sp.k0, sp.k1), rowsOf(a.v, sp.k0, sp.k1)
	p.firstRow, p.firstKey = a.firstRow+sp.q0, a.firstKey+sp.k0
	return p
}

// chunks calls fn on as many sequences at a time as bindings hold, fits true; on a
// single one that they do not hold, fits false. byRow and byKey are the operands
// with a row for each query and for each key.
func (s *stream) chunks(a *heads, byRow, byKey []tensor.Tensor, fn func(sp chunk, fits bool) error) error {
	rows, keys := a.c.Rows, a.c.Keys
	limit := s.b.window()
	holds := func(sp chunk) bool { return within(byRow, sp.q0, sp.q1, limit) && within(byKey, sp.k0, sp.k1, limit) }
	whole := chunk{0, rows.Rows(), 0, keys.Rows()}
	if n := rows.Batch(); n <= 1 || holds(whole) {
		return fn(whole, holds(whole))
	}
	// Sequence b ends where the next begins, so that every gap belongs to one.
	end := func(b int) (q, k int) {
		if b+1 < rows.Batch() {
			return int(rows.Start[b+1]), int(keys.Start[b+1])
		}
		return rows.Rows(), keys.Rows()
	}
	var sp chunk
	for b := 0; b < rows.Batch(); {
		sp.q1, sp.k1 = end(b)
		fits := holds(sp)
		for b++; fits && b < rows.Batch(); b++ {
			more := sp
			if more.q1, more.k1 = end(b); !holds(more) {
				break
			}
			sp = more
		}
		if err := fn(sp, fits); err != nil {
			return err
		}
		sp.q0, sp.k0 = sp.q1, sp.k1
	}
	return nil
}

// within says whether rows lo to hi of every operand fit into a binding.
func within(ts []tensor.Tensor, lo, hi int, limit int64) bool {
	for _, t := range ts {
		if t.Present() && rowsOf(t, lo, hi).Extent() > limit {
			return false
		}
	}
	return true
}

// eachKV calls fn on each kv head with the query heads that read it, its keys and
// values packed.
func (s *stream) eachKV(a *heads, fn func(one *heads) error) error {
	group := a.q.Dim(1) / a.k.Dim(1)
	for g := range a.k.Dim(1) {
		k, err := s.packHead(a.k, g)
		if err != nil {
			return err
		}
		v, err := s.packHead(a.v, g)
		if err != nil {
			return err
		}
		one := *a
		one.q, one.k, one.v, one.firstHead = headsFrom(a.q, g*group, group), k, v, g*group
		err = fn(&one)
		tensor.FreeAll(s, k, v)
		if err != nil {
			return err
		}
	}
	return nil
}

// eachPart calls fn on parts of the rows of ts that fit into bindings.
func (s *stream) eachPart(ts []tensor.Tensor, fn func(lo, hi int) error) error {
	limit := s.b.window()
	for lo, n := 0, ts[0].Dim(0); lo < n; {
		hi := n
		for _, t := range ts {
			if o := axis0(t); o.present() {
				hi = min(hi, o.fit(lo, limit))
			}
		}
		if hi <= lo {
			return errRow(limit)
		}
		if err := fn(lo, hi); err != nil {
			return err
		}
		lo = hi
	}
	return nil
}

// packHead is head h of x [R,H,D] by itself, [R,1,D]. One that exceeds a binding is
// an error.
func (s *stream) packHead(x tensor.Tensor, h int) (tensor.Tensor, error) {
	sp := tensor.Of(x.DType, x.Dim(0), 1, x.Dim(2))
	if n := sp.Bytes(); n > s.b.window() {
		return tensor.Tensor{}, fmt.Errorf("a head of %d rows takes %d bytes, this device binds %d: %w", x.Dim(0), n, s.b.window(), tensor.ErrUnsupported)
	}
	buf, err := s.temp(sp.Bytes())
	if err != nil {
		return tensor.Tensor{}, err
	}
	t := tensor.View(buf, sp)
	return t, s.copy(headsFrom(x, h, 1), t)
}

// rowsOf is rows lo to hi of axis 0; an absent tensor stays absent.
func rowsOf(t tensor.Tensor, lo, hi int) tensor.Tensor {
	if t.Present() {
		t.Off += int64(lo) * int64(t.Stride) * int64(t.DType.Size())
		t.Shape[0] = int32(hi - lo)
	}
	return t
}

// headsFrom is n heads of t [R,H,D], columnsFrom n columns of t [R,H], from the
// lo-th one.
func headsFrom(t tensor.Tensor, lo, n int) tensor.Tensor {
	t.Off += int64(lo) * int64(t.Dim(2)) * int64(t.DType.Size())
	t.Shape[1] = int32(n)
	return t
}

func columnsFrom(t tensor.Tensor, lo, n int) tensor.Tensor {
	if t.Present() {
		t.Off += int64(lo) * int64(t.DType.Size())
		t.Shape[1] = int32(n)
	}
	return t
}
