package main

import (
	"fmt"
	"iter"
	"strings"

	"github.com/cephalo-ml/cephalo"
)

type fillMaskCmd struct {
	pipelineCmd
	lengthFlags
	TopK int `help:"Tokens to give for each mask." default:"5" min:"1"`
}

func (c *fillMaskCmd) Run(a *app) error {
	if err := c.whole("fill-mask"); err != nil {
		return err
	}
	return runPipeline(a, c.pipelineCmd, textInput, func(m *cephalo.Model, in iter.Seq[cephalo.Text]) iter.Seq2[[][]cephalo.Fill, error] {
		return m.FillMaskSeq(a.ctx, in, cephalo.FillMaskOptions{Length: c.length(), TopK: c.TopK})
	}, func(_ cephalo.Text, masks [][]cephalo.Fill) value { return filled(masks) })
}

// filled is a list for each mask, or the only one.
func filled(masks [][]cephalo.Fill) value {
	v := value{json: masks}
	if len(masks) == 1 {
		v.json = masks[0]
	}
	var lines []string
	for _, fills := range masks {
		for _, f := range fills {
			lines = append(lines, fmt.Sprintf("%.6f\t%s\t%s", f.Score, f.TokenStr, f.Sequence))
			v.tsv = append(v.tsv, f.TokenStr, number(f.Score))
		}
	}
	v.text = strings.Join(lines, "\n")
	return v
}
