package heads

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cephalo-ml/cephalo/tensor"
)

// Span is an answer: columns of the padded form, both inclusive.
type Span struct {
	Start, End int
	Score      float32 // start logit + end logit
}

// AnswerSpans are the columns of the largest start and the largest end logit of
// each sequence, each by itself (the guide's answer_spans); the first on ties, -1
// for a sequence without rows. rows lays out packed logits, nil for padded ones.
func AnswerSpans(out Result, rows *tensor.Layout) ([][2]int32, error) {
	seqs, err := spanScores(out, rows)
	if err != nil {
		return nil, err
	}
	spans := make([][2]int32, len(seqs))
	for i, q := range seqs {
		spans[i] = [2]int32{q.argmax(q.start), q.argmax(q.end)}
	}
	return spans, nil
}

// BestSpans are the topK spans of each sequence by start + end logit, among those
// with start <= end of at most maxLen columns (0: any length); the first on ties.
func BestSpans(out Result, rows *tensor.Layout, maxLen, topK int) ([][]Span, error) {
	if maxLen < 0 || topK < 1 {
		return nil, fmt.Errorf("best spans: maximum length %d, top %d: want 0 or more, and at least 1", maxLen, topK)
	}
	seqs, err := spanScores(out, rows)
	if err != nil {
		return nil, err
	}
	best := make([][]Span, len(seqs))
	for i, q := range seqs {
		best[i] = q.best(maxLen, topK)
	}
	return best, nil
}

// spanScore holds the kept columns of one sequence, in order.
type spanScore struct {
	col        []int32
	start, end []float32
}

func spanScores(out Result, rows *tensor.Layout) ([]spanScore, error) {
	var v [2][]float32
	for i, key := range []string{"start_logits", "end_logits"} {
		h := out[key]
		ok, want := h.Rank == 2 && h.SameShape(out["start_logits"].Spec), "[B,L], both alike"
		if rows != nil {
			ok, want = h.Rank == 1 && h.Dim(0) == rows.Rows(), fmt.Sprintf("[%d], one for each packed row", rows.Rows())
		}
		if !ok {
			return nil, fmt.Errorf("%s is %v, want %s: %w", key, h.Spec, want, ErrInputFormat)
		}
		var err error
		if v[i], err = out.finite(key); err != nil {
			return nil, err
		}
	}
	if rows != nil {
		seqs := make([]spanScore, rows.Batch())
		for i, lo := range rows.Start {
			hi := lo + rows.Len[i]
			seqs[i] = spanScore{rows.Pos[lo:hi], v[0][lo:hi], v[1][lo:hi]}
		}
		return seqs, nil
	}
	b, l := out["start_logits"].Dim(0), out["start_logits"].Dim(1)
	seqs := make([]spanScore, b)
	for i := range seqs {
		q := &seqs[i]
		for c := range l {
			if v[0][i*l+c] == maskedLogit {
				continue
			}
			q.col, q.start, q.end = append(q.col, int32(c)), append(q.start, v[0][i*l+c]), append(q.end, v[1][i*l+c])
		}
	}
	return seqs, nil
}

func (q *spanScore) argmax(v []float32) int32 {
	if len(v) == 0 {
		return -1
	}
	at := 0
	for i := range v {
		if v[i] > v[at] {
			at = i
		}
	}
	return q.col[at]
}

func (q *spanScore) best(maxLen, topK int) []Span {
	var top []Span // by falling score
	for i, s := range q.start {
		for j := i; j < len(q.end); j++ {
			if maxLen > 0 && int(q.col[j]-q.col[i]) >= maxLen {
				break
			}
			sp := Span{Start: int(q.col[i]), End: int(q.col[j]), Score: s + q.end[j]}
			if len(top) == topK && !(sp.Score > top[topK-1].Score) {
				continue
			}
			at, _ := slices.BinarySearchFunc(top, sp, func(a, b Span) int { return cmp.Or(cmp.Compare(b.Score, a.Score), -1) })
			if top = slices.Insert(top, at, sp); len(top) > topK {
				top = top[:topK]
			}
		}
	}
	return top
}
