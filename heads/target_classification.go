package heads

import (
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// TargetClassifier gives a word in its sentence a class: its sense, by a linear
// layer on the word's contextual state (Hadiwinoto et al. 2019, "Improved Word
// Sense Disambiguation Using Pre-Trained Contextualized Word Representations",
// linear projection of the last layer), the mean over the word's tokens. With two
// classes, on pairs of a sentence and a gloss, it is GlossBERT's Token-CLS (Huang
// et al. 2019).
type TargetClassifier struct {
	*trunk
	classifier *nn.Linear
}

// NewTargetClassifier builds the head's parameters in b.
func NewTargetClassifier(b *nn.Builder, cfg TaskConfig, inputDim int, opt Options) (*TargetClassifier, error) {
	t, err := classTrunk(b, cfg, opt, KindTargetClassification, inputDim)
	if err != nil {
		return nil, err
	}
	return &TargetClassifier{trunk: t, classifier: t.output(b, "classifier", t.cfg.NumClasses)}, nil
}

// Forward takes packed rows or [B,L,D] and M targets, any number in a sequence, to
// logits and probabilities [M,C].
func (h *TargetClassifier) Forward(s *tensor.Scope, in Input) (Output, error) {
	if err := needTargets(h.cfg.Name, in, "the words in question"); err != nil {
		return Output{}, err
	}
	r, err := h.tokens(s, in)
	if err != nil {
		return Output{}, err
	}
	defer r.free(s)
	spans, err := r.spans(h.cfg.Name, in.Targets)
	if err != nil {
		return Output{}, err
	}
	x, err := means(s, r.x, spans)
	if err != nil {
		return Output{}, err
	}
	defer s.Free(x.Buf)
	logits, err := h.classifier.Forward(s, x)
	return withSoftmax(s, logits, err)
}
