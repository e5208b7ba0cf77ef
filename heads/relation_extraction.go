package heads

import (
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// RelationClassifier classifies the relation between two entities of a sentence,
// after Baldini Soares et al. 2019 ("Matching the Blanks", the variant entity
// markers with entity start): the states at the starts of both entities, where the
// caller's text holds the markers, joined, through one dense layer to the classes.
type RelationClassifier struct {
	*trunk
	join       *nn.Linear // [first, second] -> hidden
	classifier *nn.Linear
}

// NewRelationClassifier builds the head's parameters in b.
func NewRelationClassifier(b *nn.Builder, cfg TaskConfig, inputDim int, opt Options) (*RelationClassifier, error) {
	t, err := classTrunk(b, cfg, opt, KindRelationExtraction, inputDim)
	if err != nil {
		return nil, err
	}
	return &RelationClassifier{trunk: t, join: b.Linear("relation", 2*t.cur, t.cur, true, nn.GlorotUniform), classifier: t.output(b, "classifier", t.cfg.NumClasses)}, nil
}

// Forward takes packed rows or [B,L,D] and M targets with both spans, any number
// in a sequence, to logits and probabilities [M,C].
func (h *RelationClassifier) Forward(s *tensor.Scope, in Input) (Output, error) {
	if err := needTargets(h.cfg.Name, in, "pairs of entities"); err != nil {
		return Output{}, err
	}
	r, err := h.tokens(s, in)
	if err != nil {
		return Output{}, err
	}
	defer r.free(s)
	first, err := r.spans(h.cfg.Name, in.Targets)
	if err != nil {
		return Output{}, err
	}
	second := make([]span, len(first))
	for i, t := range in.Targets {
		if second[i], err = r.spanOf(h.cfg.Name, i, t.Seq, t.SecondStart, t.SecondEnd); err != nil {
			return Output{}, err
		}
	}
	a, err := firsts(s, r.x, first)
	if err != nil {
		return Output{}, err
	}
	defer s.Free(a.Buf)
	b, err := firsts(s, r.x, second)
	if err != nil {
		return Output{}, err
	}
	defer s.Free(b.Buf)
	both, err := tensor.Concat(s, a, b)
	if err != nil {
		return Output{}, err
	}
	defer s.Free(both.Buf)
	z, err := h.join.ForwardAct(s, both, h.act, tensor.Tensor{})
	if err != nil {
		return Output{}, err
	}
	if z, err = nn.Dropout(s, z, h.rate); err != nil {
		return Output{}, err
	}
	defer s.Free(z.Buf)
	logits, err := h.classifier.Forward(s, z)
	return withSoftmax(s, logits, err)
}
