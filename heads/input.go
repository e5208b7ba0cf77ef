package heads

import (
	"fmt"
	"sort"
	"strings"

	"github.com/cephalo-ml/cephalo/tensor"
)

// InputOf reads the guide's map: hidden_states (required, tensor.Tensor),
// attention_mask (tensor.Host), pooler_output (tensor.Tensor). A nil or absent
// mask or pooled vector is none.
func InputOf(m map[string]any) (Input, error) {
	var in Input
	h, ok := m["hidden_states"]
	if !ok {
		keys := make([]string, 0, len(m))
		for k := range m {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		return in, fmt.Errorf("missing key %q; keys given: %s: %w", "hidden_states", strings.Join(keys, ", "), ErrInputFormat)
	}
	for k, v := range m {
		var ok bool
		switch k {
		case "hidden_states":
			in.Hidden, ok = h.(tensor.Tensor)
		case "pooler_output":
			in.Pooled, ok = v.(tensor.Tensor)
			ok = ok || v == nil
		case "attention_mask":
			in.Mask, ok = v.(tensor.Host)
			ok = ok || v == nil
		default:
			return in, fmt.Errorf("key %q is unknown, want hidden_states, attention_mask, pooler_output: %w", k, ErrInputFormat)
		}
		if !ok {
			return in, fmt.Errorf("key %q holds a %T: want a tensor.Tensor, a tensor.Host for the mask: %w", k, v, ErrInputFormat)
		}
	}
	return in, nil
}

// rowsIn is an input as the blocks take it: packed rows with their layout, or one
// row a sequence without.
type rowsIn struct {
	x     tensor.Tensor
	rows  *tensor.Layout // nil: x is [B,D]
	owned bool           // x is a temporary of the head's
	// of the padded form, where the input came in it
	padded    bool
	b, l      int
	at        []int32 // index of each row in the padded form
	gathered  tensor.Tensor
	unpackIdx tensor.Tensor
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

// maskValues reads a mask of an integer, bool or float dtype.
func maskValues(m tensor.Host) ([]int32, error) {
	out := make([]int32, m.Elems())
	if m.DType == tensor.F32 || m.DType == tensor.F16 || m.DType == tensor.BF16 {
		v, err := m.Float32()
		if err != nil {
			return nil, err
		}
		for i, x := range v {
			if x != 0 && x != 1 {
				return nil, fmt.Errorf("mask value %v at %d, want 0 or 1: %w", x, i, ErrInputFormat)
			}
			out[i] = int32(x)
		}
		return out, nil
	}
	v, err := m.Int64()
	if err != nil {
		return nil, err
	}
	for i, x := range v {
		if x != 0 && x != 1 {
			return nil, fmt.Errorf("mask value %d at %d, want 0 or 1: %w", x, i, ErrInputFormat)
		}
		out[i] = int32(x)
	}
	return out, nil
}

// rowsOf checks an input against a head of the given width and packs it. ranks
// names the ranks that the head takes, for the error.
func rowsOf(s *tensor.Scope, head string, dim int, in Input, pooled, sequence bool) (*rowsIn, error) {
	h := in.Hidden
	accepted := map[bool]string{true: "packed rows, rank 3 [B,L,D] or rank 2 [B,D]", false: "packed rows or rank 3 [B,L,D]"}[pooled]
	if !sequence {
		accepted = "rank 2 [B,D]"
	}
	switch {
	case !h.Present():
		return nil, fmt.Errorf("head %q: hidden states are missing: %w", head, ErrInputFormat)
	case h.DType == tensor.I32:
		return nil, fmt.Errorf("head %q: hidden states are %v: token ids go to an encoder first: %w", head, h.Spec, ErrInputFormat)
	case h.DType != tensor.F32:
		return nil, fmt.Errorf("head %q: hidden states are %v, want F32: %w", head, h.Spec, ErrInputFormat)
	case h.Rank < 2 || h.Rank > 3 || (in.Layout != nil && h.Rank != 2) || (in.Layout == nil && h.Rank == 2 && !pooled) || ((in.Layout != nil || h.Rank == 3) && !sequence):
		return nil, fmt.Errorf("head %q: hidden states are %v (layout given: %t), want %s: %w", head, h.Spec, in.Layout != nil, accepted, ErrInputFormat)
	case h.Cols() != dim:
		return nil, fmt.Errorf("head %q: input_dim %d does not match hidden size %d; create the head with input_dim=%d: %w", head, dim, h.Cols(), h.Cols(), ErrDimMismatch)
	}
	if in.Layout != nil {
		if in.Layout.Rows() != h.Dim(0) {
			return nil, fmt.Errorf("head %q: %d rows for a layout of %d: %w", head, h.Dim(0), in.Layout.Rows(), ErrInputFormat)
		}
		return &rowsIn{x: h, rows: in.Layout}, nil
	}
	if h.Rank == 2 {
		if h.Dim(0) == 0 {
			return nil, fmt.Errorf("head %q: an empty batch: %w", head, ErrInputFormat)
		}
		return &rowsIn{x: h}, nil
	}
	return packRows(s, head, in)
}

// packRows drops the masked rows of a padded input [B,L,D].
func packRows(s *tensor.Scope, head string, in Input) (*rowsIn, error) {
	h := in.Hidden
	r := &rowsIn{padded: true, b: h.Dim(0), l: h.Dim(1)}
	if r.b == 0 || r.l == 0 {
		return nil, fmt.Errorf("head %q: hidden states are %v: B and L must be more than 0: %w", head, h.Spec, ErrInputFormat)
	}
	mask := make([]int32, r.b*r.l)
	for i := range mask {
		mask[i] = 1
	}
	if in.Mask.Data != nil {
		if in.Mask.Rank != 2 || in.Mask.Dim(0) != r.b || in.Mask.Dim(1) != r.l {
			return nil, fmt.Errorf("head %q: attention_mask is %v, want [%d %d]: %w", head, in.Mask.Spec, r.b, r.l, ErrInputFormat)
		}
		var err error
		if mask, err = maskValues(in.Mask); err != nil {
			return nil, fmt.Errorf("head %q: attention_mask: %w", head, err)
		}
	}
	var err error
	if r.rows, r.at, err = tensor.LayoutOfMask(mask, r.b, r.l); err != nil {
		return nil, fmt.Errorf("head %q: %w", head, err)
	}
	if err := r.rows.Upload(s); err != nil {
		return nil, err
	}
	flat, err := h.Reshape(r.b*r.l, h.Dim(2))
	if err != nil {
		return nil, err
	}
	if len(r.at) == r.b*r.l {
		r.x = flat
		return r, nil
	}
	idx, err := tensor.Upload(s, r.at, len(r.at))
	if err != nil {
		return nil, err
	}
	r.x, err = tensor.GatherRows(s, flat, idx, 0)
	r.owned = true
	return r, err
}

// unpack gives rows [R,..] in the form of the input: as they are, or padded
// [B,L,..] with fill. It frees y where it copies.
func (r *rowsIn) unpack(s *tensor.Scope, y tensor.Tensor, fill float32) (tensor.Tensor, error) {
	if !r.padded {
		return y, nil
	}
	shape := append([]int{r.b, r.l}, y.Dims()[1:]...)
	if len(r.at) == r.b*r.l && y.Dense() {
		return y.Reshape(shape...)
	}
	if !r.unpackIdx.Present() {
		idx := make([]int32, r.b*r.l)
		for i := range idx {
			idx[i] = -1
		}
		for row, at := range r.at {
			idx[at] = int32(row)
		}
		var err error
		if r.unpackIdx, err = tensor.Upload(s, idx, len(idx)); err != nil {
			return y, err
		}
	}
	z, err := tensor.GatherRows(s, y, r.unpackIdx, fill)
	if err != nil {
		return z, err
	}
	return z.Reshape(shape...)
}
