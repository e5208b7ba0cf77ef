package heads

import (
	"fmt"
	"slices"

	"github.com/cephalo-ml/cephalo/tensor"
)

// rowsIn is an input as the blocks take it: packed rows with their layout, or one
// row a sequence without.
type rowsIn struct {
	x     tensor.Tensor
	rows  *tensor.Layout // nil: x is [B,D]
	owned bool           // x is a temporary of the head's
	form  *form          // nil: outputs keep the form of x
}

// form is a padded form [b,l] whose kept rows are packed.
type form struct {
	b, l   int
	at     []int32       // index of each row in the padded form
	unpack tensor.Tensor // row of each place of the padded form, -1 none; made when asked for
}

// free drops x once it is read for the last time.
func (r *rowsIn) free(s *tensor.Scope) {
	if r.owned {
		s.Free(r.x.Buf)
		r.owned = false
	}
}

// step replaces x.
func (r *rowsIn) step(s *tensor.Scope, y tensor.Tensor, err error) error {
	if err != nil {
		return err
	}
	r.free(s)
	r.x, r.owned = y, true
	return nil
}

// packRows drops the masked rows of a padded input [B,L,D].
func packRows(s *tensor.Scope, head string, in Input) (*rowsIn, error) {
	h := in.Hidden
	b, l := h.Dim(0), h.Dim(1)
	if b == 0 || l == 0 {
		return nil, emptyBatch(head, h)
	}
	mask, err := maskOf(head, "attention_mask", in.Mask, b, l)
	if err != nil {
		return nil, err
	}
	rows, at, err := tensor.LayoutOfMask(mask, b, l)
	if err != nil {
		return nil, fmt.Errorf("head %q: %w", head, err)
	}
	if err := rows.Upload(s); err != nil {
		return nil, err
	}
	flat, err := h.Reshape(b*l, h.Dim(2))
	if err != nil {
		return nil, err
	}
	r := &rowsIn{x: flat, rows: rows, form: &form{b: b, l: l, at: at}}
	if len(at) == b*l {
		return r, nil
	}
	idx, err := tensor.Upload(s, at, len(at))
	if err != nil {
		return nil, err
	}
	defer s.Free(idx.Buf)
	x, err := tensor.GatherRows(s, flat, idx, 0)
	return r, r.step(s, x, err)
}

// unpack gives rows y [R,..] in the form of the input: as they are, or padded
// [B,L,..] with fill, where it frees y.
func (r *rowsIn) unpack(s *tensor.Scope, y tensor.Tensor, fill float32) (tensor.Tensor, error) {
	z, err := r.place(s, y, fill)
	if err == nil && z.Buf != y.Buf {
		s.Free(y.Buf)
	}
	return z, err
}

// place is unpack that leaves y.
func (r *rowsIn) place(s *tensor.Scope, y tensor.Tensor, fill float32) (tensor.Tensor, error) {
	f := r.form
	if f == nil {
		return y, nil
	}
	shape := append([]int{f.b, f.l}, y.Dims()[1:]...)
	if len(f.at) == f.b*f.l && y.Dense() {
		return y.Reshape(shape...)
	}
	if !f.unpack.Present() {
		idx := make([]int32, f.b*f.l)
		for i := range idx {
			idx[i] = -1
		}
		for row, at := range f.at {
			idx[at] = int32(row)
		}
		var err error
		if f.unpack, err = tensor.Upload(s, idx, len(idx)); err != nil {
			return y, err
		}
	}
	z, err := tensor.GatherRows(s, y, f.unpack, fill)
	if err != nil {
		return z, err
	}
	return z.Reshape(shape...)
}

// taken says which rows take part where a head tags words: all (nil), or those that
// the tag mask keeps.
func (r *rowsIn) taken(head string, m tensor.Host) ([]int32, error) {
	if m.Data == nil {
		return nil, nil
	}
	v, err := r.byRow(head, "tag_mask", m)
	if err != nil {
		return nil, err
	}
	for row, x := range v {
		if x != 0 && x != 1 {
			return nil, fmt.Errorf("head %q: tag_mask of row %d is %d, want 0 or 1: %w", head, row, x, ErrInputFormat)
		}
	}
	return v, nil
}

// byRow reads one integer for each row: [R] beside packed rows, [B,L] beside the
// padded form.
func (r *rowsIn) byRow(head, name string, m tensor.Host) ([]int32, error) {
	want := []int{r.x.Dim(0)}
	if r.form != nil {
		want = []int{r.form.b, r.form.l}
	}
	if !slices.Equal(m.Dims(), want) {
		return nil, fmt.Errorf("head %q: %s is %v, want %v: %w", head, name, m.Spec, want, ErrInputFormat)
	}
	v, err := hostInts(m)
	if err != nil {
		return nil, fmt.Errorf("head %q: %s: %w", head, name, err)
	}
	if r.form == nil {
		return v, nil
	}
	out := make([]int32, len(r.form.at))
	for row, at := range r.form.at {
		out[row] = v[at]
	}
	return out, nil
}
