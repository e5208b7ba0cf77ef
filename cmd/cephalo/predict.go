package main

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/cephalo-ml/cephalo"
)

// lengthFlags say how long texts are cut.
type lengthFlags struct {
	MaxLength          int    `help:"Tokens with special ones; 0 is the model's limit." default:"0"`
	OnLong             string `help:"Longer texts: error, truncate or window." enum:",error,truncate,window" default:""`
	Overlap            int    `help:"Tokens that neighbouring windows share." default:"0"`
	TruncationSide     string `help:"${enum}." enum:"right,left" default:"right"`
	TruncationStrategy string `help:"longest_first, only_first or only_second; unset is longest_first, of zero-shot only_first." enum:",longest_first,only_first,only_second" default:""`
}

func (f lengthFlags) length() cephalo.Length {
	return cephalo.Length{MaxLength: f.MaxLength, OnLong: f.OnLong, Overlap: f.Overlap, TruncationSide: f.TruncationSide, TruncationStrategy: f.TruncationStrategy}
}

type predictCmd struct {
	pipelineCmd
	lengthFlags
	Tasks        []string `help:"Heads to run, by name, of a model with several; unset is all that find what they need."`
	TopK         int      `help:"Results to give, by score." default:"0"`
	Threshold    float64  `help:"Leave out labels that score below." default:"0"`
	Raw          bool     `help:"Logits as scores."`
	Activation   string   `help:"Function on the logits: ${enum}." enum:"auto,softmax,sigmoid,none" default:"auto"`
	Aggregation  string   `help:"Of tags: none, simple, first, average or max." enum:",none,simple,first,average,max" default:""`
	IgnoreLabels []string `help:"Tags to leave out." default:"O"`
	Offsets      string   `help:"Unit of offsets: ${enum}." enum:"char,byte,utf16" default:"char"`
}

// Run does what the folder's heads are for, with the defaults of their own commands.
func (c *predictCmd) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	m, err := c.open(a)
	if err != nil {
		return err
	}
	defer m.Close()
	if len(m.Heads()) == 0 {
		return fmt.Errorf("%w; embed and similar work with an encoder alone", m.HeadError())
	}
	chosen, err := c.chosen(m.Heads())
	if err != nil {
		return err
	}
	if err := c.applies(chosen); err != nil {
		return err
	}
	o := cephalo.PredictOptions{
		Length: c.length(), Tasks: c.Tasks,
		Classify: cephalo.ClassifyOptions{TopK: c.TopK, Threshold: c.Threshold, Activation: c.Activation},
		Tag:      cephalo.TagOptions{Aggregation: c.Aggregation, IgnoreLabels: c.IgnoreLabels},
		Answer:   cephalo.AnswerOptions{TopK: c.TopK},
		Rank:     cephalo.RankOptions{TopK: c.TopK, Raw: c.Raw},
		FillMask: cephalo.FillMaskOptions{TopK: c.TopK},
	}
	if c.Raw && c.Activation != cephalo.ActivationAuto {
		return usagef("--raw and --activation exclude each other: raw scores are logits")
	}
	if c.Raw {
		o.Classify.Activation = cephalo.ActivationNone
	}
	several := m.Tasks() != nil
	return pipe(a, c.pipelineCmd, m, c.input, func(m *cephalo.Model, in iter.Seq[cephalo.Input]) iter.Seq2[cephalo.Results, error] {
		return m.PredictSeq(a.ctx, in, o)
	}, func(in cephalo.Input, r cephalo.Results) value {
		var out value
		object := map[string]any{}
		for _, h := range m.Heads() {
			result, ok := r[h.Name]
			if !ok {
				continue
			}
			v := c.render(in, result)
			if !several {
				return v
			}
			object[h.Name] = v.json
			if out.text != "" {
				out.text += "\n"
			}
			out.text += h.Name + ": " + strings.ReplaceAll(v.text, "\n", "\n  ")
			out.tsv = append(out.tsv, h.Name, v.text)
		}
		out.json = object
		return out
	})
}

