package heads

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// MultipleChoice picks one of N texts (spec 4.7).
type MultipleChoice struct {
	*trunk
	scorer *nn.Linear
}

// NewMultipleChoice builds the head's parameters in b.
func NewMultipleChoice(b *nn.Builder, cfg TaskConfig, inputDim int, opt Options) (*MultipleChoice, error) {
	cfg, opt, err := prepare(cfg, opt, KindMultipleChoice, inputDim)
	if err != nil {
		return nil, err
	}
	t := newTrunk(b, cfg, opt, KindMultipleChoice, inputDim)
	return &MultipleChoice{trunk: t, scorer: t.output(b, "scorer", 1)}, nil
}

// Forward takes [B,N,L,D] with a mask [B,N,L], pooled [B,N,D], packed rows of B*N
// sequences or [B*N,D] with Choices N, to logits [B,N] and probabilities [B,N].
// Without Choices, packed rows and rank 2 are scored each for itself: logits [B,1]
// alone, for questions with unequal numbers of choices.
func (h *MultipleChoice) Forward(s *tensor.Scope, in Input) (out Output, err error) {
	out.Logits, err = h.scoreChoices(s, in, h.scorer)
	if err != nil || h.alone(in) {
		return out, err
	}
	out.Probabilities, err = tensor.Softmax(s, out.Logits)
	return out, err
}

// alone says that the sequences of an input belong to no questions.
func (t *trunk) alone(in Input) bool { return in.Choices == 0 && in.Hidden.Rank == 2 }

// scoreChoices gives every sequence one score: [B,N], or [B,1] for sequences alone.
func (t *trunk) scoreChoices(s *tensor.Scope, in Input, scorer *nn.Linear) (tensor.Tensor, error) {
	flat, b, n, err := t.flatChoices(in)
	if err != nil {
		return tensor.Tensor{}, err
	}
	r, err := t.sentences(s, flat)
	if err != nil {
		return tensor.Tensor{}, err
	}
	defer r.free(s)
	logits, err := scorer.Forward(s, r.x)
	if err != nil {
		return logits, err
	}
	return logits.Reshape(b, n)
}

// flatChoices lays the choices of an input one after another, as B*N sequences.
func (t *trunk) flatChoices(in Input) (flat Input, b, n int, err error) {
	h := in.Hidden
	bad := func(format string, args ...any) (Input, int, int, error) {
		return Input{}, 0, 0, fmt.Errorf("head %q: "+format+": %w", append(append([]any{t.cfg.Name}, args...), ErrInputFormat)...)
	}
	if err := checkHidden(t.cfg.Name, t.dim, h); err != nil {
		return Input{}, 0, 0, err
	}
	flat = in
	switch {
	case h.Rank == 2: // packed rows or [B*N,D]
		seqs := h.Dim(0)
		if in.Layout != nil {
			seqs = in.Layout.Batch()
		}
		n = max(in.Choices, 1)
		if in.Choices < 0 || seqs%n != 0 {
			return bad("%d sequences for %d choices a question", seqs, in.Choices)
		}
		return flat, seqs / n, n, nil
	case in.Layout != nil:
		return bad("hidden states are %v of rank %d with a layout, want packed rows [R,D]", h.Spec, h.Rank)
	case in.Choices != 0 && in.Choices != h.Dim(1):
		return bad("hidden states are %v for %d choices a question", h.Spec, in.Choices)
	}
	b, n = h.Dim(0), h.Dim(1)
	if h.Rank == 3 { // pooled: a mask is accepted and ignored
		flat.Mask = tensor.Host{}
		flat.Hidden, err = h.Reshape(b*n, h.Dim(2))
		return flat, b, n, err
	}
	l := h.Dim(2)
	if m := in.Mask; m.Data != nil {
		if m.Rank != 3 || m.Dim(0) != b || m.Dim(1) != n || m.Dim(2) != l {
			return bad("attention_mask is %v, want [%d %d %d]", m.Spec, b, n, l)
		}
		flat.Mask.Spec = tensor.Of(m.DType, b*n, l)
	}
	flat.Hidden, err = h.Reshape(b*n, l, h.Dim(3))
	return flat, b, n, err
}
