package cephalo

import (
	"context"
	"errors"
	"fmt"
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

// Similar gives the similarity of the two texts of each pair: what the function of
// the model's similarity head says, or without such a head the cosine of the
// encoder's vectors, as Embed gives them. With a head, options beside Length are
// errors.
func (m *Model) Similar(ctx context.Context, pairs []Text, o EmbedOptions) ([]float64, error) {
	return all(m.SimilarSeq(ctx, slices.Values(pairs), o))
}

// SimilarSeq compares pairs as they come.
func (m *Model) SimilarSeq(ctx context.Context, pairs iter.Seq[Text], o EmbedOptions) iter.Seq2[float64, error] {
	t, err := m.similarityTask()
	switch {
	case err != nil:
		return failed[float64](err)
	case t != nil:
		if err := o.onlyLength(t); err != nil {
			return failed[float64](err)
		}
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

// similarityTask is the model's similarity head, nil where it has none.
func (m *Model) similarityTask() (*task, error) {
	all, err := m.tasks()
	if err != nil { // the encoder alone
		return nil, nil
	}
	fit := ofKind(all, heads.KindTextSimilarity)
	if len(fit) == 0 {
		return nil, nil
	}
	return only(all, fit, heads.KindTextSimilarity)
}

// onlyLength refuses options of the encoder's vectors where a head compares.
func (o EmbedOptions) onlyLength(t *task) error {
	if o.Pooling == "" && o.Normalize == nil && o.Dimensions == 0 && o.Prompt == "" {
		return nil
	}
	return fmt.Errorf("pooling, normalize, dimensions and prompt are of the encoder's vectors: the head %q compares texts its own way", t.name)
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

// Search ranks texts by their similarity with the query, as Similar has it, best
// first, the topK best (0: all).
func (m *Model) Search(ctx context.Context, query string, texts []string, topK int, o EmbedOptions) ([]Hit, error) {
	t, err := m.similarityTask()
	switch {
	case err != nil:
		return nil, err
	case topK < 0:
		return nil, fmt.Errorf("top-k is %d, want 0 or more", topK)
	case t != nil:
		if err := o.onlyLength(t); err != nil {
			return nil, err
		}
		q := slices.Values([]Query{{Query: query, Texts: texts}})
		hits, err := all(pipeline(ctx, m, q, m.searcher(t, topK, o.Length), m.answer))
		var of *InputError
		switch {
		case errors.As(err, &of): // of the only query
			return nil, of.Err
		case err != nil:
			return nil, err
		}
		return hits[0], nil
	}
	v, err := m.Embed(ctx, append([]string{query}, texts...), o)
	var of *InputError
	switch {
	case errors.As(err, &of) && of.Index == 0:
		return nil, fmt.Errorf("query: %w", of.Err)
	case errors.As(err, &of):
		return nil, fmt.Errorf("text %d: %w", of.Index-1, of.Err)
	case err != nil:
		return nil, err
	}
	hits := make([]Hit, len(texts))
	for i, t := range texts {
		hits[i] = Hit{Index: i, Score: Cosine(v[0], v[i+1]), Text: t}
	}
	return best(hits, topK), nil
}

// searcher prepares queries for a similarity head, which reads the query once a batch.
func (m *Model) searcher(t *task, topK int, l Length) func(Query) (work[[]Hit], error) {
	return func(q Query) (work[[]Hit], error) {
		w := hitsOf(q, topK, func(out output) float64 { return out.score })
		if q.Err != nil {
			return w, q.Err
		}
		query, err := m.sequences(Text{Text: q.Query}, l)
		if err != nil {
			return w, fmt.Errorf("query: %w", err)
		}
		for i, text := range q.Texts {
			seqs, err := m.sequences(Text{Text: text}, l)
			if err != nil {
				return w, fmt.Errorf("text %d: %w", i, err)
			}
			w.asks = append(w.asks, ask{task: t, seqs: append(slices.Clip(query), seqs...)})
		}
		return w, nil
	}
}

// hitsOf is the work of a query without its asks, one for each text.
func hitsOf(q Query, topK int, score func(output) float64) work[[]Hit] {
	return work[[]Hit]{finish: func(outs []output) ([]Hit, error) {
		hits := make([]Hit, len(outs))
		for i, out := range outs {
			hits[i] = Hit{Index: i, Score: score(out), Text: q.Texts[i]}
		}
		return best(hits, topK), nil
	}}
}

// best sorts hits by falling score, the first of equals first.
func best(hits []Hit, topK int) []Hit {
	sort.SliceStable(hits, func(i, j int) bool { return hits[i].Score > hits[j].Score })
	if topK > 0 && topK < len(hits) {
		hits = hits[:topK]
	}
	return hits
}
