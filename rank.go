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
	Raw  bool // logits as scores; those of a ranking head are
}

// Rank scores each text as a pair with the query, best first: by a ranking head,
// by a cross-encoder of one logit (its sigmoid) or of two classes (the second's
// probability); in a folder without such a head, by the cosine of vectors.
func (m *Model) Rank(ctx context.Context, queries []Query, o RankOptions) ([][]Hit, error) {
	return all(m.RankSeq(ctx, slices.Values(queries), o))
}

// RankSeq ranks as queries come.
func (m *Model) RankSeq(ctx context.Context, queries iter.Seq[Query], o RankOptions) iter.Seq2[[]Hit, error] {
	t, err := m.task(heads.KindRanking, heads.KindTextClassification)
	switch {
	case err != nil && m.module != nil && m.kind() != heads.KindTextSimilarity:
		return failed[[]Hit](err)
	case err != nil: // a head for something else, or none
		return m.rankByVectors(ctx, queries, o)
	}
	prepare, err := m.ranker(t, o)
	if err != nil {
		return failed[[]Hit](err)
	}
	return pipeline(ctx, m, queries, prepare, m.answer)
}

// ranker prepares queries for a head that scores pairs.
func (m *Model) ranker(t *task, o RankOptions) (func(Query) (work[[]Hit], error), error) {
	cfg := t.config()
	ranks := t.kind() == heads.KindRanking
	if !ranks && cfg.NumClasses > 2 {
		return nil, fmt.Errorf("ranking takes a head of one logit or two classes, %s has %d", cfg.Name, cfg.NumClasses)
	}
	score := func(z []float32) float64 {
		switch {
		case o.Raw || ranks || cfg.ProblemType == heads.RegressionProblem:
			return float64(z[len(z)-1])
		case len(z) == 1:
			return sigmoid(float64(z[0]))
		}
		p := []float64{float64(z[0]), float64(z[1])}
		softmax(p)
		return p[1]
	}
	return func(q Query) (work[[]Hit], error) {
		w := work[[]Hit]{finish: func(outs []output) ([]Hit, error) {
			hits := make([]Hit, len(outs))
			for i, out := range outs {
				hits[i] = Hit{Index: i, Score: score(out.vector), Text: q.Texts[i]}
			}
			return best(hits, o.TopK), nil
		}}
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
	}, nil
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
