package main

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/cephalo-ml/cephalo"
)

type tagCmd struct {
	pipelineCmd
	lengthFlags
	tagFlags
}

type tagFlags struct {
	Aggregation  string   `help:"${enum}." enum:"none,simple,first,average,max" default:"simple"`
	IgnoreLabels []string `help:"Labels to leave out." default:"O"`
	Offsets      string   `help:"Unit of offsets: ${enum}." enum:"char,byte,utf16" default:"char"`
}

func (c *tagCmd) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	o := cephalo.TagOptions{Length: c.length(), Aggregation: c.Aggregation, IgnoreLabels: c.IgnoreLabels}
	return runPipeline(a, c.pipelineCmd, textInput, func(m *cephalo.Model, in iter.Seq[cephalo.Text]) iter.Seq2[[]cephalo.Entity, error] {
		return m.TagSeq(a.ctx, in, o)
	}, func(t cephalo.Text, es []cephalo.Entity) value { return c.render(t.Text, es) })
}

// textInput takes "text" and, where it is there, "text_pair".
func textInput(l line) cephalo.Text {
	t := cephalo.Text{Pair: l.TextPair, Err: l.err}
	switch {
	case l.err != nil:
	case l.Text == nil:
		t.Err = fmt.Errorf(`the key "text" is missing`)
	default:
		t.Text = *l.Text
	}
	return t
}

// convert gives byte spans in the unit asked for.
func convert(unit, text string, spans []cephalo.Span) []cephalo.Span {
	switch unit {
	case "char":
		return cephalo.CodePoints(text, spans)
	case "utf16":
		return cephalo.UTF16(text, spans)
	}
	return spans
}

// taggedToken and taggedGroup are the JSON forms without and with aggregation.
type (
	taggedToken struct {
		Entity string  `json:"entity"`
		Score  float64 `json:"score"`
		Index  int     `json:"index"`
		Word   string  `json:"word"`
		Start  int     `json:"start"`
		End    int     `json:"end"`
	}
	taggedGroup struct {
		Group string  `json:"entity_group"`
		Score float64 `json:"score"`
		Word  string  `json:"word"`
		Start int     `json:"start"`
		End   int     `json:"end"`
	}
)

func (f tagFlags) render(text string, es []cephalo.Entity) value {
	spans := make([]cephalo.Span, len(es))
	for i, e := range es {
		spans[i] = cephalo.Span{Start: e.Start, End: e.End}
	}
	spans = convert(f.Offsets, text, spans)
	list := make([]any, len(es))
	var tsv []string
	for i, e := range es {
		if f.Aggregation == cephalo.AggregateNone {
			list[i] = taggedToken{e.Label, e.Score, e.Index, e.Word, spans[i].Start, spans[i].End}
		} else {
			list[i] = taggedGroup{e.Label, e.Score, e.Word, spans[i].Start, spans[i].End}
		}
		tsv = append(tsv, fmt.Sprintf("%s:%d:%d:%.4f:%s", e.Label, spans[i].Start, spans[i].End, e.Score, e.Word))
	}
	return value{json: list, text: marked(text, es), tsv: append([]string{text}, tsv...)}
}

// marked is the text with its entities in brackets: [Ada Lovelace PER]. One within
// another is nested; of two that cross, the first is marked.
func marked(text string, es []cephalo.Entity) string {
	es = slices.Clone(es)
	slices.SortStableFunc(es, func(a, b cephalo.Entity) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End))
	})
	var b strings.Builder
	mark(&b, text, 0, len(text), es)
	return b.String()
}

// mark writes text[from:to] with the sorted entities that lie there.
func mark(b *strings.Builder, text string, from, to int, es []cephalo.Entity) {
	for i, e := range es {
		if e.Start < from || e.End > to {
			continue
		}
		b.WriteString(text[from:e.Start] + "[")
		mark(b, text, e.Start, e.End, es[i+1:])
		b.WriteString(" " + e.Label + "]")
		from = e.End
	}
	b.WriteString(text[from:to])
}
