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

// Reads says which hidden states the class reads.
func (h *PublishedHead) Reads() Rows { return h.rows }

// Class is the Hugging Face class.
func (h *PublishedHead) Class() string { return h.class }

// Forward gives the outputs of the class. in.Hidden is packed rows with in.Layout,
// padded [B,L,C], or, for a sentence head, the chosen rows [B,C]; a pooler's output
// lies in in.Pooled. With in.Choices N, multiple choice gives [B,N] and
// probabilities, else logits [B*N,1].
func (h *PublishedHead) Forward(s *tensor.Scope, in Input) (out Output, err error) {
	r, err := h.pick(s, in)
	if err != nil {
		return out, err
	}
	logits, err := h.Logits(s, r.x, r.owned)
	if err != nil {
		return out, err
	}
	switch h.kind {
	case KindTextClassification:
		return classify(s, logits, h.task)
	case KindTokenClassification:
		return tagged(s, r, logits)
	case KindQuestionAnswering:
		return spanOutput(s, r, logits)
	case KindMultipleChoice:
		out.Logits = logits
		if in.Choices == 0 {
			return out, nil
		}
		if n := in.Choices; n < 0 || logits.Dim(0)%n != 0 {
			return out, fmt.Errorf("%s: %d sequences for %d choices a question: %w", h.class, logits.Dim(0), n, ErrInputFormat)
		}
		if out.Logits, err = logits.Reshape(logits.Dim(0)/in.Choices, in.Choices); err != nil {
			return out, err
		}
		out.Probabilities, err = tensor.Softmax(s, out.Logits)
		return out, err
	}
	out.Logits, err = r.unpack(s, logits, 0)
	return out, err
}

// pick are the rows that the head reads.
func (h *PublishedHead) pick(s *tensor.Scope, in Input) (*rowsIn, error) {
	if h.rows == PooledRow {
		if in.Pooled.Present() {
			in = Input{Hidden: in.Pooled}
		} else if in.Layout != nil || in.Hidden.Rank != 2 {
			return nil, fmt.Errorf("%s reads the pooled vector, and the encoder gave none: %w", h.class, ErrInputFormat)
		}
	}
	r, err := rowsOf(s, h.class, h.dim, in, accepts{pooled: h.rows != EveryRow, sequence: h.rows != PooledRow})
	if err != nil || h.rows == EveryRow || r.rows == nil {
		return r, err
	}
	how := map[Rows]tensor.Pooling{FirstRow: tensor.PoolCLS, MeanRow: tensor.PoolMean, LastRow: tensor.PoolLast, LastNonPad: tensor.PoolLast}[h.rows]
	y, err := tensor.Pool(s, r.x, r.rows, how, tensor.Tensor{}, tensor.Tensor{})
	return r, r.step(s, y, err)
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
