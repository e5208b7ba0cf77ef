package main

import (
	"fmt"
	"iter"

	"github.com/cephalo-ml/cephalo"
)

type similarCmd struct {
	pipelineCmd
	lengthFlags
	embedFlags
}

// Run scores pairs: {"text","text_pair"} lines, or two texts as arguments.
func (c *similarCmd) Run(a *app) error {
	if err := c.whole("similar"); err != nil {
		return err
	}
	input := textInput
	if len(c.Texts) == 2 && c.Input == "" && parseLine([]byte(c.Texts[0]), 1).TextPair == nil {
		pair := c.Texts[1]
		c.Texts = c.Texts[:1]
		input = func(l line) cephalo.Text {
			t := textInput(l)
			t.Pair = &pair
			return t
		}
	}
	return runPipeline(a, c.pipelineCmd, input, func(m *cephalo.Model, in iter.Seq[cephalo.Text]) iter.Seq2[float64, error] {
		return m.SimilarSeq(a.ctx, in, c.options(c.length()))
	}, func(_ cephalo.Text, s float64) value { return similarity(s) })
}

func similarity(s float64) value {
	return value{json: map[string]any{"score": s}, text: fmt.Sprintf("%.6f", s), tsv: []string{number(s)}}
}
