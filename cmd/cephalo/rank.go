package main

import (
	"fmt"
	"iter"
	"strings"

	"github.com/cephalo-ml/cephalo"
)

type rankCmd struct {
	pipelineCmd
	lengthFlags
	Query *string `help:"Rank the texts, arguments or lines, for this query."`
	TopK  int     `help:"Texts to give; 0 is all." default:"0"`
	Raw   bool    `help:"Logits as scores."`
}

// Run ranks {"query","texts"} lines, or with --query the arguments.
func (c *rankCmd) Run(a *app) error {
	if err := c.whole("rank"); err != nil {
		return err
	}
	input := rankInput
	if c.Query != nil {
		q, err := c.one(a)
		if err != nil {
			return err
		}
		c.Texts, c.Input = []string{"one"}, ""
		input = func(line) cephalo.Query { return q }
	}
	o := cephalo.RankOptions{Length: c.length(), TopK: c.TopK, Raw: c.Raw}
	return runPipeline(a, c.pipelineCmd, input, func(m *cephalo.Model, in iter.Seq[cephalo.Query]) iter.Seq2[[]cephalo.Hit, error] {
		return m.RankSeq(a.ctx, in, o)
	}, func(_ cephalo.Query, hits []cephalo.Hit) value { return ranked(hits) })
}

func ranked(hits []cephalo.Hit) value {
	var v value
	list := make([]map[string]any, len(hits))
	var lines []string
	for i, h := range hits {
		list[i] = map[string]any{"index": h.Index, "score": h.Score, "text": h.Text}
		lines = append(lines, fmt.Sprintf("%.6f\t%d\t%s", h.Score, h.Index, h.Text))
		v.tsv = append(v.tsv, fmt.Sprint(h.Index), number(h.Score))
	}
	v.json, v.text = list, strings.Join(lines, "\n")
	return v
}

func rankInput(l line) cephalo.Query {
	q := cephalo.Query{Texts: l.Texts, Err: l.err}
	switch {
	case l.err != nil:
	case l.Query == nil:
		q.Err = fmt.Errorf(`the key "query" is missing: want {"query","texts"}, or --query for all texts`)
	case l.Texts == nil:
		q.Err = fmt.Errorf(`the key "texts" is missing`)
	default:
		q.Query = *l.Query
	}
	return q
}

// one is the query of --query with all texts.
func (c *rankCmd) one(a *app) (cephalo.Query, error) {
	q := cephalo.Query{Query: *c.Query}
	var broken error
	lines, err := c.lines(a, &broken)
	if err != nil {
		return q, err
	}
	for l := range lines {
		if t := textInput(l); t.Err != nil {
			return q, fmt.Errorf("line %d: %w", l.number, t.Err)
		}
		q.Texts = append(q.Texts, *l.Text)
	}
	if len(q.Texts) == 0 && broken == nil {
		return q, usagef("--query needs texts: arguments, lines of standard input, or --input")
	}
	return q, broken
}
