package cephalo

import (
	"context"
	"iter"
	"slices"
)

// KeyPhrase is what a text is about. Label is "" where the head knows one kind.
type KeyPhrase struct {
	Mention
	Label string
	Score float64
}

// KeyPhrases gives the key phrases of each text, in its order, each once: of equal
// ones the surest.
func (m *Model) KeyPhrases(ctx context.Context, texts []string, o TagOptions) ([][]KeyPhrase, error) {
	return all(m.KeyPhrasesSeq(ctx, textsOf(texts), o))
}

// KeyPhrasesSeq does so as texts come.
func (m *Model) KeyPhrasesSeq(ctx context.Context, texts iter.Seq[Text], o TagOptions) iter.Seq2[[]KeyPhrase, error] {
	return extracted(ctx, m, texts, o, keyPhrasesOf)
}

func keyPhrasesOf(es []Entity) []KeyPhrase {
	phrases, at := []KeyPhrase{}, map[string]int{}
	for _, e := range es {
		p := KeyPhrase{Mention: Mention{Word: e.Word, Start: e.Start, End: e.End}, Label: e.Label, Score: e.Score}
		i, ok := at[e.Word]
		switch {
		case !ok:
			at[e.Word] = len(phrases)
			phrases = append(phrases, p)
		case e.Score > phrases[i].Score:
			phrases[i] = p
		}
	}
	slices.SortFunc(phrases, func(a, b KeyPhrase) int { return a.Start - b.Start })
	return phrases
}
