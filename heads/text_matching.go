package heads

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// TextMatcher classifies pairs of texts that are embedded each by itself, after
// Reimers and Gurevych 2019 ("Sentence-BERT", the classification objective):
// softmax(W [u, v, |u-v|]).
type TextMatcher struct {
	*trunk
	classifier *nn.Linear
}

// NewTextMatcher builds the head's parameters in b.
func NewTextMatcher(b *nn.Builder, cfg TaskConfig, inputDim int, opt Options) (*TextMatcher, error) {
	t, err := classTrunk(b, cfg, opt, KindTextMatching, inputDim)
	if err != nil {
		return nil, err
	}
	return &TextMatcher{trunk: t, classifier: t.outputOf(b, "classifier", 3*t.cur, t.cfg.NumClasses)}, nil
}

func (h *TextMatcher) embed(s *tensor.Scope, in Input) (tensor.Tensor, error) {
	r, err := h.sentences(s, in)
	if err != nil {
		return tensor.Tensor{}, err
	}
	return r.x, nil // a temporary: the first norm made it
}

// Forward refuses a single text: there is nothing to match it with.
func (h *TextMatcher) Forward(*tensor.Scope, Input) (Output, error) {
	return Output{}, fmt.Errorf("head %q: one input was given, want a pair: %w", h.cfg.Name, ErrInputFormat)
}

// ForwardPair takes pairs of packed rows, [B,L,D] or [B,D] to logits and
// probabilities [B,C].
func (h *TextMatcher) ForwardPair(s *tensor.Scope, p Pair) (Output, error) {
	a, b, err := embedPair(s, h.cfg.Name, p, h.embed)
	if err != nil {
		return Output{}, err
	}
	defer tensor.FreeAll(s, a, b)
	d, err := absDiff(s, a, b)
	if err != nil {
		return Output{}, err
	}
	defer s.Free(d.Buf)
	f, err := tensor.Concat(s, a, b, d)
	if err != nil {
		return Output{}, err
	}
	defer s.Free(f.Buf)
	logits, err := h.classifier.Forward(s, f)
	return withSoftmax(s, logits, err)
}
