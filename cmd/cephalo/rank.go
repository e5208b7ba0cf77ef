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
	Query string `help:"Rank the texts for this query."`
	TopK  int    `help:"Texts to give; 0 is all." default:"0"`
	Raw   bool   `help:"Logits as scores."`
}

// Run ranks {"query","texts"} lines, or with --query the arguments.
func (c *rankCmd) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	input := rankInput
	if c.Query != "" {
		if len(c.Texts) == 0 || c.Input != "" {
			return usagef("--query needs the texts as arguments")
		}
		q := cephalo.Query{Query: c.Query, Texts: c.Texts}
		c.Texts = c.Texts[:1]
		input = func(line) cephalo.Query { return q }
	}
	o := cephalo.RankOptions{Length: c.length(), TopK: c.TopK, Raw: c.Raw}
	return runPipeline(a, c.pipelineCmd, input, func(m *cephalo.Model, in iter.Seq[cephalo.Query]) iter.Seq2[[]cephalo.Hit, error] {
		return m.RankSeq(a.ctx, in, o)
	}, func(_ cephalo.Query, hits []cephalo.Hit) value {
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
	})
}

func rankInput(l line) cephalo.Query {
	q := cephalo.Query{Texts: l.Texts, Err: l.err}
	switch {
	case l.err != nil:
	case l.Query == nil:
		q.Err = fmt.Errorf(`the key "query" is missing`)
	default:
		q.Query = *l.Query
	}
	return q
}
