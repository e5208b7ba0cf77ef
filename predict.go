package cephalo

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
)

// Input is what a model's heads read, each what it needs of it: a text or a pair,
// a question about a context, a choice, a query with its texts. What is nil is not
// there.
type Input struct {
	Text     *Text
	Question *Question
	Choice   *Choice
	Query    *Query
	Err      error // an input that could not be read: its place gets this error
}

// holds says what is there, for messages.
func (in Input) holds() string {
	var parts []string
	if t := in.Text; t != nil {
		what := "a text"
		if t.Pair != nil {
			what = "a pair of texts"
		}
		switch n := len(t.Targets); n {
		case 0:
		case 1:
			what += " with one target"
		default:
			what += fmt.Sprintf(" with %d targets", n)
		}
		parts = append(parts, what)
	}
	for _, p := range []struct {
		name string
		ok   bool
	}{{"a question with its context", in.Question != nil}, {"choices", in.Choice != nil}, {"a query with its texts", in.Query != nil}} {
		if p.ok {
			parts = append(parts, p.name)
		}
	}
	if parts == nil {
		return "empty"
	}
	return strings.Join(parts, " and ")
}

// Inputs are plain texts as inputs.
func Inputs(texts ...string) []Input {
	out := make([]Input, len(texts))
	for i, t := range texts {
		out[i].Text = &Text{Text: t}
	}
	return out
}

// Results are what the heads say of an input, by name: a Classification, []Entity,
// []AnswerSpan, Chosen, []Hit, float64 (the similarity of a pair), []float32 (an
// embedding), [][]Fill, []Dependency, []Frame, []Sense, []Relation, [][]Mention
// (clusters of coreference), []Event, []Opinion, []KeyPhrase, or string (a continuation).
type Results map[string]any

// PredictOptions are the rare knobs of Predict.
type PredictOptions struct {
	Length            // of every task; those inside the options below are not read
	Tasks    []string // heads to run, by name; none: all that find what they need
	Classify ClassifyOptions
	Tag      TagOptions
	Answer   AnswerOptions
	Rank     RankOptions
	FillMask FillMaskOptions
	Generate GenerateOptions
}

// Tasks are the names of a multi-task model's heads, nil for any other model.
func (m *Model) Tasks() []string {
	if mt, ok := m.module.(*heads.MultiTask); ok {
		return mt.Tasks()
	}
	return nil
}

// Predict runs the model's heads over each input, in order: one encoder pass over
// what several heads read alike, all heads in its submit. A head that continues
// texts runs by itself, input by input.
func (m *Model) Predict(ctx context.Context, inputs []Input, o PredictOptions) ([]Results, error) {
	return all(m.PredictSeq(ctx, slices.Values(inputs), o))
}

// PredictSeq predicts as inputs come. A head that does not find what it needs in an
// input is left out; where it was asked for by name, or none is left, that is an
// error of the input.
func (m *Model) PredictSeq(ctx context.Context, inputs iter.Seq[Input], o PredictOptions) iter.Seq2[Results, error] {
	all, err := m.tasks()
	if err != nil {
		return failed[Results](err)
	}
	var readers []reader
	var results []string // what tokens are labelled with
	o.Tag.among = len(all) > 1
	for _, t := range all {
		if len(o.Tasks) > 0 && !slices.Contains(o.Tasks, t.name) {
			continue
		}
		if t.kind() == heads.KindTokenClassification {
			results = append(results, o.Tag.resultLabels(t.config().Labels)...)
		}
		r, err := m.reader(ctx, t, o)
		if errors.Is(err, tensor.ErrUnsupported) && len(o.Tasks) == 0 && len(all) > 1 {
			r, err = never(t.name, err.Error()), nil // it steps aside
		}
		if err != nil {
			return failed[Results](fmt.Errorf("task %q: %w", t.name, err))
		}
		readers = append(readers, r)
	}
	if err := o.Tag.checkIgnored(results); results != nil && err != nil {
		return failed[Results](err)
	}
	for _, name := range o.Tasks {
		if !slices.ContainsFunc(all, func(t *task) bool { return t.name == name }) {
			var names []string
			for _, t := range all {
				names = append(names, t.name)
			}
			return failed[Results](fmt.Errorf("unknown task %q; tasks: %q", name, names))
		}
	}
	causal := m.encoder.Config().Causal
	pairs := slices.ContainsFunc(all, func(t *task) bool { return t.readsPairs(causal) })
	return pipeline(ctx, m, inputs, func(in Input) (work[Results], error) {
		if in.Err == nil && in.Text != nil && in.Text.Pair != nil && !pairs {
			return work[Results]{}, fmt.Errorf("the input is a pair of texts, and each head of the model takes one")
		}
		return together(in, readers, len(o.Tasks) > 0)
	}, m.answer)
}

