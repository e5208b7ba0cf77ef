package heads

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

// Config is the task of the class: its labels and problem type.
func (h *PublishedHead) Config() TaskConfig { return h.task }

// InputDim is the encoder's hidden size.
func (h *PublishedHead) InputDim() int { return h.dim }

// Kind is the head of ours whose outputs this one gives.
func (h *PublishedHead) Kind() Kind { return h.kind }

// Reads says which hidden states Forward wants.
func (h *PublishedHead) Reads() Rows { return h.rows }

// Class is the Hugging Face class.
func (h *PublishedHead) Class() string { return h.class }

// Forward gives the outputs of the class. in.Hidden is packed rows with in.Layout,
// or, for a sentence head, the chosen rows [B,C]; a pooler's output lies in in.Pooled.
func (h *PublishedHead) Forward(s *tensor.Scope, in Input) (out Output, err error) {
	x, owned, err := h.pick(s, in)
	if err != nil {
		return out, err
	}
	logits, err := h.Logits(s, x, owned)
	if err != nil {
		return out, err
	}
	switch h.kind {
	case KindTextClassification:
		return classify(s, logits, h.task)
	case KindTokenClassification:
		out.Logits = logits
		out.Predictions, err = tensor.Argmax(s, logits)
		return out, err
	case KindQuestionAnswering:
		out.StartLogits, out.EndLogits, err = spanLogits(logits)
		return out, err
	}
	out.Logits = logits
	return out, nil
}

// pick is the matrix of rows that the head reads; owned says that it is a
// temporary of this head's.
func (h *PublishedHead) pick(s *tensor.Scope, in Input) (x tensor.Tensor, owned bool, err error) {
	if h.rows == PooledRow {
		if in.Pooled.Present() {
			return in.Pooled, false, nil
		}
		return x, false, fmt.Errorf("%s reads the pooled vector, and the encoder gave none: %w", h.class, ErrInputFormat)
	}
	if !in.Hidden.Present() {
		return x, false, fmt.Errorf("%s: hidden states are missing: %w", h.class, ErrInputFormat)
	}
	if in.Hidden.Rank != 2 || in.Hidden.Dim(1) != h.dim {
		return x, false, fmt.Errorf("%s: hidden states are %v, want rows of width %d: %w", h.class, in.Hidden.Spec, h.dim, ErrInputFormat)
	}
	if h.rows == EveryRow || in.Layout == nil {
		return in.Hidden, false, nil
	}
	how := map[Rows]tensor.Pooling{FirstRow: tensor.PoolCLS, MeanRow: tensor.PoolMean, LastRow: tensor.PoolLast, LastNonPad: tensor.PoolLast}[h.rows]
	x, err = tensor.Pool(s, in.Hidden, in.Layout, how, tensor.Tensor{}, tensor.Tensor{})
	return x, true, err
}

// Logits runs the layers on rows x [R,C] and frees x if owned.
func (h *PublishedHead) Logits(s *tensor.Scope, x tensor.Tensor, owned bool) (tensor.Tensor, error) {
	step := func(y tensor.Tensor, err error) error {
		if err == nil {
			if owned {
				s.Free(x.Buf)
			}
			x, owned = y, true
		}
		return err
	}
	drop := func() error {
		if !s.Train || h.rate == 0 {
			return nil
		}
		return step(tensor.Dropout(s, x, h.rate, s.NextSeed()))
	}
	if h.first {
		if err := drop(); err != nil {
			return x, err
		}
	}
	if h.dense != nil {
		if err := step(h.dense.ForwardAct(s, x, h.act, tensor.Tensor{})); err != nil {
			return x, err
		}
	}
	if h.norm != nil {
		if err := step(h.norm.Forward(s, x)); err != nil {
			return x, err
		}
	}
	if err := drop(); err != nil {
		return x, err
	}
	err := step(h.out.Forward(s, x))
	return x, err
}

// classify adds what a classification head gives beside its logits [B,C] (spec 4.2).
func classify(s *tensor.Scope, logits tensor.Tensor, cfg TaskConfig) (out Output, err error) {
	out.Logits = logits
	switch {
	case cfg.ProblemType == RegressionProblem:
		out.Value = logits
		if logits.Dim(1) == 1 {
			out.Value, err = logits.Reshape(logits.Dim(0))
		}
	case cfg.ProblemType == MultiLabel || logits.Dim(1) == 1:
		out.Probabilities, err = tensor.Activation(s, logits, tensor.ActSigmoid)
	default:
		out.Probabilities, err = tensor.Softmax(s, logits)
	}
	return out, err
}

// spanLogits are the start and end columns of [R,2], as views.
func spanLogits(logits tensor.Tensor) (start, end tensor.Tensor, err error) {
	var col [2]tensor.Tensor
	for i := range col {
		if col[i], err = logits.Columns(i, i+1); err != nil {
			return start, end, err
		}
		if col[i], err = col[i].Reshape(logits.Dim(0)); err != nil {
			return start, end, err
		}
	}
	return col[0], col[1], nil
}
