package cephalo

import (
	"context"
	"errors"
	"iter"
	"math"
	"slices"
	"sort"

	"github.com/cephalo-ml/cephalo/heads"
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
// vectors, or what the function of a similarity head says.
func (m *Model) Similar(ctx context.Context, pairs []Text, o EmbedOptions) ([]float64, error) {
	return all(m.SimilarSeq(ctx, slices.Values(pairs), o))
}

// SimilarSeq compares pairs as they come.
func (m *Model) SimilarSeq(ctx context.Context, pairs iter.Seq[Text], o EmbedOptions) iter.Seq2[float64, error] {
	if t, err := m.task(heads.KindTextSimilarity); err == nil {
		return pipeline(ctx, m, pairs, m.comparer(t, o.Length), m.answer)
	}
	e, err := m.embedder(o)
	if err != nil {
		return failed[float64](err)
	}
	prepare := func(in Text) (work[float64], error) {
		seqs, err := m.sides(in, e.prompt, o.Length)
		if err != nil {
			return work[float64]{}, err
		}
		return work[float64]{
			asks:   []ask{{seqs: seqs[:1]}, {seqs: seqs[1:]}},
			finish: func(out []output) (float64, error) { return Cosine(out[0].vector, out[1].vector), nil },
		}, nil
	}
	return pipeline(ctx, m, pairs, prepare, e.vectors)
}

// comparer prepares pairs for a similarity head.
func (m *Model) comparer(t *task, l Length) func(Text) (work[float64], error) {
	return func(in Text) (work[float64], error) {
		seqs, err := m.sides(in, "", l)
		if err != nil {
			return work[float64]{}, err
		}
		return oneAsk(ask{task: t, seqs: seqs}, func(out output) (float64, error) { return out.score, nil }), nil
	}
}

// similarity prepares texts for a similarity head: a pair gives its score, a text
// alone its embedding.
func (m *Model) similarity(t *task, l Length) func(Text) (work[any], error) {
	compare := m.comparer(t, l)
	return func(in Text) (work[any], error) {
		if in.Pair != nil {
			w, err := compare(in)
			return work[any]{asks: w.asks, finish: func(outs []output) (any, error) { return w.finish(outs) }}, err
		}
		seqs, err := m.sequences(in, l)
		if err != nil {
			return work[any]{}, err
		}
		return oneAsk(ask{task: t, seqs: seqs}, func(out output) (any, error) { return out.vector, nil }), nil
	}
}

// errNoPair is a single text where two are compared.
var errNoPair = errors.New("one text where a pair of texts is wanted")

// sides are both texts of a pair, each a sequence of its own behind the prompt.
func (m *Model) sides(t Text, prompt string, l Length) ([]*sequence, error) {
	if t.Err == nil && t.Pair == nil {
		return nil, errNoPair
	}
	a, err := m.sequences(Text{Text: prompt + t.Text, Err: t.Err}, l)
	if err != nil {
		return nil, err
	}
	b, err := m.sequences(Text{Text: prompt + *t.Pair}, l)
	return append(a, b...), err
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
