package cephalo

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/cephalo-ml/cephalo/heads"
)

// Choice asks which of several texts goes best with a question or a beginning.
type Choice struct {
	Question string
	Choices  []string
	Err      error // an input that could not be read: its place gets this error
}

// Chosen is the answer: the index of the best choice, its score, and the scores
// of all, which sum to 1.
type Chosen struct {
	Choice int       `json:"choice"`
	Score  float64   `json:"score"`
	Scores []float64 `json:"scores"`
}

// Choose answers multiple-choice questions, in order.
func (m *Model) Choose(ctx context.Context, questions []Choice, l Length) ([]Chosen, error) {
	return all(m.ChooseSeq(ctx, slices.Values(questions), l))
}

// ChooseSeq answers as questions come: each choice is a pair with the question.
func (m *Model) ChooseSeq(ctx context.Context, questions iter.Seq[Choice], l Length) iter.Seq2[Chosen, error] {
	t, err := m.task(heads.KindMultipleChoice)
	if err != nil {
		return failed[Chosen](err)
	}
	return pipeline(ctx, m, questions, m.chooser(t, l), m.answer)
}

// chooser prepares questions for a multiple choice head.
func (m *Model) chooser(t *task, l Length) func(Choice) (work[Chosen], error) {
	return func(q Choice) (work[Chosen], error) {
		w := work[Chosen]{finish: func(outs []output) (Chosen, error) {
			c := Chosen{Scores: make([]float64, len(outs))}
			for i, out := range outs {
				c.Scores[i] = float64(out.vector[0])
			}
			softmax(c.Scores)
			for i, p := range c.Scores {
				if p > c.Scores[c.Choice] {
					c.Choice = i
				}
			}
			c.Score = c.Scores[c.Choice]
			return c, nil
		}}
		switch {
		case q.Err != nil:
			return w, q.Err
		case len(q.Choices) == 0:
			return w, fmt.Errorf("no choices")
		}
		for i := range q.Choices {
			seqs, err := m.sequences(Text{Text: q.Question, Pair: &q.Choices[i]}, l)
			if err != nil {
				return w, fmt.Errorf("choice %d: %w", i, err)
			}
			w.asks = append(w.asks, ask{task: t, seqs: seqs})
		}
		return w, nil
	}
}
