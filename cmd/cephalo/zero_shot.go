package main

import (
	"fmt"
	"iter"
	"strings"

	"github.com/cephalo-ml/cephalo"
)

type zeroShotCmd struct {
	pipelineCmd
	lengthFlags
	Labels     []string `help:"Candidate labels."`
	Template   string   `help:"Hypothesis; {} is the label." default:"This example is {}."`
	MultiLabel bool     `help:"Candidates are independent."`
}

// zeroShot is the JSON form.
type zeroShot struct {
	Sequence string    `json:"sequence"`
	Labels   []string  `json:"labels"`
	Scores   []float64 `json:"scores"`
}

func (c *zeroShotCmd) Run(a *app) error {
	if err := c.whole("zero-shot"); err != nil {
		return err
	}
	if !strings.Contains(c.Template, "{}") {
		return usagef("--template is %q, want a sentence with {} in the label's place", c.Template)
	}
	labels := nonBlank(c.Labels)
	if c.Labels != nil && len(labels) == 0 {
		return usagef("--labels has no label: want names with commas between them")
	}
	o := cephalo.ZeroShotOptions{Length: c.length(), Labels: labels, Template: c.Template, MultiLabel: c.MultiLabel}
	return runPipeline(a, c.pipelineCmd, func(l line) cephalo.Candidates {
		t := textInput(l)
		if t.Err == nil && t.Pair != nil {
			t.Err = fmt.Errorf("zero-shot takes one text, not a pair")
		}
		return cephalo.Candidates{Text: t.Text, Labels: l.Labels, Err: t.Err}
	}, func(m *cephalo.Model, in iter.Seq[cephalo.Candidates]) iter.Seq2[[]cephalo.Score, error] {
		return m.ZeroShotSeq(a.ctx, in, o)
	}, func(in cephalo.Candidates, scores []cephalo.Score) value {
		labels, values := make([]string, len(scores)), make([]float64, len(scores))
		var v value
		var lines []string
		for i, s := range scores {
			labels[i], values[i] = s.Label, s.Score
			lines = append(lines, fmt.Sprintf("%s\t%.6f", s.Label, s.Score))
			v.tsv = append(v.tsv, s.Label, number(s.Score))
		}
		v.json = zeroShot{in.Text, labels, values}
		v.text = strings.Join(lines, "\n")
		return v
	})
}

// nonBlank are the words of a list without the space around them, and without
// those that are nothing else.
func nonBlank(list []string) []string {
	var out []string
	for _, s := range list {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}
