package cephalo

import (
	"context"
	"fmt"
	"iter"
	"math"
	"sort"
)

// Cosine is the cosine of two vectors of one width; 0 where one is zero.
func Cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Max(math.Sqrt(aa)*math.Sqrt(bb), 1e-16)
}

// Similar gives the similarity of the two texts of each pair: the cosine of their
// vectors.
func (m *Model) Similar(ctx context.Context, pairs []Text, o EmbedOptions) ([]float64, error) {
	return all(m.SimilarSeq(ctx, func(yield func(Text) bool) {
		for _, p := range pairs {
			if !yield(p) {
				return
			}
		}
	}, o))
}

// SimilarSeq compares pairs as they come.
func (m *Model) SimilarSeq(ctx context.Context, pairs iter.Seq[Text], o EmbedOptions) iter.Seq2[float64, error] {
	e, err := m.embedder(o)
	if err != nil {
		return failed[float64](err)
	}
	prepare := func(t Text) (work[[]float32, float64], error) {
		w := work[[]float32, float64]{finish: func(v [][]float32) (float64, error) { return Cosine(v[0], v[1]), nil }}
		if t.Err == nil && t.Pair == nil {
			return w, fmt.Errorf("similarity takes a pair of texts")
		}
		sides := []string{t.Text, ""}
		if t.Pair != nil {
			sides[1] = *t.Pair
		}
		for _, side := range sides {
			enc, err := m.encode(Text{Text: e.prompt + side, Err: t.Err}, o.Length)
			if err != nil {
				return w, err
			}
			w.seqs = append(w.seqs, m.sequenceOf(enc))
		}
		return w, nil
	}
	return pipeline(ctx, m, pairs, prepare, e.vectors)
}

// Hit is one text of a list with its score.
type Hit struct {
	Index int
	Score float64
	Text  string
}

// Search ranks texts by the cosine of their vectors with the query's, best first,
// the topK best (0: all).
func (m *Model) Search(ctx context.Context, query string, texts []string, topK int, o EmbedOptions) ([]Hit, error) {
	v, err := m.Embed(ctx, append([]string{query}, texts...), o)
	if err != nil {
		return nil, err
	}
	hits := make([]Hit, len(texts))
	for i, t := range texts {
		hits[i] = Hit{Index: i, Score: Cosine(v[0], v[i+1]), Text: t}
	}
	return best(hits, topK), nil
}

// best sorts hits by falling score, the first of equals first.
func best(hits []Hit, topK int) []Hit {
	sort.SliceStable(hits, func(i, j int) bool { return hits[i].Score > hits[j].Score })
	if topK > 0 && topK < len(hits) {
		hits = hits[:topK]
	}
	return hits
}
