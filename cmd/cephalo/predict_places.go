package main

import (
	"fmt"
	"strings"

	"github.com/cephalo-ml/cephalo"
)

// placed writes results that point into a text, in a unit of offsets.
type placed struct{ unit, text string }

// place is a part of the text in JSON.
type place struct {
	Word  string `json:"word"`
	Start int    `json:"start"`
	End   int    `json:"end"`
}

// scored is a part of the text with what a head says of it.
type scored struct {
	Label string  `json:"label"`
	Score float64 `json:"score"`
	place
}

// argument is a part of the text that plays a role.
type argument struct {
	Role  string  `json:"role"`
	Score float64 `json:"score"`
	place
}

func (p placed) at(m cephalo.Mention) place {
	s := convert(p.unit, p.text, []cephalo.Span{{Start: m.Start, End: m.End}})[0]
	return place{m.Word, s.Start, s.End}
}

func (p placed) of(e cephalo.Entity) place {
	return p.at(cephalo.Mention{Word: e.Word, Start: e.Start, End: e.End})
}

func (p placed) arguments(es []cephalo.Entity) []argument {
	out := make([]argument, len(es))
	for i, e := range es {
		out[i] = argument{e.Label, e.Score, p.of(e)}
	}
	return out
}

// col is a part of the text in a column of a table.
func col(label string, at place, score float64) string {
	return fmt.Sprintf("%s:%d:%d:%.4f:%s", label, at.Start, at.End, score, at.Word)
}

// tree is a line a word, as CoNLL-U has the columns: index, word, head, relation.
func (p placed) tree(words []cephalo.Dependency) value {
	type dependency struct {
		Index int    `json:"index"`
		Head  int    `json:"head"`
		Label string `json:"label"`
		place
	}
	list := make([]dependency, len(words))
	var lines, tsv []string
	for i, w := range words {
		list[i] = dependency{w.Index, w.Head, w.Label, p.at(cephalo.Mention{Word: w.Word, Start: w.Start, End: w.End})}
		lines = append(lines, fmt.Sprintf("%d\t%s\t%d\t%s", w.Index, w.Word, w.Head, w.Label))
		tsv = append(tsv, fmt.Sprintf("%d:%s:%d:%s", w.Index, w.Word, w.Head, w.Label))
	}
	return value{json: list, text: strings.Join(lines, "\n"), tsv: append([]string{p.text}, tsv...)}
}

// frames is the text once for each predicate, with its arguments marked.
func (p placed) frames(frames []cephalo.Frame) value {
	type frame struct {
		Predicate place      `json:"predicate"`
		Arguments []argument `json:"arguments"`
	}
	list := make([]frame, len(frames))
	var lines []string
	tsv := []string{p.text}
	for i, f := range frames {
		list[i] = frame{p.of(f.Predicate), p.arguments(f.Arguments)}
		named, column := f.Predicate, ""
		if named.Label == "" { // asked about, and not tagged
			named.Label = "predicate"
			column = fmt.Sprintf("%s:%d:%d::%s", named.Label, list[i].Predicate.Start, list[i].Predicate.End, named.Word)
		} else {
			column = col(named.Label, list[i].Predicate, named.Score)
		}
		lines = append(lines, marked(p.text, append([]cephalo.Entity{named}, f.Arguments...)))
		tsv = append(tsv, column)
		for _, a := range list[i].Arguments {
			tsv = append(tsv, col(a.Role, a.place, a.Score))
		}
	}
	return value{json: list, text: strings.Join(lines, "\n"), tsv: tsv}
}

func (p placed) senses(senses []cephalo.Sense) value {
	list := make([]scored, len(senses))
	var lines []string
	tsv := []string{p.text}
	for i, s := range senses {
		list[i] = scored{s.Label, s.Score, p.at(s.Mention)}
		lines = append(lines, fmt.Sprintf("%s\t%s\t%.6f", s.Word, s.Label, s.Score))
		tsv = append(tsv, col(s.Label, list[i].place, s.Score))
	}
	return value{json: list, text: strings.Join(lines, "\n"), tsv: tsv}
}

