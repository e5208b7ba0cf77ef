package cephalo

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/cephalo-ml/cephalo/heads"
)

// Relation is what holds between two entities of a text, from Head to Tail.
type Relation struct {
	Head, Tail Mention
	Label      string
	Score      float64
}

// Relations classifies the relation of every ordered pair of a text's Targets,
// which are its entities; at least two. Where the tokenizer knows the markers [E1],
// [/E1], [E2] and [/E2], each pair is read with them about its entities, as the
// head's paper has it; else the head reads the first tokens of the bare entities.
func (m *Model) Relations(ctx context.Context, texts []Text, l Length) ([][]Relation, error) {
	return all(m.RelationsSeq(ctx, slices.Values(texts), l))
}

// RelationsSeq does so as texts come.
func (m *Model) RelationsSeq(ctx context.Context, texts iter.Seq[Text], l Length) iter.Seq2[[]Relation, error] {
	t, err := m.task(heads.KindRelationExtraction)
	if err != nil {
		return failed[[]Relation](err)
	}
	return pipeline(ctx, m, texts, m.relater(t, l), m.answer)
}

// errNoEntities is a text without the places that relations hold between.
var errNoEntities = fmt.Errorf("relations hold between entities: want at least two targets")

func (m *Model) relater(t *task, l Length) func(Text) (work[[]Relation], error) {
	labels, marks := t.config().Labels, m.knowsMarkers()
	return func(in Text) (work[[]Relation], error) {
		var w work[[]Relation]
		if err := in.one("relation extraction"); err != nil {
			return w, err
		}
		if len(in.Targets) < 2 {
			return w, errNoEntities
		}
		var pairs [][2]Span
		for i, a := range in.Targets {
			for j, b := range in.Targets {
				if i != j {
					pairs = append(pairs, [2]Span{a, b})
				}
			}
		}
		var err error
		if marks {
			w.asks, err = m.markedPairs(t, in, pairs, l)
		} else {
			w.asks, err = m.barePairs(t, in, pairs, l)
		}
		w.finish = func(outs []output) ([]Relation, error) {
			var rows [][]float32
			for _, out := range outs {
				rows = append(rows, out.rows...)
			}
			all := make([]Relation, len(pairs))
			for i, p := range pairs {
				label, score := likeliest(labels, rows[i])
				all[i] = Relation{Head: mention(in.Text, p[0]), Tail: mention(in.Text, p[1]), Label: label, Score: score}
			}
			return all, nil
		}
		return w, err
	}
}

// barePairs is one ask for all pairs of a text.
func (m *Model) barePairs(t *task, in Text, pairs [][2]Span, l Length) ([]ask, error) {
	e, err := m.encode(in, l)
	if err != nil {
		return nil, err
	}
	a := ask{task: t, seqs: []*sequence{m.sequenceOf(e)}}
	for _, p := range pairs {
		first, err := targetAt(e, in.Text, p[0])
		if err != nil {
			return nil, err
		}
		second, err := targetAt(e, in.Text, p[1])
		if err != nil {
			return nil, err
		}
		first.SecondStart, first.SecondEnd = second.Start, second.End
		a.targets = append(a.targets, first)
	}
	return []ask{a}, nil
}

// markers open and close the first and the second entity (Baldini Soares et al. 2019).
var markers = [2][2]string{{"[E1]", "[/E1]"}, {"[E2]", "[/E2]"}}

func (m *Model) knowsMarkers() bool {
	if m.tokenizer == nil {
		return false
	}
	for _, pair := range markers {
		for _, mark := range pair {
			if _, ok := m.tokenizer.TokenToID(mark); !ok {
				return false
			}
		}
	}
	return true
}

// markedPairs is one ask for each pair, with markers about both entities.
func (m *Model) markedPairs(t *task, in Text, pairs [][2]Span, l Length) ([]ask, error) {
	var asks []ask
	for _, p := range pairs {
		for _, at := range p {
			if at.Start < 0 || at.End <= at.Start || at.End > len(in.Text) {
				return nil, fmt.Errorf("target %d to %d, want a place in a text of %d bytes", at.Start, at.End, len(in.Text))
			}
		}
		text, at, err := marked(in.Text, p)
		if err != nil {
			return nil, err
		}
		marked, err := m.barePairs(t, Text{Text: text}, [][2]Span{at}, l)
		if err != nil {
			return nil, err
		}
		asks = append(asks, marked...)
	}
	return asks, nil
}

// marked puts the markers into the text; the places are those of the opening ones.
func marked(text string, pair [2]Span) (string, [2]Span, error) {
	first, second := 0, 1
	if pair[1].Start < pair[0].Start {
		first, second = 1, 0
	}
	a, b := pair[first], pair[second]
	if b.Start < a.End {
		return "", pair, fmt.Errorf("targets %q and %q overlap", text[a.Start:a.End], text[b.Start:b.End])
	}
	var out []byte
	var at [2]Span
	put := func(which int, s Span, from int) {
		out = append(out, text[from:s.Start]...)
		at[which] = Span{Start: len(out), End: len(out) + len(markers[which][0])}
		out = append(out, markers[which][0]...)
		out = append(append(append(append(out, ' '), text[s.Start:s.End]...), ' '), markers[which][1]...)
	}
	put(first, a, 0)
	put(second, b, a.End)
	return string(append(out, text[b.End:]...)), at, nil
}
