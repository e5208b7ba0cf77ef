package heads

import (
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// maskedLogit is what logits over positions hold where there is no token: finite,
// since JSON knows no infinity.
const maskedLogit = -1e9

// QuestionAnswering scores every token as the start and as the end of an answer
// (spec 4.4). AnswerSpans and BestSpans read spans out of the logits.
type QuestionAnswering struct {
	*trunk
	ends *nn.Linear // start and end, side by side
}

// NewQuestionAnswering builds the head's parameters in b.
func NewQuestionAnswering(b *nn.Builder, cfg TaskConfig, inputDim int, opt Options) (*QuestionAnswering, error) {
	cfg, opt, err := prepare(cfg, opt, KindQuestionAnswering, inputDim)
	if err != nil {
		return nil, err
	}
	t := newTrunk(b, cfg, opt, KindQuestionAnswering, inputDim)
	return &QuestionAnswering{trunk: t, ends: b.FusedLinear(t.cur, 1, true, nn.TruncatedNormal(*opt.InitializerRange), "start", "end")}, nil
}

// Forward takes packed rows or [B,L,D] to start and end logits, [R] or [B,L] with
// -1e9 at padded places.
func (h *QuestionAnswering) Forward(s *tensor.Scope, in Input) (out Output, err error) {
	r, err := h.tokens(s, in)
	if err != nil {
		return out, err
	}
	logits, err := h.ends.Forward(s, r.x)
	if err != nil {
		return out, err
	}
	r.free(s)
	return spanOutput(s, r, logits)
}

// spanOutput splits logits [R,2] into start and end.
func spanOutput(s *tensor.Scope, r *rowsIn, logits tensor.Tensor) (out Output, err error) {
	for i, to := range []*tensor.Tensor{&out.StartLogits, &out.EndLogits} {
		col, err := logits.Columns(i, i+1)
		if err != nil {
			return out, err
		}
		if col, err = col.Reshape(logits.Dim(0)); err != nil {
			return out, err
		}
		if *to, err = r.place(s, col, maskedLogit); err != nil {
			return out, err
		}
	}
	if out.EndLogits.Buf != logits.Buf {
		s.Free(logits.Buf)
	}
	return out, nil
}
