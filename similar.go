package cephalo

import (
	"context"
	"fmt"
	"iter"
	"math"
	"sort"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
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

// SimilarSeq compares pairs as they come. A similarity head scores them by its own
// function.
func (m *Model) SimilarSeq(ctx context.Context, pairs iter.Seq[Text], o EmbedOptions) iter.Seq2[float64, error] {
	if h, ok := m.head.(heads.PairHead); ok {
		return m.similarByHead(ctx, h, pairs, o)
	}
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

// similarByHead runs each pair through encoder and head in a submit of its own.
func (m *Model) similarByHead(ctx context.Context, h heads.PairHead, pairs iter.Seq[Text], o EmbedOptions) iter.Seq2[float64, error] {
	prepare := func(t Text) (work[struct{}, float64], error) {
		var w work[struct{}, float64]
		if t.Err == nil && t.Pair == nil {
			return w, fmt.Errorf("similarity takes a pair of texts")
		}
		var seqs []sequence
		for i := range 2 {
			one := Text{Text: t.Text, Err: t.Err}
			if i == 1 && t.Pair != nil {
				one.Text = *t.Pair
			}
			e, err := m.encode(one, o.Length)
			if err != nil {
				return w, err
			}
			seqs = append(seqs, m.sequenceOf(e))
		}
		w.finish = func([]struct{}) (float64, error) { return m.pairScore(ctx, h, seqs) }
		return w, nil
	}
	return pipeline(ctx, m, pairs, prepare, func(context.Context, []sequence) ([]struct{}, error) { return nil, nil })
}

// pairScore encodes both sides in one pass; each side is a layout over its rows.
func (m *Model) pairScore(ctx context.Context, h heads.PairHead, seqs []sequence) (float64, error) {
	batch, err := pack(seqs)
	if err != nil {
		return 0, err
	}
	score := 0.0
	err = m.forward(ctx, func(s *tensor.Scope) error {
		enc, err := m.encoder.Forward(s, batch, encoders.Want{Pooled: m.readsPooled()})
		if err != nil {
			return err
		}
		var sides [2]heads.Input
		for i := range sides {
			l := *batch.Layout
			l.Start, l.Len = l.Start[i:i+1], l.Len[i:i+1]
			if err := l.Upload(s); err != nil {
				return err
			}
			sides[i] = heads.Input{Hidden: enc.Hidden, Layout: &l}
			if enc.Pooled.Present() {
				if sides[i].Pooled, err = enc.Pooled.Slice(i, i+1); err != nil {
					return err
				}
			}
		}
		out, err := h.ForwardPair(s, heads.Pair{A: sides[0], B: sides[1]})
		if err != nil {
			return err
		}
		v, err := tensor.Download(ctx, s, out.SimilarityScore)
		if err == nil {
			score = float64(v[0])
		}
		return err
	})
	return score, err
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
