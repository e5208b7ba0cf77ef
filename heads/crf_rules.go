package heads

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

// forbidden is what a transition, start or end that the labels rule out adds to the
// score of a path.
const forbidden = -1e4

// rules say which paths the BIO labels allow: I-X follows B-X or I-X alone. Every
// label may end a path.
type rules struct {
	labels      []string
	transitions []float32 // [C,C], 0 or forbidden
	start       []float32 // [C]
}

func newRules(labels []string) (*rules, error) {
	c := len(labels)
	r := &rules{labels: labels, transitions: make([]float32, c*c), start: make([]float32, c)}
	inside := 0
	for j, l := range labels {
		tag, name := bio(l)
		if tag != 'I' || name == l { // a plain label is bound to nothing
			continue
		}
		inside++
		r.start[j] = forbidden
		for i, before := range labels {
			if b, n := bio(before); b == 'O' || n != name || n == before {
				r.transitions[i*c+j] = forbidden
			}
		}
	}
	if inside == 0 {
		return nil, fmt.Errorf("crf_constraints: no label begins with I-, so %q are no BIO labels", labels)
	}
	return r, nil
}

// check says whether a path, given as classes with the columns they stand at, keeps
// to the rules.
func (r *rules) check(seq int, classes, cols []int32) error {
	c := len(r.labels)
	for i, y := range classes {
		switch {
		case i == 0 && r.start[y] != 0:
			return fmt.Errorf("labels of sequence %d, column %d: %s cannot begin a text: %w", seq, cols[i], r.labels[y], ErrInputFormat)
		case i > 0 && r.transitions[int(classes[i-1])*c+int(y)] != 0:
			return fmt.Errorf("labels of sequence %d, column %d: %s cannot follow %s: %w", seq, cols[i], r.labels[y], r.labels[classes[i-1]], ErrInputFormat)
		}
	}
	return nil
}

// positions are the rows of each sequence that take part in a path.
type positions struct {
	rows *tensor.Layout // of the rows that take part
	at   []int32        // for each of them its row; nil: all rows, in place
}

// positionsOf picks the rows that taken keeps (nil: all).
func positionsOf(rows *tensor.Layout, taken []int32) *positions {
	if taken == nil {
		return &positions{rows: rows}
	}
	p := &positions{rows: &tensor.Layout{Cols: rows.Cols}}
	for i, lo := range rows.Start {
		p.rows.Start = append(p.rows.Start, int32(len(p.at)))
		for row := lo; row < lo+rows.Len[i]; row++ {
			if taken[row] == 1 {
				p.at = append(p.at, row)
				p.rows.Pos = append(p.rows.Pos, rows.Pos[row])
			}
		}
		p.rows.Len = append(p.rows.Len, int32(len(p.at))-p.rows.Start[i])
	}
	return p
}

// row is the row of the i-th position.
func (p *positions) row(i int32) int32 {
	if p.at == nil {
		return i
	}
	return p.at[i]
}

// ignored is the label that does not count, in Hugging Face's data and PyTorch.
const ignored = -100

// goldPaths checks labels by row (given: a tag mask says which take part, so that
// each of those needs a label) and gives the class of each position.
func (p *positions) goldPaths(labels []int32, classes int, r *rules) ([]int32, error) {
	out := make([]int32, p.rows.Rows())
	for i, lo := range p.rows.Start {
		hi := lo + p.rows.Len[i]
		for k := lo; k < hi; k++ {
			y := labels[p.row(k)]
			if y < 0 || int(y) >= classes {
				return nil, fmt.Errorf("labels of sequence %d, column %d: %d takes part, want 0 to %d: %w", i, p.rows.Pos[k], y, classes-1, ErrInputFormat)
			}
			out[k] = y
		}
		if r != nil {
			if err := r.check(i, out[lo:hi], p.rows.Pos[lo:hi]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
