package heads

import (
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// TokenClassification gives every token a label (spec 4.3).
type TokenClassification struct {
	*trunk
	tagger
}

// NewTokenClassification builds the head's parameters in b.
func NewTokenClassification(b *nn.Builder, cfg TaskConfig, inputDim int, opt Options) (*TokenClassification, error) {
	t, err := classTrunk(b, cfg, opt, KindTokenClassification, inputDim)
	if err != nil {
		return nil, err
	}
	return &TokenClassification{trunk: t, tagger: newTagger(b, t)}, nil
}

// Forward takes packed rows or [B,L,D] to logits [R,C] or [B,L,C] and predictions
// [R] or [B,L]: the argmax, or, with a CRF, the best path, and its score [B].
func (h *TokenClassification) Forward(s *tensor.Scope, in Input) (Output, error) {
	r, err := h.tokens(s, in)
	if err != nil {
		return Output{}, err
	}
	return h.tag(s, r, in, h.cfg.Name)
}

// Loss is the CRF's loss [1]: the mean over the sequences of log Z less the score of
// the path labels, or, with crf_token_mean, their sum over the number of tokens.
// labels are classes, [R] or [B,L] as the input is. With a TagMask every row that it
// keeps needs one; without, those that are -100 take no part. Errors: a head without
// use_crf, a class out of range, a path that the constraints rule out; they name
// sequence and column.
func (h *TokenClassification) Loss(s *tensor.Scope, in Input, labels tensor.Host) (tensor.Tensor, error) {
	r, err := h.tokens(s, in)
	if err != nil {
		return tensor.Tensor{}, err
	}
	return h.loss(s, r, in, h.cfg.Name, labels)
}

// Marginals are the CRF's probabilities of each class at each token, over all paths:
// [R,C] or [B,L,C], zeros where a token takes no part.
func (h *TokenClassification) Marginals(s *tensor.Scope, in Input) (tensor.Tensor, error) {
	r, err := h.tokens(s, in)
	if err != nil {
		return tensor.Tensor{}, err
	}
	return h.marginals(s, r, in, h.cfg.Name)
}