// together is the work of several heads on one input.
func together(in Input, readers []reader, named bool) (work[Results], error) {
	if in.Err != nil {
		return work[Results]{}, in.Err
	}
	type share struct {
		name   string
		n      int // of the asks
		finish func([]output) (any, error)
	}
	var all []ask
	var shares []share
	var wants []string
	for _, r := range readers {
		w, ok, err := r.prepare(in)
		if !ok {
			if named {
				return work[Results]{}, fmt.Errorf("task %q wants %s, the input is %s", r.name, r.wants, in.holds())
			}
			if !slices.Contains(wants, r.wants) {
				wants = append(wants, r.wants)
			}
			continue
		}
		if err != nil {
			if len(readers) > 1 {
				err = fmt.Errorf("task %q: %w", r.name, err)
			}
			return work[Results]{}, err
		}
		all = append(all, w.asks...)
		shares = append(shares, share{r.name, len(w.asks), w.finish})
	}
	if shares == nil {
		return work[Results]{}, fmt.Errorf("the input is %s, want %s", in.holds(), strings.Join(wants, ", or "))
	}
	asks, at := shareSequences(all)
	return work[Results]{asks: asks, finish: func(outs []output) (Results, error) {
		res, k := Results{}, 0
		for _, sh := range shares {
			own := make([]output, sh.n)
			for i := range own {
				own[i] = outs[at[k+i]]
			}
			k += sh.n
			v, err := sh.finish(own)
			if err != nil {
				return nil, err
			}
			res[sh.name] = v
		}
		return res, nil
	}}, nil
}

// reader prepares inputs for one head; ok says that the input holds what it wants.
type reader struct {
	name    string
	wants   string
	prepare func(Input) (w work[any], ok bool, err error)
}

// readsPairs says whether the head reads both texts of a pair.
func (t *task) readsPairs(causal bool) bool {
	switch t.kind() {
	case heads.KindTextClassification, heads.KindTextMatching, heads.KindTextSimilarity, heads.KindTargetClassification:
		return true
	case heads.KindTextGeneration:
		return !causal
	}
	return false
}

// never is the reader of a head that no input feeds.
func never(name, wants string) reader {
	return reader{name: name, wants: wants, prepare: func(Input) (w work[any], ok bool, err error) { return }}
}

// read makes a reader of what a pipeline prepares.
func read[I, R any](t *task, wants string, of func(Input) (I, bool), prepare func(I) (work[R], error)) reader {
	return reader{name: t.name, wants: wants, prepare: func(in Input) (work[any], bool, error) {
		one, ok := of(in)
		if !ok {
			return work[any]{}, false, nil
		}
		w, err := prepare(one)
		return work[any]{asks: w.asks, finish: func(outs []output) (any, error) { return w.finish(outs) }}, true, err
	}}
}

// What heads want of an input.
func wantText(in Input) (t Text, ok bool) {
	if in.Text != nil {
		t = *in.Text
	}
	return t, in.Text != nil
}

func wantPair(in Input) (Text, bool) {
	t, ok := wantText(in)
	return t, ok && t.Pair != nil
}

func wantEntities(in Input) (Text, bool) {
	t, ok := wantFirst(in)
	return t, ok && len(t.Targets) > 1
}

// wantFirst is the text alone where a pair came.
func wantFirst(in Input) (Text, bool) {
	t, ok := wantText(in)
	t.Pair = nil
	return t, ok
}

