package cephalo

import (
	"context"
	"iter"
	"math"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tokenizers"
)

// How candidates of mentions are made and pruned: the widest, in words, and how
// many go on to the ranking of antecedents, for each word (Lee et al. 2017).
const (
	widestMention   = 10
	mentionsPerWord = 0.4
)

// Coreferences gives, for each text, the clusters of mentions that mean the same,
// in the order of the text. Candidates are all spans of up to ten words; the best
// by their mention score, two for five words, are ranked as antecedents.
func (m *Model) Coreferences(ctx context.Context, texts []string, l Length) ([][][]Mention, error) {
	return all(m.CoreferencesSeq(ctx, textsOf(texts), l))
}

// CoreferencesSeq does so as texts come.
func (m *Model) CoreferencesSeq(ctx context.Context, texts iter.Seq[Text], l Length) iter.Seq2[[][]Mention, error] {
	t, err := m.task(heads.KindCoreference)
	if err != nil {
		return failed[[][]Mention](err)
	}
	return pipeline(ctx, m, texts, m.resolver(t, l), m.answer)
}

func (m *Model) resolver(t *task, l Length) func(Text) (work[[][]Mention], error) {
	return func(in Text) (work[[][]Mention], error) {
		if err := in.one("coreference resolution"); err != nil {
			return work[[][]Mention]{}, err
		}
		e, err := m.encode(in, l)
		if err != nil {
			return work[[][]Mention]{}, err
		}
		words := wordsOf(e)
		a := ask{task: t, seqs: []*sequence{m.sequenceOf(e)}, targets: candidates(words), keep: int(math.Ceil(mentionsPerWord * float64(len(words))))}
		return oneAsk(a, func(out output) ([][]Mention, error) {
			all := [][]Mention{}
			for _, columns := range out.clusters {
				var c []Mention
				for _, at := range columns {
					c = append(c, mention(in.Text, bytesOf(e, at)))
				}
				all = append(all, c)
			}
			return all, nil
		}), nil
	}
}

// candidates are all runs of words up to the widest mention, in order.
func candidates(words []word) []heads.Target {
	var all []heads.Target
	for i := range words {
		for j := i; j < min(i+widestMention, len(words)); j++ {
			all = append(all, heads.Target{Start: words[i].lo, End: words[j].hi})
		}
	}
	return all
}

// bytesOf are the bytes of columns, half-open.
func bytesOf(e *tokenizers.Encoding, at [2]int) Span {
	return Span{Start: e.Offsets[at[0]].Start, End: e.Offsets[at[1]-1].End}
}
