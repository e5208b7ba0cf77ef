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
	return &TokenClassification{trunk: t, tagger: newTagger(b, t, t.cur)}, nil
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

// tagger is the output of a head that labels rows: emissions, and a CRF where one
// is asked for.
type tagger struct {
	classifier *nn.Linear
}

func newTagger(b *nn.Builder, t *trunk, width int) tagger {
	return tagger{classifier: t.outputOf(b, "classifier", width, t.cfg.NumClasses)}
}

// tag labels the rows and frees them.
func (g *tagger) tag(s *tensor.Scope, r *rowsIn, in Input, name string) (out Output, err error) {
	logits, err := g.classifier.Forward(s, r.x)
	if err != nil {
		return out, err
	}
	r.free(s)
	return tagged(s, r, logits)
}

// tagged are logits of rows and their argmax.
func tagged(s *tensor.Scope, r *rowsIn, logits tensor.Tensor) (out Output, err error) {
	pred, err := tensor.Argmax(s, logits)
	if err != nil {
		return out, err
	}
	if out.Predictions, err = r.unpack(s, pred, -1); err != nil {
		return out, err
	}
	out.Logits, err = r.unpack(s, logits, 0)
	return out, err
}