func (p placed) relations(relations []cephalo.Relation) value {
	type relation struct {
		Label string  `json:"label"`
		Score float64 `json:"score"`
		Head  place   `json:"head"`
		Tail  place   `json:"tail"`
	}
	list := make([]relation, len(relations))
	var lines []string
	tsv := []string{p.text}
	for i, r := range relations {
		list[i] = relation{r.Label, r.Score, p.at(r.Head), p.at(r.Tail)}
		lines = append(lines, fmt.Sprintf("%s -> %s\t%s\t%.6f", r.Head.Word, r.Tail.Word, r.Label, r.Score))
		h, t := list[i].Head, list[i].Tail
		tsv = append(tsv, fmt.Sprintf("%s:%d:%d:%d:%d:%.4f:%s:%s", r.Label, h.Start, h.End, t.Start, t.End, r.Score, h.Word, t.Word))
	}
	return value{json: list, text: strings.Join(lines, "\n"), tsv: tsv}
}

// clusters is a line for each cluster.
func (p placed) clusters(clusters [][]cephalo.Mention) value {
	list := make([][]place, len(clusters))
	var lines []string
	tsv := []string{p.text}
	for i, c := range clusters {
		var words, columns []string
		for _, m := range c {
			at := p.at(m)
			list[i] = append(list[i], at)
			words = append(words, m.Word)
			columns = append(columns, fmt.Sprintf("%d:%d:%s", at.Start, at.End, m.Word))
		}
		lines = append(lines, strings.Join(words, " = "))
		tsv = append(tsv, strings.Join(columns, "="))
	}
	return value{json: list, text: strings.Join(lines, "\n"), tsv: tsv}
}

// events is the text once for each event, with trigger and arguments marked.
func (p placed) events(events []cephalo.Event) value {
	type event struct {
		Type      string     `json:"type"`
		Score     float64    `json:"score"`
		Trigger   place      `json:"trigger"`
		Arguments []argument `json:"arguments"`
	}
	list := make([]event, len(events))
	var lines []string
	tsv := []string{p.text}
	for i, e := range events {
		list[i] = event{e.Type, e.Trigger.Score, p.of(e.Trigger), p.arguments(e.Arguments)}
		lines = append(lines, marked(p.text, append([]cephalo.Entity{e.Trigger}, e.Arguments...)))
		tsv = append(tsv, col(e.Type, list[i].Trigger, e.Trigger.Score))
		for _, a := range list[i].Arguments {
			tsv = append(tsv, col(a.Role, a.place, a.Score))
		}
	}
	return value{json: list, text: strings.Join(lines, "\n"), tsv: tsv}
}

func (p placed) opinions(opinions []cephalo.Opinion) value {
	type opinion struct {
		Polarity string  `json:"polarity"`
		Score    float64 `json:"score"`
		Aspect   place   `json:"aspect"`
	}
	list := make([]opinion, len(opinions))
	var es []cephalo.Entity
	tsv := []string{p.text}
	for i, o := range opinions {
		list[i] = opinion{o.Polarity, o.Aspect.Score, p.of(o.Aspect)}
		es = append(es, o.Aspect)
		tsv = append(tsv, col(o.Polarity, list[i].Aspect, o.Aspect.Score))
	}
	return value{json: list, text: marked(p.text, es), tsv: tsv}
}

func (p placed) phrases(phrases []cephalo.KeyPhrase) value {
	list := make([]scored, len(phrases))
	var lines []string
	tsv := []string{p.text}
	for i, k := range phrases {
		list[i] = scored{k.Label, k.Score, p.at(k.Mention)}
		lines = append(lines, fmt.Sprintf("%s\t%.6f", k.Word, k.Score))
		tsv = append(tsv, col(k.Label, list[i].place, k.Score))
	}
	return value{json: list, text: strings.Join(lines, "\n"), tsv: tsv}
}
