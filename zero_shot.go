package cephalo

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/cephalo-ml/cephalo/heads"
)

// ZeroShotOptions are the choices of ZeroShot.
type ZeroShotOptions struct {
	Length
	Labels     []string // candidates; each text may bring its own
	Template   string   // "" is "This example is {}."
	MultiLabel bool     // candidates are independent
}

// defaultTemplate is Hugging Face's.
const defaultTemplate = "This example is {}."

// Candidates is a text with its own candidate labels; nil takes the options'.
type Candidates struct {
	Text   string
	Labels []string
	Err    error // an input that could not be read: its place gets this error
}

// ZeroShot classifies texts by labels that the model was not trained on, through a
// head for natural language inference: scores by falling order, for each text.
func (m *Model) ZeroShot(ctx context.Context, texts []string, o ZeroShotOptions) ([][]Score, error) {
	return all(m.ZeroShotSeq(ctx, func(yield func(Candidates) bool) {
		for _, t := range texts {
			if !yield(Candidates{Text: t}) {
				return
			}
		}
	}, o))
}

// entailment finds the classes of an inference head by name.
func entailment(labels []string) (entail, contradict int, err error) {
	entail, contradict = -1, -1
	for i, l := range labels {
		l = strings.ToLower(l)
		if strings.HasPrefix(l, "entail") && entail < 0 {
			entail = i
		}
		if strings.HasPrefix(l, "contra") && contradict < 0 {
			contradict = i
		}
	}
	if entail < 0 || len(labels) < 2 {
		return 0, 0, fmt.Errorf("zero-shot needs an inference head: none of the labels %s begins with \"entail\"", strings.Join(labels, ", "))
	}
	if contradict < 0 { // as Hugging Face takes it
		if entail == 0 {
			contradict = len(labels) - 1
		} else {
			contradict = 0
		}
	}
	return entail, contradict, nil
}

// inferenceTask is the model's head for natural language inference; where no labels
// name an entailment, its only classifier, whose labels the error tells.
func (m *Model) inferenceTask() (*task, error) {
	all, err := m.tasks()
	if err != nil {
		return nil, err
	}
	classes := ofKind(all, heads.KindTextClassification)
	fit := slices.DeleteFunc(slices.Clone(classes), func(t *task) bool {
		_, _, err := entailment(t.config().Labels)
		return err != nil
	})
	switch {
	case len(fit) > 0 || len(classes) == 0:
		return only(all, fit, heads.KindTextClassification)
	case len(classes) == 1:
		return classes[0], nil
	}
	return nil, fmt.Errorf("zero-shot needs an inference head: none of %d classifiers has a label that begins with \"entail\"", len(classes))
}

// ZeroShotSeq classifies texts as they come.
func (m *Model) ZeroShotSeq(ctx context.Context, texts iter.Seq[Candidates], o ZeroShotOptions) iter.Seq2[[]Score, error] {
	task, err := m.inferenceTask()
	if err != nil {
		return failed[[]Score](err)
	}
	entail, contradict, err := entailment(task.config().Labels)
	if err != nil {
		return failed[[]Score](err)
	}
	if o.Template == "" {
		o.Template = defaultTemplate
	}
	if !strings.Contains(o.Template, "{}") {
		return failed[[]Score](fmt.Errorf("template %q has no {} for the label", o.Template))
	}
	if o.TruncationStrategy == "" {
		o.TruncationStrategy = "only_first"
	}
	prepare := func(t Candidates) (work[[]Score], error) {
		labels := t.Labels
		if labels == nil {
			labels = o.Labels
		}
		w := work[[]Score]{finish: func(outs []output) ([]Score, error) {
			return zeroShotScores(labels, outs, entail, contradict, o.MultiLabel), nil
		}}
		switch {
		case t.Err != nil:
			return w, t.Err
		case len(labels) == 0:
			return w, fmt.Errorf("no candidate labels")
		}
		for i, l := range labels {
			switch {
			case strings.TrimSpace(l) == "":
				return w, fmt.Errorf("candidate label %d is blank", i)
			case slices.Contains(labels[:i], l):
				return w, fmt.Errorf("the candidate label %q comes twice", l)
			}
		}
		for _, l := range labels {
			hypothesis := strings.ReplaceAll(o.Template, "{}", l)
			seqs, err := m.sequences(Text{Text: t.Text, Pair: &hypothesis}, o.Length)
			if err != nil {
				return w, err
			}
			w.asks = append(w.asks, ask{task: task, seqs: seqs})
		}
		return w, nil
	}
	return pipeline(ctx, m, texts, prepare, m.answer)
}

// zeroShotScores: exclusive candidates compete by their entailment logits;
// independent ones, and one alone, set entailment against contradiction.
func zeroShotScores(labels []string, outs []output, entail, contradict int, multi bool) []Score {
	p := make([]float64, len(labels))
	for i, out := range outs {
		z := out.vector
		p[i] = float64(z[entail])
		if multi || len(labels) == 1 {
			pair := []float64{float64(z[contradict]), float64(z[entail])}
			softmax(pair)
			p[i] = pair[1]
		}
	}
	if !multi && len(labels) > 1 {
		softmax(p)
	}
	out := make([]Score, len(labels))
	for i, l := range labels {
		out[i] = Score{Label: l, Score: p[i]}
	}
	slices.SortStableFunc(out, func(a, b Score) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return 0
	})
	return out
}
