package encoders

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

// Padded is a batch as Hugging Face knows it: arrays [Batch, Cols], row-major.
type Padded struct {
	IDs         []int32
	Mask        []int32 // 1 keep, 0 padding; nil: all ones
	Types       []int32 // token_type_ids; nil: zeros
	Positions   []int32 // position_ids; nil: the family's own
	Batch, Cols int
}

// Batch is the kept tokens of all sequences, one row each.
type Batch struct {
	Layout    *tensor.Layout
	IDs       []int32 // [R]
	Types     []int32 // [R] or nil
	Positions []int32 // [R] or nil: given position_ids
	At        []int32 // [R]: index of each row in the padded form
	padded    []int32 // ids of the padded form, which RoBERTa counts; nil: the rows are all there is
}

// NewBatch packs a padded batch. Errors: sizes that disagree, a mask value other
// than 0 and 1, an empty batch.
func NewBatch(p Padded) (*Batch, error) {
	n := p.Batch * p.Cols
	if p.Batch <= 0 || p.Cols <= 0 {
		return nil, fmt.Errorf("batch of %d sequences of %d tokens: want at least one of each: %w", p.Batch, p.Cols, tensor.ErrShape)
	}
	if p.IDs == nil {
		return nil, fmt.Errorf("input_ids are missing: %w", tensor.ErrShape)
	}
	for _, a := range []struct {
		name string
		v    []int32
	}{{"input_ids", p.IDs}, {"attention_mask", p.Mask}, {"token_type_ids", p.Types}, {"position_ids", p.Positions}} {
		if a.v != nil && len(a.v) != n {
			return nil, fmt.Errorf("%s has %d values, want %d x %d: %w", a.name, len(a.v), p.Batch, p.Cols, tensor.ErrShape)
		}
	}
	mask := p.Mask
	if mask == nil {
		mask = make([]int32, n)
		for i := range mask {
			mask[i] = 1
		}
	}
	layout, at, err := tensor.LayoutOfMask(mask, p.Batch, p.Cols)
	if err != nil {
		return nil, err
	}
	pick := func(v []int32) []int32 {
		if v == nil {
			return nil
		}
		out := make([]int32, len(at))
		for i, j := range at {
			out[i] = v[j]
		}
		return out
	}
	return &Batch{Layout: layout, IDs: pick(p.IDs), Types: pick(p.Types), Positions: pick(p.Positions), At: at, padded: p.IDs}, nil
}

// PackBatch lays sequences of token ids one after another, without padding; types
// may be nil, and so may each of its entries.
func PackBatch(ids, types [][]int32) (*Batch, error) {
	if len(ids) == 0 {
		return nil, fmt.Errorf("batch of no sequences: %w", tensor.ErrShape)
	}
	b := &Batch{}
	lens, cols := make([]int, len(ids)), 0
	for i, s := range ids {
		lens[i], cols = len(s), max(cols, len(s))
	}
	for i, s := range ids {
		for j := range s {
			b.At = append(b.At, int32(i*cols+j))
		}
		b.IDs = append(b.IDs, s...)
		if types == nil {
			continue
		}
		if types[i] != nil && len(types[i]) != len(s) {
			return nil, fmt.Errorf("token_type_ids of sequence %d: %d values, want %d: %w", i, len(types[i]), len(s), tensor.ErrShape)
		}
		t := types[i]
		if t == nil {
			t = make([]int32, len(s))
		}
		b.Types = append(b.Types, t...)
	}
	b.Layout = tensor.NewLayout(lens...)
	return b, nil
}

// check verifies ids, types and lengths against the config.
func (b *Batch) check(c Config) error {
	if int(b.Layout.Cols) > c.MaxTokens {
		return fmt.Errorf("%s: a sequence of %d tokens, at most %d positions: %w", c.ModelType, b.Layout.Cols, c.MaxTokens, tensor.ErrShape)
	}
	if err := b.inRange("input_ids", b.IDs, c.VocabSize); err != nil {
		return fmt.Errorf("%s: %w", c.ModelType, err)
	}
	if c.TypeVocabSize > 0 && b.Types != nil {
		if err := b.inRange("token_type_ids", b.Types, c.TypeVocabSize); err != nil {
			return fmt.Errorf("%s: %w", c.ModelType, err)
		}
	}
	return nil
}

func (b *Batch) inRange(name string, v []int32, n int) error {
	for i, x := range v {
		if x < 0 || int(x) >= n {
			return fmt.Errorf("%s of sequence %d at column %d is %d, want 0 to %d: %w", name, b.Layout.Seq()[i], b.Layout.Pos[i], x, n-1, tensor.ErrShape)
		}
	}
	return nil
}

// upload writes the layout and a list of indexes to the stream.
func (b *Batch) upload(s *tensor.Scope, v []int32) (tensor.Tensor, error) {
	return tensor.Upload(s, v, len(v))
}

// Unpack gives rows [R,..] in the padded form [B,L,..] with fill at padded places.
func (b *Batch) Unpack(s tensor.Stream, x tensor.Tensor, fill float32) (tensor.Tensor, error) {
	n, cols := b.Layout.Batch(), int(b.Layout.Cols)
	idx := make([]int32, n*cols)
	for i := range idx {
		idx[i] = -1
	}
	for r, at := range b.At {
		idx[at] = int32(r)
	}
	it, err := tensor.Upload(s, idx, len(idx))
	if err != nil {
		return tensor.Tensor{}, err
	}
	defer s.Free(it.Buf)
	y, err := tensor.GatherRows(s, x, it, fill)
	if err != nil {
		return tensor.Tensor{}, err
	}
	return y.Reshape(append([]int{n, cols}, x.Dims()[1:]...)...)
}
