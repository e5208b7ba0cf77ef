package heads

import (
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// Ranker scores texts for a query, each read together with it: a cross-encoder
// (Nogueira and Cho 2019, "Passage Re-ranking with BERT"). Over the texts of one
// query the softmax of the scores is ListNet's top-one probability (Cao et al. 2007).
type Ranker struct {
	*trunk
	scorer *nn.Linear
}

// NewRanker builds the head's parameters in b.
func NewRanker(b *nn.Builder, cfg TaskConfig, inputDim int, opt Options) (*Ranker, error) {
	cfg, opt, err := prepare(cfg, opt, KindRanking, inputDim)
	if err != nil {
		return nil, err
	}
	t := newTrunk(b, cfg, opt, KindRanking, inputDim)
	return &Ranker{trunk: t, scorer: t.output(b, "scorer", 1)}, nil
}

// Forward takes the inputs of MultipleChoice, the texts of a query being its
// choices, to scores [B,N] and probabilities [B,N]; sequences without Choices to
// scores [B] alone.
func (h *Ranker) Forward(s *tensor.Scope, in Input) (out Output, err error) {
	if out.Scores, err = h.scoreChoices(s, in, h.scorer); err != nil {
		return out, err
	}
	if h.alone(in) {
		out.Scores, err = out.Scores.Reshape(out.Scores.Dim(0))
		return out, err
	}
	out.Probabilities, err = tensor.Softmax(s, out.Scores)
	return out, err
}