// chosen are the heads that --tasks names, without it all.
func (c *predictCmd) chosen(heads []cephalo.HeadInfo) ([]cephalo.HeadInfo, error) {
	if c.Tasks == nil {
		return heads, nil
	}
	if len(heads) == 1 {
		return nil, usagef("--tasks does nothing here: the model has one head, %s", heads[0].Name)
	}
	c.Tasks = nonBlank(c.Tasks)
	names := make([]string, len(heads))
	for i, h := range heads {
		names[i] = h.Name
	}
	if len(c.Tasks) == 0 {
		return nil, usagef("--tasks names no head: want some of %s", strings.Join(names, ", "))
	}
	for _, t := range c.Tasks {
		if !slices.Contains(names, t) {
			return nil, usagef("--tasks: unknown head %q, want some of %s", t, strings.Join(names, ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(heads), func(h cephalo.HeadInfo) bool { return !slices.Contains(c.Tasks, h.Name) }), nil
}

// placeless are the kinds of heads whose results point nowhere.
var placeless = []cephalo.HeadKind{cephalo.TextClassification, cephalo.TextMatching, cephalo.TextSimilarity, cephalo.MultipleChoice, cephalo.Ranking, cephalo.TextGeneration}

// applies refuses flags that none of the heads reads, and windows where one of them
// reads a text in one piece.
func (c *predictCmd) applies(heads []cephalo.HeadInfo) error {
	var kinds []string
	for _, h := range heads {
		kinds = append(kinds, string(h.Kind))
		if h.Kind != cephalo.TokenClassification && h.Kind != cephalo.QuestionAnswering {
			if err := c.whole("the head " + h.Name); err != nil {
				return err
			}
		}
	}
	some := func(fit func(cephalo.HeadInfo) bool) bool { return slices.ContainsFunc(heads, fit) }
	is := func(want ...cephalo.HeadKind) bool {
		return some(func(h cephalo.HeadInfo) bool { return slices.Contains(want, h.Kind) })
	}
	classes := is(cephalo.TextMatching) || some(func(h cephalo.HeadInfo) bool { return h.Kind == cephalo.TextClassification && !h.Regression })
	places := some(func(h cephalo.HeadInfo) bool { return !slices.Contains(placeless, h.Kind) })
	for _, f := range []struct {
		flag  string
		given bool
		ok    bool
	}{
		{"--top-k", c.TopK > 0, classes || is(cephalo.QuestionAnswering, cephalo.Ranking, cephalo.TextGeneration)},
		{"--threshold", c.Threshold != 0, classes},
		{"--raw", c.Raw, classes || is(cephalo.Ranking, cephalo.TextClassification)},
		{"--activation", c.Activation != cephalo.ActivationAuto, classes},
		{"--aggregation", c.Aggregation != "", is(cephalo.TokenClassification)},
		{"--offsets", c.Offsets != "char", places},
		{"--ignore-labels", !slices.Equal(c.IgnoreLabels, []string{"O"}), is(cephalo.TokenClassification)},
	} {
		if f.given && !f.ok {
			return usagef("%s does nothing here: the model's head is %s", f.flag, strings.Join(kinds, ", "))
		}
	}
	return nil
}

// input takes of a line what heads may need.
func (c *predictCmd) input(l line) (in cephalo.Input) {
	if in.Err = l.err; in.Err == nil {
		in.Err = l.halves()
	}
	if in.Err != nil {
		return in
	}
	if l.Text != nil {
		t := cephalo.Text{Text: *l.Text, Pair: l.TextPair}
		if t.Targets, in.Err = l.places(c.Offsets); in.Err != nil {
			return in
		}
		in.Text = &t
	}
	if l.Question != nil && l.Context != nil {
		in.Question = &cephalo.Question{Question: *l.Question, Context: *l.Context}
	}
	if l.Choices != nil {
		in.Choice = &cephalo.Choice{Choices: l.Choices}
		if l.Question != nil {
			in.Choice.Question = *l.Question
		} else if l.Text != nil {
			in.Choice.Question = *l.Text
		}
	}
	if l.Query != nil && l.Texts != nil {
		in.Query = &cephalo.Query{Query: *l.Query, Texts: l.Texts}
	}
	return in
}

// halves refuses a key that says nothing without another one.
func (l line) halves() error {
	switch {
	case l.Labels != nil:
		return fmt.Errorf(`the key "labels" is of zero-shot: predict has the labels of its heads`)
	case l.IDs != nil:
		return fmt.Errorf(`the key "ids" is of tokenize --decode: predict reads texts`)
	}
	for _, h := range []struct {
		has     bool
		key     string
		with    bool
		missing string
	}{
		{l.TextPair != nil, "text_pair", l.Text != nil, "text"},
		{l.Targets != nil, "targets", l.Text != nil, "text"},
		{l.Context != nil, "context", l.Question != nil, "question"},
		{l.Question != nil && l.Choices == nil, "question", l.Context != nil, "context"},
		{l.Texts != nil, "texts", l.Query != nil, "query"},
		{l.Query != nil, "query", l.Texts != nil, "texts"},
	} {
		if h.has && !h.with {
			return fmt.Errorf("the key %q is missing: %q is there without it", h.missing, h.key)
		}
	}
	return nil
}

// render is what a head says of an input.
func (c *predictCmd) render(in cephalo.Input, result any) value {
	text := ""
	if in.Text != nil {
		text = in.Text.Text
	}
	places := placed{unit: c.Offsets, text: text}
	switch r := result.(type) {
	case cephalo.Classification:
		return classified(r, c.TopK > 0)
	case []cephalo.Entity:
		return tagFlags{Aggregation: c.Aggregation, Offsets: c.Offsets}.render(text, r)
	case []cephalo.AnswerSpan:
		return answerFlags{TopK: c.TopK, Offsets: c.Offsets}.render(*in.Question, r)
	case cephalo.Chosen:
		return value{json: r, text: fmt.Sprintf("%d\t%.6f\t%s", r.Choice, r.Score, in.Choice.Choices[r.Choice]), tsv: []string{strconv.Itoa(r.Choice), number(r.Score)}}
	case []cephalo.Hit:
		return ranked(r)
	case float64:
		return similarity(r)
	case []float32:
		return value{json: map[string]any{"embedding": r}, text: fmt.Sprintf("vector of %d", len(r))}
	case [][]cephalo.Fill:
		return filled(r)
	case string:
		return value{json: map[string]any{"generated_text": r}, text: r}
	case []cephalo.Dependency:
		return places.tree(r)
	case []cephalo.Frame:
		return places.frames(r)
	case []cephalo.Sense:
		return places.senses(r)
	case []cephalo.Relation:
		return places.relations(r)
	case [][]cephalo.Mention:
		return places.clusters(r)
	case []cephalo.Event:
		return places.events(r)
	case []cephalo.Opinion:
		return places.opinions(r)
	case []cephalo.KeyPhrase:
		return places.phrases(r)
	}
	return value{json: result, text: fmt.Sprint(result)}
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
