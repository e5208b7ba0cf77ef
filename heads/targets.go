package heads

import (
	"fmt"
	"slices"

	"github.com/cephalo-ml/cephalo/tensor"
)

// needTargets says that an input must name at least one target.
func needTargets(head string, in Input, what string) error {
	if len(in.Targets) == 0 {
		return fmt.Errorf("head %q: no targets, want %s: %w", head, what, ErrInputFormat)
	}
	return nil
}

// span is the rows of a target, half-open; there is at least one.
type span struct{ lo, hi int32 }

// spanOf finds the kept rows at columns start to end of a sequence.
func (r *rowsIn) spanOf(head string, i, seq, start, end int) (span, error) {
	bad := func(why string) (span, error) {
		return span{}, fmt.Errorf("head %q: target %d, columns %d to %d of sequence %d: %s: %w", head, i, start, end, seq, why, ErrInputFormat)
	}
	switch {
	case seq < 0 || seq >= r.rows.Batch():
		return bad(fmt.Sprintf("the batch has %d sequences", r.rows.Batch()))
	case start < 0 || end <= start || end > int(r.rows.Cols):
		return bad(fmt.Sprintf("want 0 <= start < end <= %d", r.rows.Cols))
	}
	first := r.rows.Start[seq]
	pos := r.rows.Pos[first : first+r.rows.Len[seq]]
	lo, _ := slices.BinarySearch(pos, int32(start))
	hi, _ := slices.BinarySearch(pos, int32(end))
	if lo == hi {
		return bad("no kept token is there")
	}
	return span{first + int32(lo), first + int32(hi)}, nil
}

// spans are the rows of the first span of every target.
func (r *rowsIn) spans(head string, ts []Target) ([]span, error) {
	out := make([]span, len(ts))
	for i, t := range ts {
		var err error
		if out[i], err = r.spanOf(head, i, t.Seq, t.Start, t.End); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// gather picks rows of x by a list made on the host; a row outside is zeros.
func gather(s *tensor.Scope, x tensor.Tensor, rows []int32) (tensor.Tensor, error) {
	idx, err := tensor.Upload(s, rows, len(rows))
	if err != nil {
		return idx, err
	}
	defer s.Free(idx.Buf)
	return tensor.GatherRows(s, x, idx, 0)
}

// firsts gathers the first row of each span: [M,W].
func firsts(s *tensor.Scope, x tensor.Tensor, spans []span) (tensor.Tensor, error) {
	rows := make([]int32, len(spans))
	for i, sp := range spans {
		rows[i] = sp.lo
	}
	return gather(s, x, rows)
}

// means averages the rows of each span: [M,W].
func means(s *tensor.Scope, x tensor.Tensor, spans []span) (tensor.Tensor, error) {
	var rows []int32
	lens := make([]int, len(spans))
	for i, sp := range spans {
		lens[i] = int(sp.hi - sp.lo)
		for row := sp.lo; row < sp.hi; row++ {
			rows = append(rows, row)
		}
	}
	l := tensor.NewLayout(lens...)
	if err := l.Upload(s); err != nil {
		return tensor.Tensor{}, err
	}
	y, err := gather(s, x, rows)
	if err != nil {
		return y, err
	}
	defer s.Free(y.Buf)
	return tensor.Pool(s, y, l, tensor.PoolMean, tensor.Tensor{}, tensor.Tensor{})
}

// withSoftmax are logits [M,C] and their probabilities.
func withSoftmax(s *tensor.Scope, logits tensor.Tensor, err error) (Output, error) {
	if err != nil {
		return Output{}, err
	}
	p, err := tensor.Softmax(s, logits)
	return Output{Logits: logits, Probabilities: p}, err
}
