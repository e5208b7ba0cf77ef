package heads

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// TextClassification classifies sentences, one label, several, or a value (spec 4.2).
type TextClassification struct {
	*trunk
	classifier *nn.Linear
}

// NewTextClassification builds the head's parameters in b.
func NewTextClassification(b *nn.Builder, cfg TaskConfig, inputDim int, opt Options) (*TextClassification, error) {
	t, err := classTrunk(b, cfg, opt, KindTextClassification, inputDim)
	if err != nil {
		return nil, err
	}
	return &TextClassification{trunk: t, classifier: t.output(b, "classifier", t.cfg.NumClasses)}, nil
}

// classTrunk builds the blocks of a head that needs to know its classes.
func classTrunk(b *nn.Builder, cfg TaskConfig, opt Options, kind Kind, inputDim int) (*trunk, error) {
	cfg, opt, err := prepare(cfg, opt, kind, inputDim)
	if err != nil {
		return nil, err
	}
	if cfg.NumClasses == 0 {
		return nil, fmt.Errorf("head %q: %s needs num_classes", cfg.Name, cfg.TaskType)
	}
	return newTrunk(b, cfg, opt, kind, inputDim), nil
}

// prepare validates the config and resolves the options for a kind of head.
func prepare(cfg TaskConfig, opt Options, kind Kind, inputDim int) (TaskConfig, Options, error) {
	cfg, err := cfg.Validate()
	if err != nil {
		return cfg, opt, err
	}
	opt, err = opt.Resolve(cfg, kind, inputDim)
	return cfg, opt, err
}

// Forward takes packed rows, [B,L,D] or [B,D] to logits [B,C], and to
// probabilities [B,C] or, for regression, the value [B] ([B,C] for C > 1).
func (h *TextClassification) Forward(s *tensor.Scope, in Input) (Output, error) {
	r, err := h.sentences(s, in)
	if err != nil {
		return Output{}, err
	}
	logits, err := h.classifier.Forward(s, r.x)
	if err != nil {
		return Output{}, err
	}
	r.free(s)
	return classify(s, logits, h.cfg)
}
