package heads

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cephalo-ml/cephalo/tensor"
)

// Pair is the input of a head that compares two: a type of its own, since a batch
// of two is no pair. The sides may differ in length, mask and rank.
type Pair struct{ A, B Input }

// InputOf reads what callers give a head: an Input; a bare tensor, which is
// Input{Hidden: t}; or the guide's map with the keys hidden_states (required, a
// tensor.Tensor), attention_mask (a tensor.Host) and pooler_output (a
// tensor.Tensor). A nil or absent mask or pooled vector is none.
func InputOf(v any) (Input, error) {
	switch v := v.(type) {
	case Input:
		return v, nil
	case tensor.Tensor:
		return Input{Hidden: v}, nil
	case map[string]any:
		return inputOfMap(v)
	case Pair:
		return Input{}, fmt.Errorf("a pair where one input is wanted: %w", ErrInputFormat)
	}
	return Input{}, fmt.Errorf("input is a %T, want heads.Input, tensor.Tensor or a map with hidden_states: %w", v, ErrInputFormat)
}

// PairOf makes a pair of two inputs of any form that InputOf reads.
func PairOf(a, b any) (p Pair, err error) {
	if p.A, err = InputOf(a); err != nil {
		return p, fmt.Errorf("first of the pair: %w", err)
	}
	if p.B, err = InputOf(b); err != nil {
		return p, fmt.Errorf("second of the pair: %w", err)
	}
	return p, nil
}

func inputOfMap(m map[string]any) (in Input, err error) {
	if _, ok := m["hidden_states"]; !ok {
		return in, fmt.Errorf("missing key %q; keys given: %s: %w", "hidden_states", strings.Join(slices.Sorted(maps.Keys(m)), ", "), ErrInputFormat)
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		v, ok := m[k], true
		switch k {
		case "hidden_states":
			in.Hidden, ok = v.(tensor.Tensor)
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
			return in, fmt.Errorf("key %q holds a %T: want a tensor.Tensor, for the mask a tensor.Host: %w", k, v, ErrInputFormat)
		}
	}
	return in, nil
}

// Apply runs a head on a Pair or on whatever InputOf reads.
func Apply(s *tensor.Scope, h Head, in any) (Output, error) {
	name := h.Config().Name
	if p, ok := in.(Pair); ok {
		ph, ok := h.(PairHead)
		if !ok {
			return Output{}, fmt.Errorf("head %q: a pair was given; a %s head takes one input: %w", name, h.Kind(), ErrInputFormat)
		}
		return ph.ForwardPair(s, p)
	}
	one, err := InputOf(in)
	if err != nil {
		return Output{}, fmt.Errorf("head %q: %w", name, err)
	}
	return h.Forward(s, one)
}

// hostInts reads whole numbers of an integer, bool or float dtype.
func hostInts(m tensor.Host) ([]int32, error) {
	if int64(len(m.Data)) != m.Bytes() {
		return nil, fmt.Errorf("%d bytes for %v: %w", len(m.Data), m.Spec, ErrInputFormat)
	}
	out := make([]int32, m.Elems())
	if m.DType == tensor.F32 || m.DType == tensor.F16 || m.DType == tensor.BF16 {
		v, err := m.Float32()
		if err != nil {
			return nil, err
		}
		for i, x := range v {
			if out[i] = int32(x); float32(out[i]) != x {
				return nil, fmt.Errorf("value %v at %d, want a whole number: %w", x, i, ErrInputFormat)
			}
		}
		return out, nil
	}
	v, err := m.Int64()
	if err != nil {
		return nil, err
	}
	for i, x := range v {
		if out[i] = int32(x); int64(out[i]) != x {
			return nil, fmt.Errorf("value %d at %d is too large: %w", x, i, ErrInputFormat)
		}
	}
	return out, nil
}

// maskOf reads a mask of b sequences of l columns; an absent one is all ones.
func maskOf(head, name string, m tensor.Host, b, l int) ([]int32, error) {
	if m.Data == nil {
		mask := make([]int32, b*l)
		for i := range mask {
			mask[i] = 1
		}
		return mask, nil
	}
	if m.Rank != 2 || m.Dim(0) != b || m.Dim(1) != l {
		return nil, fmt.Errorf("head %q: %s is %v, want [%d %d]: %w", head, name, m.Spec, b, l, ErrInputFormat)
	}
	v, err := hostInts(m)
	if err != nil {
		return nil, fmt.Errorf("head %q: %s: %w", head, name, err)
	}
	for i, x := range v {
		if x != 0 && x != 1 {
			return nil, fmt.Errorf("head %q: %s: value %d at %d, want 0 or 1: %w", head, name, x, i, ErrInputFormat)
		}
	}
	return v, nil
}

// accepts says which ranks a head takes.
type accepts struct {
	pooled   bool // [B,D]
	sequence bool // packed rows, [B,L,D]
}

func (a accepts) String() string {
	switch {
	case !a.sequence:
		return "rank 2 [B,D]"
	case a.pooled:
		return "packed rows, rank 3 [B,L,D] or rank 2 [B,D]"
	}
	return "packed rows or rank 3 [B,L,D]"
}

// rowsOf checks an input against a head of the given width and packs it.
func rowsOf(s *tensor.Scope, head string, dim int, in Input, a accepts) (*rowsIn, error) {
	h := in.Hidden
	if err := checkHidden(head, dim, h); err != nil {
		return nil, err
	}
	ok := h.Rank == 2 && (in.Layout != nil && a.sequence || in.Layout == nil && a.pooled) || h.Rank == 3 && in.Layout == nil && a.sequence
	switch {
	case !ok:
		return nil, fmt.Errorf("head %q: hidden states are %v of rank %d (layout given: %t), want %s: %w", head, h.Spec, h.Rank, in.Layout != nil, a, ErrInputFormat)
	case in.Layout != nil:
		if in.Layout.Rows() != h.Dim(0) {
			return nil, fmt.Errorf("head %q: %d rows for a layout of %d: %w", head, h.Dim(0), in.Layout.Rows(), ErrInputFormat)
		}
		if in.Layout.Batch() == 0 {
			return nil, emptyBatch(head, h)
		}
		return &rowsIn{x: h, rows: in.Layout, form: in.form}, nil
	case h.Dim(0) == 0:
		return nil, emptyBatch(head, h)
	case h.Rank == 2:
		return &rowsIn{x: h}, nil
	}
	return packRows(s, head, in)
}

// checkHidden refuses what can be no head's hidden states.
func checkHidden(head string, dim int, h tensor.Tensor) error {
	switch {
	case !h.Present():
		return fmt.Errorf("head %q: hidden states are missing: %w", head, ErrInputFormat)
	case h.DType == tensor.I32 || h.DType == tensor.I64:
		return fmt.Errorf("head %q: hidden states are %v: token ids go to an encoder first: %w", head, h.Spec, ErrInputFormat)
	case h.DType != tensor.F32:
		return fmt.Errorf("head %q: hidden states are %v, want F32: %w", head, h.Spec, ErrInputFormat)
	case h.Rank < 2:
		return fmt.Errorf("head %q: hidden states are %v of rank %d, want at least 2: %w", head, h.Spec, h.Rank, ErrInputFormat)
	case h.Cols() != dim:
		return fmt.Errorf("head %q: %w", head, dimMismatch(dim, h.Cols()))
	}
	return nil
}

func emptyBatch(head string, h tensor.Tensor) error {
	return fmt.Errorf("head %q: hidden states are %v: an empty batch: %w", head, h.Spec, ErrInputFormat)
}
