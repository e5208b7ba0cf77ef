package cephalo

import (
	"context"
	"iter"

	"github.com/cephalo-ml/cephalo/heads"
)

// Dependency is a word of a sentence with the word that it depends on, as CoNLL-U
// has it.
type Dependency struct {
	Index int    `json:"index"` // from 1
	Word  string `json:"word"`
	Head  int    `json:"head"`  // index of the head, 0 the root
	Label string `json:"label"` // relation to the head
	Start int    `json:"start"` // bytes
	End   int    `json:"end"`
}

// Parse gives the dependency tree of each sentence: its words in order, exactly one
// of them on the root. A text is taken for one sentence.
func (m *Model) Parse(ctx context.Context, sentences []string, l Length) ([][]Dependency, error) {
	return all(m.ParseSeq(ctx, textsOf(sentences), l))
}

// ParseSeq parses sentences as they come.
func (m *Model) ParseSeq(ctx context.Context, sentences iter.Seq[Text], l Length) iter.Seq2[[]Dependency, error] {
	t, err := m.task(heads.KindDependencyParsing)
	if err != nil {
		return failed[[]Dependency](err)
	}
	return pipeline(ctx, m, sentences, m.parser(t, l), m.answer)
}

// parser prepares sentences for a dependency parser, whose words are marked by
// their first tokens.
func (m *Model) parser(t *task, l Length) func(Text) (work[[]Dependency], error) {
	labels := t.config().Labels
	return func(in Text) (work[[]Dependency], error) {
		if err := in.one("parsing"); err != nil {
			return work[[]Dependency]{}, err
		}
		e, err := m.encode(in, l)
		if err != nil {
			return work[[]Dependency]{}, err
		}
		words := wordsOf(e)
		finish := func(out output) ([]Dependency, error) {
			number := map[int]int{-1: 0} // by column of the first token
			for i, w := range words {
				number[w.lo] = i + 1
			}
			tree := make([]Dependency, len(words))
			for _, a := range out.arcs {
				i := number[a.Dependent]
				w := words[i-1]
				tree[i-1] = Dependency{Index: i, Word: in.Text[w.Start:w.End], Head: number[a.Head], Label: labels[a.Label], Start: w.Start, End: w.End}
			}
			return tree, nil
		}
		return oneAsk(ask{task: t, seqs: []*sequence{m.sequenceOf(e)}, words: wordMask(e)}, finish), nil
	}
}
