package main

import (
	"fmt"
	"iter"
	"strconv"

	"github.com/cephalo-ml/cephalo"
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
	pipelineCmd
	lengthFlags
	TopK       int     `help:"Results to give, by score." default:"0"`
	Threshold  float64 `help:"Leave out labels that score below." default:"0"`
	Raw        bool    `help:"Logits as scores."`
	Activation string  `help:"Function on the logits: ${enum}." enum:"auto,softmax,sigmoid,none" default:"auto"`
}

// Run does what the folder's head is for, with the defaults of its own command.
func (c *predictCmd) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.TopK < 0 {
		return usagef("--top-k wants a number from 0")
	}
	m, err := c.open(a)
	if err != nil {
		return err
	}
	defer m.Close()
	if tasks := m.Tasks(); tasks != nil {
		return c.tasks(a, m, tasks)
	}
	switch k := m.HeadKind(); k {
	case cephalo.TextClassification:
		return c.classify(a, m)
	case cephalo.TokenClassification:
		f := tagFlags{Aggregation: cephalo.AggregateSimple, Offsets: "char"}
		return pipe(a, c.pipelineCmd, m, textInput, func(m *cephalo.Model, in iter.Seq[cephalo.Text]) iter.Seq2[[]cephalo.Entity, error] {
			return m.TagSeq(a.ctx, in, cephalo.TagOptions{Length: c.length()})
		}, func(t cephalo.Text, es []cephalo.Entity) value { return f.render(t.Text, es) })
	case cephalo.QuestionAnswering:
		f := answerFlags{TopK: c.TopK, Offsets: "char"}
		return pipe(a, c.pipelineCmd, m, func(l line) cephalo.Question { return questionInput(l, nil) }, func(m *cephalo.Model, in iter.Seq[cephalo.Question]) iter.Seq2[[]cephalo.AnswerSpan, error] {
			return m.AnswerSeq(a.ctx, in, cephalo.AnswerOptions{TopK: c.TopK, Window: c.MaxLength, Overlap: c.Overlap, OnLong: c.OnLong})
		}, f.render)
	case cephalo.MultipleChoice:
		return pipe(a, c.pipelineCmd, m, choiceInput, func(m *cephalo.Model, in iter.Seq[cephalo.Choice]) iter.Seq2[cephalo.Chosen, error] {
			return m.ChooseSeq(a.ctx, in, c.length())
		}, func(q cephalo.Choice, r cephalo.Chosen) value {
			return value{json: r, text: fmt.Sprintf("%d\t%.6f\t%s", r.Choice, r.Score, q.Choices[r.Choice]), tsv: []string{strconv.Itoa(r.Choice), number(r.Score)}}
		})
	case cephalo.TextSimilarity:
		return pipe(a, c.pipelineCmd, m, textInput, func(m *cephalo.Model, in iter.Seq[cephalo.Text]) iter.Seq2[float64, error] {
			return m.SimilarSeq(a.ctx, in, cephalo.EmbedOptions{Length: c.length()})
		}, func(_ cephalo.Text, s float64) value { return similarity(s) })
	case cephalo.TextGeneration:
		return fmt.Errorf("the folder's head is a language model: use generate or fill-mask")
	case "":
		return fmt.Errorf("%w; embed and similar work with an encoder alone", m.HeadError())
	default:
		return fmt.Errorf("predict does not serve a %s head", k)
	}
}

// tasks gives an object of all heads' values.
func (c *predictCmd) tasks(a *app, m *cephalo.Model, names []string) error {
	f := tagFlags{Aggregation: cephalo.AggregateSimple, Offsets: "char"}
	return pipe(a, c.pipelineCmd, m, textInput, func(m *cephalo.Model, in iter.Seq[cephalo.Text]) iter.Seq2[map[string]cephalo.TaskResult, error] {
		return m.PredictTasksSeq(a.ctx, in, cephalo.TasksOptions{Length: c.length()})
	}, func(t cephalo.Text, r map[string]cephalo.TaskResult) value {
		obj := map[string]any{}
		var out value
		for i, name := range names {
			var v value
			switch one := r[name]; {
			case one.Classification != nil:
				if k := max(c.TopK, 1); len(one.Classification.Scores) > k {
					one.Classification.Scores = one.Classification.Scores[:k]
				}
				v = classified(*one.Classification, c.TopK > 0)
			case one.Embedding != nil:
				v = value{json: map[string]any{"embedding": one.Embedding}, text: fmt.Sprintf("vector of %d", len(one.Embedding))}
			default:
				v = f.render(t.Text, one.Entities)
			}
			obj[name] = v.json
			if i > 0 {
				out.text += "\n"
			}
			out.text += name + ": " + v.text
			out.tsv = append(out.tsv, name, v.text)
		}
		out.json = obj
		return out
	})
}

func choiceInput(l line) cephalo.Choice {
	q := cephalo.Choice{Choices: l.Choices, Err: l.err}
	if l.Question != nil {
		q.Question = *l.Question
	} else if l.Text != nil {
		q.Question = *l.Text
	}
	return q
}

func (c *predictCmd) classify(a *app, m *cephalo.Model) error {
	o := cephalo.ClassifyOptions{Length: c.length(), TopK: c.TopK, Threshold: c.Threshold, Activation: c.Activation}
	if c.Raw {
		o.Activation = cephalo.ActivationNone
	}
	return pipe(a, c.pipelineCmd, m, textInput, func(m *cephalo.Model, in iter.Seq[cephalo.Text]) iter.Seq2[cephalo.Classification, error] {
		return m.ClassifySeq(a.ctx, in, o)
	}, func(_ cephalo.Text, r cephalo.Classification) value { return classified(r, c.TopK > 0) })
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
