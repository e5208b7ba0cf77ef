package encoders

import (
	"slices"

	"github.com/cephalo-ml/cephalo/tensor"
)

// runLayers runs the blocks, each in a Segment, and keeps or frees what lies
// between them. It gives the last result, which it does not add to out.All.
func runLayers(s *tensor.Scope, x tensor.Tensor, n int, want Want, out *Output, block func(*tensor.Scope, int, tensor.Tensor) (tensor.Tensor, error)) (tensor.Tensor, error) {
	for i := range n {
		y, err := s.Segment(x, func(s *tensor.Scope, x tensor.Tensor) (tensor.Tensor, error) { return block(s, i, x) })
		if err != nil {
			return x, err
		}
		if want.AllHidden {
			out.All = append(out.All, x)
		} else {
			s.Free(x.Buf)
		}
		x = y
	}
	return x, nil
}

// layouts uploads the batch's layout, by whose columns masks and windows go, and
// gives the layout to rotate by: the same one, or given position_ids in its place.
func (b *Batch) layouts(s *tensor.Scope, limit int) (turn *tensor.Layout, err error) {
	if err := b.Layout.Upload(s); err != nil {
		return nil, err
	}
	if b.Positions == nil {
		return b.Layout, nil
	}
	if err := b.inRange("position_ids", b.Positions, limit); err != nil {
		return nil, err
	}
	l := *b.Layout
	l.Pos = slices.Clone(b.Positions)
	return &l, l.Upload(s)
}
