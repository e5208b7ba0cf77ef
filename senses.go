package cephalo

import (
	"context"
	"iter"
	"slices"

	"github.com/cephalo-ml/cephalo/heads"
)

// Sense is what a word means where it stands.
type Sense struct {
	Mention
	Label string
	Score float64
}

// Senses gives the sense of each of a text's Targets, or without them of every
// word. A pair is a text with a gloss (GlossBERT): its Targets lie in the text.
func (m *Model) Senses(ctx context.Context, texts []Text, l Length) ([][]Sense, error) {
	return all(m.SensesSeq(ctx, slices.Values(texts), l))
}

// SensesSeq does so as texts come.
func (m *Model) SensesSeq(ctx context.Context, texts iter.Seq[Text], l Length) iter.Seq2[[]Sense, error] {
	t, err := m.task(heads.KindTargetClassification)
	if err != nil {
		return failed[[]Sense](err)
	}
	return pipeline(ctx, m, texts, m.senser(t, l), m.answer)
}

func (m *Model) senser(t *task, l Length) func(Text) (work[[]Sense], error) {
	labels := t.config().Labels
	return func(in Text) (work[[]Sense], error) {
		e, err := m.encode(in, l)
		if err != nil {
			return work[[]Sense]{}, err
		}
		spans, targets, err := targetsOf(e, in)
		if err != nil {
			return work[[]Sense]{}, err
		}
		if len(targets) == 0 {
			return work[[]Sense]{finish: func([]output) ([]Sense, error) { return []Sense{}, nil }}, nil
		}
		return oneAsk(ask{task: t, seqs: []*sequence{m.sequenceOf(e)}, targets: targets}, func(out output) ([]Sense, error) {
			senses := make([]Sense, len(spans))
			for i, at := range spans {
				label, score := likeliest(labels, out.rows[i])
				senses[i] = Sense{Mention: mention(in.Text, at), Label: label, Score: score}
			}
			return senses, nil
		}), nil
	}
}

// likeliest is the class of the largest logit, the first on ties, and its probability.
func likeliest(labels []string, logits []float32) (string, float64) {
	p, k := probabilities(logits), 0
	for i, v := range p {
		if v > p[k] {
			k = i
		}
	}
	return labels[k], p[k]
}
