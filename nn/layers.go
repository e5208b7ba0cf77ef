package nn

import "github.com/cephalo-ml/cephalo/tensor"

// Linear is y = x W^T + b (torch.nn.Linear).
type Linear struct {
	Weight tensor.Tensor // [out, in], or [in, out] with TransW
	Bias   tensor.Tensor // [out] or absent
	TransW bool          // stored [in, out], as GPT-2's Conv1D
}

// Linear builds name.weight [out,in] and, with bias, name.bias [out].
func (b *Builder) Linear(name string, in, out int, bias bool, init Init) *Linear {
	l := &Linear{Weight: b.Param(name+".weight", init, out, in)}
	if bias {
		l.Bias = b.Param(name+".bias", Zeros, out)
	}
	return l
}

// Forward takes x [R,in] to [R,out].
func (l *Linear) Forward(s *tensor.Scope, x tensor.Tensor) (tensor.Tensor, error) {
	return tensor.Linear(s, x, l.Weight, l.Bias, tensor.Tensor{}, tensor.ActNone, l.TransW)
}

// ForwardAct is act(x W^T + b) + residual in one pass; residual may be absent.
func (l *Linear) ForwardAct(s *tensor.Scope, x tensor.Tensor, act tensor.Act, residual tensor.Tensor) (tensor.Tensor, error) {
	return tensor.Linear(s, x, l.Weight, l.Bias, residual, act, l.TransW)
}

// Embedding is a table of rows.
type Embedding struct {
	Weight     tensor.Tensor // [V, C]
	PaddingIdx int           // row without gradient, -1 none
}

// Embedding builds name.weight [n,width].
func (b *Builder) Embedding(name string, n, width, paddingIdx int, init Init) *Embedding {
	return &Embedding{Weight: b.Param(name+".weight", init, n, width), PaddingIdx: paddingIdx}
}

// Forward looks up ids I32 [R] and adds residual [R,C] where it is present.
func (e *Embedding) Forward(s *tensor.Scope, ids, residual tensor.Tensor) (tensor.Tensor, error) {
	return tensor.Embedding(s, ids, e.Weight, residual, e.PaddingIdx)
}

// Norm is a layer norm or an RMS norm over the last axis.
type Norm struct {
	Weight, Bias tensor.Tensor // [C] or absent
	Eps          float32
	RMS          bool
}

// LayerNorm builds name.weight and, with bias, name.bias, both [width].
func (b *Builder) LayerNorm(name string, width int, eps float64, bias bool) *Norm {
	n := &Norm{Weight: b.Param(name+".weight", Ones, width), Eps: float32(eps)}
	if bias {
		n.Bias = b.Param(name+".bias", Zeros, width)
	}
	return n
}

// RMSNorm builds name.weight [width].
func (b *Builder) RMSNorm(name string, width int, eps float64) *Norm {
	return &Norm{Weight: b.Param(name+".weight", Ones, width), Eps: float32(eps), RMS: true}
}

// Forward normalizes x [..,C].
func (n *Norm) Forward(s *tensor.Scope, x tensor.Tensor) (tensor.Tensor, error) {
	return n.ForwardResidual(s, x, tensor.Tensor{})
}

// ForwardResidual normalizes x + residual: the post-norm block's step.
func (n *Norm) ForwardResidual(s *tensor.Scope, x, residual tensor.Tensor) (tensor.Tensor, error) {
	if n.RMS {
		return tensor.RMSNorm(s, x, n.Weight, residual, n.Eps)
	}
	return tensor.LayerNorm(s, x, n.Weight, n.Bias, residual, n.Eps)
}

// ForwardSum normalizes x + residual and gives the sum too: the pre-norm block's step.
func (n *Norm) ForwardSum(s *tensor.Scope, x, residual tensor.Tensor) (y, sum tensor.Tensor, err error) {
	if n.RMS {
		return tensor.RMSNormAdd(s, x, n.Weight, residual, n.Eps)
	}
	return tensor.LayerNormAdd(s, x, n.Weight, n.Bias, residual, n.Eps)
}

// Dropout drops elements of x in training and frees x; in inference, or at rate
// 0, it is x itself.
func Dropout(s *tensor.Scope, x tensor.Tensor, rate float32) (tensor.Tensor, error) {
	if !s.Train || rate == 0 {
		return x, nil
	}
	y, err := tensor.Dropout(s, x, rate, s.NextSeed())
	if err != nil {
		return tensor.Tensor{}, err
	}
	s.Free(x.Buf)
	return y, nil
}
