package cephalo

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/cephalo-ml/cephalo/heads"
)

// Query asks for texts to be ranked.
type Query struct {
	Query string
	Texts []string
	Err   error // an input that could not be read: its place gets this error
}

// RankOptions are the rare knobs of Rank.
type RankOptions struct {
	Length
	TopK int  // 0: all
	Raw  bool // logits of classes as scores; a ranking or similarity head has no others
}

// Rank scores each text with the query, best first. Of a model's heads a ranking
// head goes before a similarity head, and this before a cross-encoder of one logit
// (its sigmoid) or of two classes (the second's probability); in a folder without
// a head for it, the encoder's vectors are compared.
func (m *Model) Rank(ctx context.Context, queries []Query, o RankOptions) ([][]Hit, error) {
	return all(m.RankSeq(ctx, slices.Values(queries), o))
}

// RankSeq ranks as queries come.
func (m *Model) RankSeq(ctx context.Context, queries iter.Seq[Query], o RankOptions) iter.Seq2[[]Hit, error] {
	t, err := m.rankingTask()
	if err == nil && o.TopK < 0 {
		err = fmt.Errorf("top-k is %d, want 0 or more", o.TopK)
	}
	switch {
	case err != nil:
		return failed[[]Hit](err)
	case t == nil:
		return m.rankByVectors(ctx, queries, o)
	case t.kind() == heads.KindTextSimilarity:
		return pipeline(ctx, m, queries, m.searcher(t, o.TopK, o.Length), m.answer)
	}
	return pipeline(ctx, m, queries, m.ranker(t, o), m.answer)
}

// rankingTask is the head that scores texts for a query, nil where vectors do.
func (m *Model) rankingTask() (*task, error) {
	all, err := m.tasks()
	if err != nil { // the encoder alone
		return nil, nil
	}
	classes := ofKind(all, heads.KindTextClassification)
	for _, fit := range [][]*task{
		ofKind(all, heads.KindRanking),
		ofKind(all, heads.KindTextSimilarity),
		slices.DeleteFunc(slices.Clone(classes), func(t *task) bool { return t.config().NumClasses > 2 }),
	} {
		if len(fit) > 0 {
			return only(all, fit, heads.KindRanking)
		}
	}
	switch {
	case len(classes) > 0:
		c := classes[0].config()
		return nil, fmt.Errorf("ranking takes a head of one logit or two classes, %s has %d", c.Name, c.NumClasses)
	case m.module != nil: // heads of ours, for something else
		return only(all, nil, heads.KindRanking)
	}
	return nil, nil
}

// ranker prepares queries for a head that reads each pair as one sequence.
func (m *Model) ranker(t *task, o RankOptions) func(Query) (work[[]Hit], error) {
	regression, ranks := t.config().ProblemType == heads.RegressionProblem, t.kind() == heads.KindRanking
	score := func(out output) float64 {
		z := out.vector
		switch {
		case o.Raw || ranks || regression:
			return float64(z[len(z)-1])
		case len(z) == 1:
			return sigmoid(float64(z[0]))
		}
		return probabilities(z)[1]
	}
	return func(q Query) (work[[]Hit], error) {
		w := hitsOf(q, o.TopK, score)
		if q.Err != nil {
			return w, q.Err
		}
		for i := range q.Texts {
			seqs, err := m.sequences(Text{Text: q.Query, Pair: &q.Texts[i]}, o.Length)
			if err != nil {
				return w, fmt.Errorf("text %d: %w", i, err)
			}
			w.asks = append(w.asks, ask{task: t, seqs: seqs})
		}
		return w, nil
	}
}

func (m *Model) rankByVectors(ctx context.Context, queries iter.Seq[Query], o RankOptions) iter.Seq2[[]Hit, error] {
	return func(yield func([]Hit, error) bool) {
		i := 0
		for q := range queries {
			hits, err := []Hit(nil), q.Err
			if err == nil {
				hits, err = m.Search(ctx, q.Query, q.Texts, o.TopK, EmbedOptions{Length: o.Length})
			}
			if err != nil && ctx.Err() == nil {
				err = &InputError{Index: i, Err: err}
			}
			if !yield(hits, err) || ctx.Err() != nil {
				return
			}
			i++
		}
	}
}
