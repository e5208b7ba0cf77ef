package heads

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// PredicateTagger labels the tokens of a sentence for one predicate of it:
// semantic roles, after Shi and Lin 2019 ("Simple BERT Models for Relation
// Extraction and Semantic Role Labeling", section 3), where each token's hidden
// state is joined with the predicate's and goes through one hidden layer; and facts
// as labelled predicate and arguments, after Stanovsky et al. 2018 ("Supervised
// Open Information Extraction"), whose tagger is conditioned alike. A sentence with
// several predicates is given once for each.
type PredicateTagger struct {
	*trunk
	tagger
	join *nn.Linear // [token, predicate] -> hidden
}

// NewPredicateTagger builds the head's parameters in b.
func NewPredicateTagger(b *nn.Builder, cfg TaskConfig, inputDim int, opt Options) (*PredicateTagger, error) {
	t, err := classTrunk(b, cfg, opt, KindPredicateTagging, inputDim)
	if err != nil {
		return nil, err
	}
	return &PredicateTagger{trunk: t, join: b.Linear("predicate", 2*t.cur, t.cur, true, nn.GlorotUniform), tagger: newTagger(b, t)}, nil
}

// Forward takes packed rows or [B,L,D] and one target for each sequence, its
// predicate, to the outputs of TokenClassification.
func (h *PredicateTagger) Forward(s *tensor.Scope, in Input) (Output, error) {
	r, err := h.joined(s, in)
	if err != nil {
		return Output{}, err
	}
	return h.tag(s, r, in, h.cfg.Name)
}

// Loss is that of TokenClassification.
func (h *PredicateTagger) Loss(s *tensor.Scope, in Input, labels tensor.Host) (tensor.Tensor, error) {
	r, err := h.joined(s, in)
	if err != nil {
		return tensor.Tensor{}, err
	}
	return h.loss(s, r, in, h.cfg.Name, labels)
}

// Marginals are those of TokenClassification.
func (h *PredicateTagger) Marginals(s *tensor.Scope, in Input) (tensor.Tensor, error) {
	r, err := h.joined(s, in)
	if err != nil {
		return tensor.Tensor{}, err
	}
	return h.marginals(s, r, in, h.cfg.Name)
}

// joined are the rows behind the hidden layer that sees token and predicate.
func (h *PredicateTagger) joined(s *tensor.Scope, in Input) (*rowsIn, error) {
	if err := needTargets(h.cfg.Name, in, "one for each sequence: its predicate"); err != nil {
		return nil, err
	}
	r, err := h.tokens(s, in)
	if err != nil {
		return nil, err
	}
	rows, err := h.predicates(r, in.Targets)
	if err != nil {
		return nil, err
	}
	p, err := gather(s, r.x, rows)
	if err != nil {
		return nil, err
	}
	defer s.Free(p.Buf)
	both, err := tensor.Concat(s, r.x, p)
	if err != nil {
		return nil, err
	}
	defer s.Free(both.Buf)
	y, err := h.join.ForwardAct(s, both, h.act, tensor.Tensor{})
	if err := r.step(s, y, err); err != nil {
		return nil, err
	}
	r.x, err = nn.Dropout(s, r.x, h.rate)
	return r, err
}

// predicates is, for each row, the first row of its sequence's predicate.
func (h *PredicateTagger) predicates(r *rowsIn, ts []Target) ([]int32, error) {
	spans, err := r.spans(h.cfg.Name, ts)
	if err != nil {
		return nil, err
	}
	of := make([]int32, r.rows.Batch())
	for i := range of {
		of[i] = -1
	}
	for i, t := range ts {
		if of[t.Seq] >= 0 {
			return nil, fmt.Errorf("head %q: target %d is the second predicate of sequence %d; give the sentence once for each: %w", h.cfg.Name, i, t.Seq, ErrInputFormat)
		}
		of[t.Seq] = spans[i].lo
	}
	rows := r.rows.Seq()
	for i, seq := range rows {
		if seq < 0 {
			continue
		}
		if rows[i] = of[seq]; rows[i] < 0 {
			return nil, fmt.Errorf("head %q: sequence %d has no target, want its predicate: %w", h.cfg.Name, seq, ErrInputFormat)
		}
	}
	return rows, nil
}
