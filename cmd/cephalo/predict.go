package main

import (
	"fmt"
	"iter"
	"strconv"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/heads"
)

// lengthFlags say how long texts are cut.
type lengthFlags struct {
	MaxLength          int    `help:"Tokens with special ones; 0 is the model's limit." default:"0"`
	OnLong             string `help:"Longer texts: error, truncate or window." enum:"error,truncate,window,," default:""`
	Overlap            int    `help:"Tokens that neighbouring windows share." default:"0"`
	TruncationSide     string `help:"${enum}." enum:"right,left" default:"right"`
	TruncationStrategy string `help:"${enum}." enum:"longest_first,only_first,only_second" default:"longest_first"`
}

func (f lengthFlags) length() cephalo.Length {
	return cephalo.Length{MaxLength: f.MaxLength, OnLong: f.OnLong, Overlap: f.Overlap, TruncationSide: f.TruncationSide, TruncationStrategy: f.TruncationStrategy}
}

type predictCmd struct {
	inputFlags
	modelFlags
	lengthFlags
	outputFlags
	TopK       int     `help:"Labels to give, by score." default:"0"`
	Threshold  float64 `help:"Leave out labels that score below." default:"0"`
	Raw        bool    `help:"Logits as scores."`
	Activation string  `help:"Function on the logits: ${enum}." enum:"auto,softmax,sigmoid,none" default:"auto"`
}

func (c *predictCmd) Run(a *app) error {
	if c.TopK < 0 || c.MaxLength < 0 || c.Overlap < 0 {
		return usagef("--top-k, --max-length and --overlap want a number from 0")
	}
	m, err := c.open(a)
	if err != nil {
		return err
	}
	defer m.Close()
	switch k := m.HeadKind(); k {
	case heads.KindTextClassification:
		return c.classify(a, m)
	case "":
		return m.HeadError()
	default:
		return fmt.Errorf("predict: the folder's head is %s, and this command serves TextClassification; see the commands of its kind", k)
	}
}

// texts turns lines into inputs; a line that is none becomes an error in its place.
func texts(lines iter.Seq[line], numbers *[]int) iter.Seq[cephalo.Text] {
	return func(yield func(cephalo.Text) bool) {
		for l := range lines {
			*numbers = append(*numbers, l.number)
			t := cephalo.Text{Pair: l.TextPair, Err: l.err}
			switch {
			case l.err != nil:
			case l.Text == nil:
				t.Err = fmt.Errorf(`the key "text" is missing`)
			default:
				t.Text = *l.Text
			}
			if !yield(t) {
				return
			}
		}
	}
}

func (c *predictCmd) classify(a *app, m *cephalo.Model) error {
	var broken error
	lines, err := c.lines(a, &broken)
	if err != nil {
		return err
	}
	o := cephalo.ClassifyOptions{Length: c.length(), TopK: c.TopK, Threshold: c.Threshold, Activation: c.Activation}
	if c.Raw {
		o.Activation = cephalo.ActivationNone
	}
	var numbers []int
	err = writeAll(a, c.outputFlags, m.ClassifySeq(a.ctx, texts(lines, &numbers), o), func(i int) int { return numbers[i] }, func(_ int, r cephalo.Classification) value {
		return classified(r, c.TopK > 0)
	})
	if err == nil {
		err = broken
	}
	return err
}

// classified is a classification: the best label, or with --top-k a list; the
// values of a regression head.
func classified(r cephalo.Classification, list bool) value {
	if r.Values != nil {
		if len(r.Values) == 1 {
			return value{json: map[string]any{"value": r.Values[0]}, text: number(r.Values[0])}
		}
		v := value{json: map[string]any{"value": r.Values}}
		for _, x := range r.Values {
			v.tsv = append(v.tsv, number(x))
		}
		v.text = fmt.Sprint(v.tsv)
		return v
	}
	var v value
	for i, s := range r.Scores {
		if i > 0 {
			v.text += "\n"
		}
		v.text += fmt.Sprintf("%s\t%.6f", s.Label, s.Score)
		v.tsv = append(v.tsv, s.Label, number(s.Score))
	}
	switch {
	case list:
		v.json = r.Scores
	case len(r.Scores) > 0:
		v.json = r.Scores[0]
	}
	return v
}

func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
