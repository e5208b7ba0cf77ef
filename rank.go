package cephalo

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
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
	Raw  bool // logits as scores
}

// Rank scores each text as a pair with the query, best first: by a cross-encoder
// of one logit (its sigmoid) or of two classes (the second's probability); in a
// folder without such a head, by the cosine of vectors.
func (m *Model) Rank(ctx context.Context, queries []Query, o RankOptions) ([][]Hit, error) {
	return all(m.RankSeq(ctx, slices.Values(queries), o))
}

// RankSeq ranks as queries come.
func (m *Model) RankSeq(ctx context.Context, queries iter.Seq[Query], o RankOptions) iter.Seq2[[]Hit, error] {
	switch k := m.kind(); {
	case m.module != nil && k != heads.KindTextClassification && k != heads.KindTextSimilarity:
		return failed[[]Hit](fmt.Errorf("ranking takes a classification head or an encoder alone, the model's is %s: %w", k, tensor.ErrUnsupported))
	case k != heads.KindTextClassification:
		return m.rankByVectors(ctx, queries, o)
	}
	cfg := m.head.Config()
	if cfg.NumClasses > 2 {
		return failed[[]Hit](fmt.Errorf("ranking takes a head of one logit or two classes, %s has %d", cfg.Name, cfg.NumClasses))
	}
	score := func(z []float32) float64 {
		switch {
		case o.Raw || cfg.ProblemType == heads.RegressionProblem:
			return float64(z[len(z)-1])
		case len(z) == 1:
			return 1 / (1 + math.Exp(-float64(z[0])))
		}
		p := []float64{float64(z[0]), float64(z[1])}
		softmax(p)
		return p[1]
	}
	prepare := func(q Query) (work[[]float32, []Hit], error) {
		w := work[[]float32, []Hit]{finish: func(out [][]float32) ([]Hit, error) {
			hits := make([]Hit, len(out))
			for i, z := range out {
				hits[i] = Hit{Index: i, Score: score(z), Text: q.Texts[i]}
			}
			return best(hits, o.TopK), nil
		}}
		if q.Err != nil {
			return w, q.Err
		}
		for i := range q.Texts {
			e, err := m.encode(Text{Text: q.Query, Pair: &q.Texts[i]}, o.Length)
			if err != nil {
				return w, fmt.Errorf("text %d: %w", i, err)
			}
			w.seqs = append(w.seqs, m.sequenceOf(e))
		}
		return w, nil
	}
	return pipeline(ctx, m, queries, prepare, m.logits)
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
