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
	labels, pairs := t.config().Labels, m.barePairs
	if m.knowsMarkers() {
		pairs = m.markedPairs
	}
	return func(in Text) (work[[]Relation], error) {
		var w work[[]Relation]
		if err := in.one("relation extraction"); err != nil {
			return w, err
		}
		if len(in.Targets) < 2 {
			return w, errNoEntities
		}
		of, err := entityPairs(in)
		if err != nil {
			return w, err
		}
		w.asks, err = pairs(t, in, of, l)
		w.finish = func(outs []output) ([]Relation, error) {
			var rows [][]float32
			for _, out := range outs {
				rows = append(rows, out.rows...)
			}
			all := make([]Relation, len(of))
			for i, p := range of {
				label, score := likeliest(labels, rows[i])
				all[i] = Relation{Head: mention(in.Text, in.Targets[p[0]]), Tail: mention(in.Text, in.Targets[p[1]]), Label: label, Score: score}
			}
			return all, nil
		}
		return w, err
	}
}

// entityPairs are all ordered pairs of a text's targets, by number.
func entityPairs(in Text) ([][2]int, error) {
	var pairs [][2]int
	for i, a := range in.Targets {
		if err := placeIn(in.Text, a); err != nil {
			return nil, fmt.Errorf("target %d: %w", i, err)
		}
		for j, b := range in.Targets {
			if i == j {
				continue
			}
			if a == b {
				return nil, fmt.Errorf("targets %d and %d are one place: relations hold between two", min(i, j), max(i, j))
			}
			pairs = append(pairs, [2]int{i, j})
		}
	}
	return pairs, nil
}

// barePairs is one ask for all pairs of a text.
func (m *Model) barePairs(t *task, in Text, pairs [][2]int, l Length) ([]ask, error) {
	e, err := m.encode(in, l)
	if err != nil {
		return nil, err
	}
	_, places, err := targetsOf(e, in)
	if err != nil {
		return nil, err
	}
	a := ask{task: t, seqs: []*sequence{m.sequenceOf(e)}}
	for _, p := range pairs {
		a.targets = append(a.targets, both(places[p[0]], places[p[1]]))
	}
	return []ask{a}, nil
}

// both is a target of two places.
func both(first, second heads.Target) heads.Target {
	first.SecondStart, first.SecondEnd = second.Start, second.End
	return first
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
func (m *Model) markedPairs(t *task, in Text, pairs [][2]int, l Length) ([]ask, error) {
	asks := make([]ask, len(pairs))
	for i, p := range pairs {
		text, marks, err := marked(in, p)
		if err != nil {
			return nil, err
		}
		e, err := m.encode(Text{Text: text}, l)
		if err != nil {
			return nil, err
		}
		var places [2]heads.Target
		for k, at := range marks {
			if places[k], err = targetAt(e, at); err != nil {
				return nil, fmt.Errorf("target %d (%q) %w", p[k], mention(in.Text, in.Targets[p[k]]).Word, err)
			}
		}
		asks[i] = ask{task: t, seqs: []*sequence{m.sequenceOf(e)}, targets: []heads.Target{both(places[0], places[1])}}
	}
	return asks, nil
}

// marked puts the markers into the text, about a pair of its targets; the places
// are those of the opening ones.
func marked(in Text, pair [2]int) (string, [2]Span, error) {
	text, first, second := in.Text, 0, 1
	if in.Targets[pair[1]].Start < in.Targets[pair[0]].Start {
		first, second = 1, 0
	}
	a, b := in.Targets[pair[first]], in.Targets[pair[second]]
	if b.Start < a.End {
		return "", [2]Span{}, fmt.Errorf("targets %d (%q) and %d (%q) overlap", pair[first], text[a.Start:a.End], pair[second], text[b.Start:b.End])
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
