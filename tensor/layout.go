package tensor

import (
	"encoding/binary"
	"fmt"
)

// Layout says where the sequences of a batch lie in a matrix of rows. Gaps are
// allowed: a key-value cache has more rows than are in use.
type Layout struct {
	Start, Len []int32 // per sequence: first row, rows in use
	Pos        []int32 // per row: its column in the padded form
	Cols       int32   // width of the padded form

	// Dev holds Start, Len, Pos and the sequence of each row (-1 in a gap), one
	// after another, I32 [2*B + 2*R], where a kernel can read them. Upload sets it.
	Dev Tensor
}

// NewLayout is the layout of sequences that lie one after another without
// padding: row i of a sequence has position i.
func NewLayout(lens ...int) *Layout {
	l := &Layout{}
	for _, n := range lens {
		l.Start = append(l.Start, int32(len(l.Pos)))
		l.Len = append(l.Len, int32(n))
		for i := range n {
			l.Pos = append(l.Pos, int32(i))
		}
		l.Cols = max(l.Cols, int32(n))
	}
	return l
}

// LayoutOfMask packs the kept places of a mask [batch, cols] (1 keep, 0 not):
// the layout of the kept rows, and for each of them its index in the padded form.
// A kept row keeps its column as its position.
func LayoutOfMask(mask []int32, batch, cols int) (*Layout, []int32, error) {
	if batch < 0 || cols < 0 || len(mask) != batch*cols {
		return nil, nil, fmt.Errorf("attention_mask: %d values, want %d x %d: %w", len(mask), batch, cols, ErrShape)
	}
	l := &Layout{Cols: int32(cols)}
	var at []int32
	for b := range batch {
		l.Start = append(l.Start, int32(len(at)))
		for c := range cols {
			switch mask[b*cols+c] {
			case 0:
			case 1:
				at = append(at, int32(b*cols+c))
				l.Pos = append(l.Pos, int32(c))
			default:
				return nil, nil, fmt.Errorf("attention_mask[%d,%d] is %d, want 0 or 1: %w", b, c, mask[b*cols+c], ErrShape)
			}
		}
		l.Len = append(l.Len, int32(len(at))-l.Start[b])
	}
	return l, at, nil
}

// Batch is the number of sequences.
func (l *Layout) Batch() int { return len(l.Start) }

// Rows is the number of rows of the matrix, gaps included.
func (l *Layout) Rows() int { return len(l.Pos) }

// MaxLen is the number of rows of the longest sequence.
func (l *Layout) MaxLen() int {
	var n int32
	for _, v := range l.Len {
		n = max(n, v)
	}
	return int(n)
}

// Check verifies that every sequence lies within the rows and that none overlap.
func (l *Layout) Check() error {
	if len(l.Start) != len(l.Len) {
		return fmt.Errorf("layout: %d starts, %d lengths: %w", len(l.Start), len(l.Len), ErrShape)
	}
	end := int64(0)
	for i, s := range l.Start {
		if s < 0 || l.Len[i] < 0 || int64(s) < end || int64(s)+int64(l.Len[i]) > int64(len(l.Pos)) {
			return fmt.Errorf("layout: sequence %d lies at rows %d to %d of %d: %w", i, s, s+l.Len[i], len(l.Pos), ErrShape)
		}
		end = int64(s) + int64(l.Len[i])
	}
	return nil
}

// Seq is the sequence that each row belongs to, -1 in a gap.
func (l *Layout) Seq() []int32 {
	seq := make([]int32, len(l.Pos))
	for i := range seq {
		seq[i] = -1
	}
	for b, s := range l.Start {
		for r := s; r < s+l.Len[b]; r++ {
			seq[r] = int32(b)
		}
	}
	return seq
}

// Upload writes the arrays to a temporary of s and points Dev at it. Call it
// once per stream, before the first operation that takes the layout.
func (l *Layout) Upload(s Stream) error {
	if err := l.Check(); err != nil {
		return err
	}
	n := 2*len(l.Start) + 2*len(l.Pos)
	buf, err := s.Temp(int64(4 * max(n, 1)))
	if err != nil {
		return err
	}
	raw := make([]byte, 0, 4*n)
	for _, part := range [][]int32{l.Start, l.Len, l.Pos, l.Seq()} {
		for _, v := range part {
			raw = binary.LittleEndian.AppendUint32(raw, uint32(v))
		}
	}
	l.Dev = View(buf, Of(I32, n))
	if n == 0 {
		return nil
	}
	return s.Write(l.Dev, raw)
}
