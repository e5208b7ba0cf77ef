package cephalo

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"sort"

	"github.com/cephalo-ml/cephalo/heads"
)

// Score is a label with its probability (or logit, where raw ones were asked for).
type Score struct {
	Label string  `json:"label"`
	Score float64 `json:"score"`
}

// The functions on the logits.
const (
	ActivationAuto    = "auto" // as the config says: softmax, or sigmoid for multi-label and a single logit
	ActivationSoftmax = "softmax"
	ActivationSigmoid = "sigmoid"
	ActivationNone    = "none"
)

// ClassifyOptions are the rare knobs of Classify.
type ClassifyOptions struct {
	Length
	TopK       int     // labels to give; 0 gives the best one
	Threshold  float64 // scores below are left out
	Activation string  // "" is auto
}

// Classification is the answer for one text: labels by falling score, or for a
// regression head the values.
type Classification struct {
	Scores []Score
	Values []float64
}

// Classify gives, for each text, its labels by falling score. The function on the
// logits is the config's. An input that fails ends the call; ClassifySeq goes on.
func (m *Model) Classify(ctx context.Context, texts []Text, opts ...ClassifyOptions) ([][]Score, error) {
	o, err := one(opts)
	if err != nil {
		return nil, err
	}
	rs, err := all(m.ClassifySeq(ctx, slices.Values(texts), o))
	if err != nil {
		return nil, err
	}
	out := make([][]Score, len(rs))
	for i, r := range rs {
		out[i] = r.Scores
	}
	return out, nil
}

// ClassifySeq classifies texts as they come, in order. One that fails gives an
// *InputError in its place. A text matching head takes pairs, whose texts it reads
// each by itself.
func (m *Model) ClassifySeq(ctx context.Context, texts iter.Seq[Text], o ClassifyOptions) iter.Seq2[Classification, error] {
	t, err := m.task(heads.KindTextClassification, heads.KindTextMatching)
	if err != nil {
		return failed[Classification](err)
	}
	prepare, err := m.classifier(t, o)
	if err != nil {
		return failed[Classification](err)
	}
	return pipeline(ctx, m, texts, prepare, m.answer)
}

// classifier prepares texts for a head of classes.
func (m *Model) classifier(t *task, o ClassifyOptions) (func(Text) (work[Classification], error), error) {
	switch o.Activation {
	case "", ActivationAuto, ActivationSoftmax, ActivationSigmoid, ActivationNone:
	default:
		return nil, fmt.Errorf("activation %q is unknown, want auto, softmax, sigmoid or none", o.Activation)
	}
	if o.TopK < 0 || math.IsNaN(o.Threshold) {
		return nil, fmt.Errorf("top-k %d, threshold %v: want 0 or more, and a number", o.TopK, o.Threshold)
	}
	cfg, apart := t.config(), t.kind() == heads.KindTextMatching
	return func(in Text) (work[Classification], error) {
		var seqs []*sequence
		var err error
		if apart {
			seqs, err = m.sides(in, "", o.Length)
		} else {
			seqs, err = m.sequences(in, o.Length)
		}
		if err != nil {
			return work[Classification]{}, err
		}
		return oneAsk(ask{task: t, seqs: seqs}, func(out output) (Classification, error) {
			return classification(out.vector, cfg, o), nil
		}), nil
	}, nil
}

// classification applies the function on the logits, in float64.
func classification(logits []float32, cfg heads.TaskConfig, o ClassifyOptions) Classification {
	act := o.Activation
	regression := cfg.ProblemType == heads.RegressionProblem
	if act == "" || act == ActivationAuto || regression && act == ActivationNone {
		switch {
		case regression:
			c := Classification{}
			for _, v := range logits {
				c.Values = append(c.Values, float64(v))
			}
			return c
		case cfg.ProblemType == heads.MultiLabel || len(logits) == 1:
			act = ActivationSigmoid
		default:
			act = ActivationSoftmax
		}
	}
	p := make([]float64, len(logits))
	for i, v := range logits {
		p[i] = float64(v)
	}
	switch act {
	case ActivationSoftmax:
		softmax(p)
	case ActivationSigmoid:
		for i, v := range p {
			p[i] = sigmoid(v)
		}
	}
	scores := make([]Score, 0, len(p))
	for i, v := range p {
		if v >= o.Threshold || o.Threshold == 0 {
			scores = append(scores, Score{Label: cfg.Labels[i], Score: v})
		}
	}
	sort.SliceStable(scores, func(i, j int) bool { return scores[i].Score > scores[j].Score })
	if k := max(o.TopK, 1); len(scores) > k {
		scores = scores[:k]
	}
	return Classification{Scores: scores}
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// logSoftmax replaces x by x - log(sum(exp(x))).
func logSoftmax(x []float64) {
	if len(x) == 0 {
		return
	}
	m, sum := slices.Max(x), 0.0
	for _, v := range x {
		sum += math.Exp(v - m)
	}
	for i := range x {
		x[i] -= m + math.Log(sum)
	}
}

// softmax replaces x by exp(x - max)/sum.
func softmax(x []float64) {
	if len(x) == 0 {
		return
	}
	m, sum := slices.Max(x), 0.0
	for i, v := range x {
		x[i] = math.Exp(v - m)
		sum += x[i]
	}
	for i := range x {
		x[i] /= sum
	}
}
