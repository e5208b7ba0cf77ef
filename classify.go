package cephalo

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"sort"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
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
	var o ClassifyOptions
	if len(opts) > 0 {
		o = opts[0]
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
// *InputError in its place.
func (m *Model) ClassifySeq(ctx context.Context, texts iter.Seq[Text], o ClassifyOptions) iter.Seq2[Classification, error] {
	if err := m.needs(heads.KindTextClassification); err != nil {
		return failed[Classification](err)
	}
	switch o.Activation {
	case "", ActivationAuto, ActivationSoftmax, ActivationSigmoid, ActivationNone:
	default:
		return failed[Classification](fmt.Errorf("activation %q is unknown, want auto, softmax, sigmoid or none", o.Activation))
	}
	cfg := m.head.Config()
	prepare := func(t Text) (work[[]float32, Classification], error) {
		e, err := m.encode(t, o.Length)
		if err != nil {
			return work[[]float32, Classification]{}, err
		}
		return work[[]float32, Classification]{seqs: []sequence{m.sequenceOf(e)}, finish: func(w [][]float32) (Classification, error) {
			return classification(w[0], cfg, o), nil
		}}, nil
	}
	return pipeline(ctx, m, texts, prepare, m.logits)
}

// logits runs sequences through encoder and head: one row of logits each.
func (m *Model) logits(ctx context.Context, seqs []sequence) ([][]float32, error) {
	batch, err := pack(seqs)
	if err != nil {
		return nil, err
	}
	out := make([][]float32, len(seqs))
	err = m.run(ctx, batch, func(s *tensor.Scope, _ encoders.Output, o heads.Output) error {
		v, err := tensor.Download(ctx, s, o.Logits)
		if err != nil {
			return err
		}
		n := len(v) / len(seqs)
		for i := range out {
			out[i] = v[i*n : (i+1)*n]
		}
		return nil
	})
	return out, err
}

// classification applies the function on the logits, in float64.
func classification(logits []float32, cfg heads.TaskConfig, o ClassifyOptions) Classification {
	act := o.Activation
	if act == "" || act == ActivationAuto {
		switch {
		case cfg.ProblemType == heads.RegressionProblem:
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
			p[i] = 1 / (1 + math.Exp(-v))
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

// failed is a sequence of one error.
func failed[R any](err error) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) { var zero R; yield(zero, err) }
}

// needs says whether the folder's head gives the outputs of kind.
func (m *Model) needs(kind heads.Kind) error {
	if m.head == nil {
		return m.noHead
	}
	if k := m.kind(); k != kind {
		return fmt.Errorf("%s is a %s head, want %s: %w", m.head.Config().Name, k, kind, tensor.ErrUnsupported)
	}
	return nil
}

// kind is the kind of the model's head, "" without one.
func (m *Model) kind() heads.Kind { return kindOf(m.head) }