// reader is the way of a head over inputs.
func (m *Model) reader(ctx context.Context, t *task, o PredictOptions) (r reader, err error) {
	const text = "a text"
	cfg := t.config()
	if err := o.Length.check(t.kind() == heads.KindTokenClassification || t.kind() == heads.KindQuestionAnswering); err != nil {
		return r, err
	}
	if t.head.Reads() == heads.GivenRow {
		return never(t.name, ownVector), nil
	}
	o.Classify.Length, o.Tag.Length, o.Rank.Length, o.FillMask.Length = o.Length, o.Length, o.Length, o.Length
	switch k := t.kind(); k {
	case heads.KindTextClassification:
		prepare, err := m.classifier(t, o.Classify)
		return read(t, text, wantText, prepare), err
	case heads.KindTextMatching:
		prepare, err := m.classifier(t, o.Classify)
		return read(t, "a pair of texts", wantPair, prepare), err
	case heads.KindTokenClassification:
		switch cfg.TaskType {
		case heads.EventExtraction:
			prepare, err := extractor(m, t, o.Tag, eventsOf)
			return read(t, text, wantFirst, prepare), err
		case heads.OpinionExtraction:
			prepare, err := extractor(m, t, o.Tag, opinionsOf)
			return read(t, text, wantFirst, prepare), err
		case heads.KeyPhraseExtraction:
			prepare, err := extractor(m, t, o.Tag, keyPhrasesOf)
			return read(t, text, wantFirst, prepare), err
		}
		prepare, err := m.tagger(t, o.Tag)
		return read(t, text, wantFirst, prepare), err
	case heads.KindQuestionAnswering:
		if o.MaxLength > 0 {
			o.Answer.Window = o.MaxLength
		}
		if o.Overlap > 0 {
			o.Answer.Overlap = o.Overlap
		}
		o.Answer.OnLong = o.OnLong
		prepare, err := m.answerer(t, o.Answer)
		return read(t, "a question and a context", func(in Input) (q Question, ok bool) {
			if in.Question != nil {
				q = *in.Question
			}
			return q, in.Question != nil
		}, prepare), err
	case heads.KindTextSimilarity:
		return read(t, text, wantText, m.similarity(t, o.Length)), nil
	case heads.KindMultipleChoice:
		return read(t, "choices", func(in Input) (c Choice, ok bool) {
			if in.Choice != nil {
				c = *in.Choice
			}
			return c, in.Choice != nil
		}, m.chooser(t, o.Length)), nil
	case heads.KindRanking:
		return read(t, "a query and texts", func(in Input) (q Query, ok bool) {
			if in.Query != nil {
				q = *in.Query
			}
			return q, in.Query != nil
		}, m.ranker(t, o.Rank)), nil
	case heads.KindTextGeneration:
		if m.encoder.Config().Causal {
			prepare, err := m.writer(ctx, t, o.Generate)
			return read(t, text, wantFirst, prepare), err
		}
		prepare, err := m.filler(t, o.FillMask)
		mask := ""
		if m.tokenizer != nil {
			mask = m.tokenizer.SpecialTokens().MASK
		}
		return read(t, "a text with the mask token "+mask, func(in Input) (Text, bool) {
			x, ok := wantText(in)
			return x, ok && (strings.Contains(x.Text, mask) || x.Pair != nil && strings.Contains(*x.Pair, mask))
		}, prepare), err
	case heads.KindDependencyParsing:
		return read(t, text, wantFirst, m.parser(t, o.Length)), nil
	case heads.KindPredicateTagging:
		return read(t, text, wantFirst, m.framer(t, o.Length)), nil
	case heads.KindTargetClassification:
		return read(t, text, wantText, m.senser(t, o.Length)), nil
	case heads.KindRelationExtraction:
		return read(t, "a text and at least two targets", wantEntities, m.relater(t, o.Length)), nil
	case heads.KindCoreference:
		return read(t, text, wantFirst, m.resolver(t, o.Length)), nil
	default:
		return r, fmt.Errorf("a %s head gives no result of a text: %w", k, tensor.ErrUnsupported)
	}
}
