package heads

import (
	"fmt"
	"math"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// taskAttention replaces rows x [R,W] by attended ones [R,W]; no residual.
type taskAttention interface {
	forward(s *tensor.Scope, x tensor.Tensor, rows *tensor.Layout) (tensor.Tensor, error)
}

func newAttention(b *nn.Builder, head, kind string, width, heads int, rate float32) taskAttention {
	ab := b.At("attention")
	if kind == "cbam" {
		if width%cbamReduction != 0 {
			b.Fail(fmt.Errorf("head %q: cbam: width %d is not a multiple of the reduction %d: %w", head, width, cbamReduction, tensor.ErrShape))
			return nil
		}
		return newCBAM(ab, width)
	}
	if width%heads != 0 {
		b.Fail(fmt.Errorf("head %q: task attention: width %d is not a multiple of num_attention_heads %d: %w", head, width, heads, tensor.ErrShape))
		return nil
	}
	if kind == "differential" {
		lin := func(name string) *nn.Linear { return ab.Linear(name, width, width, true, nn.GlorotUniform) }
		return &differential{q1: lin("q1"), k1: lin("k1"), q2: lin("q2"), k2: lin("k2"), v: lin("v"), proj: lin("proj"),
			lambda: ab.Param("lambda", nn.Constant(0.8), 1), heads: heads, rate: rate}
	}
	return &multiHead{
		qkv:  ab.Linear("qkv", width, 3*width, false, nn.GlorotUniform),
		proj: ab.Linear("proj", width, width, false, nn.HeNormal), heads: heads, rate: rate,
	}
}

// multiHead is softmax(Q K^T / sqrt d) V over kept keys (Vaswani et al. 2017).
type multiHead struct {
	qkv, proj *nn.Linear
	heads     int
	rate      float32
}

func (a *multiHead) forward(s *tensor.Scope, x tensor.Tensor, rows *tensor.Layout) (tensor.Tensor, error) {
	o := tensor.NoWindow
	if s.Train && a.rate > 0 {
		o.Rate, o.Seed = a.rate, s.NextSeed()
	}
	y, err := nn.SelfAttention(s, a.qkv, x, rows, a.heads, o)
	if err != nil {
		return y, err
	}
	defer s.Free(y.Buf)
	return a.proj.Forward(s, y)
}

// differential is A1 V - lambda A2 V with one trainable lambda (after Ye et al.
// 2024, without its per-head vectors and group norm).
type differential struct {
	q1, k1, q2, k2, v, proj *nn.Linear
	lambda                  tensor.Tensor // [1]
	heads                   int
	rate                    float32
}

// layerIndex is the depth that a head's attention takes in lambda's schedule.
const layerIndex = 0

// lambdaScale is 0.8 - 0.6 exp(-0.3 max(layer_idx - 1, 0)).
var lambdaScale = float32(0.8 - 0.6*math.Exp(-0.3*math.Max(layerIndex-1, 0)))

// lambdaMin and lambdaMax bound lambda.
const lambdaMin, lambdaMax = 0.1, 0.9

func (a *differential) forward(s *tensor.Scope, x tensor.Tensor, rows *tensor.Layout) (tensor.Tensor, error) {
	v, err := a.split(s, a.v, x)
	if err != nil {
		return v, err
	}
	defer s.Free(v.Buf)
	y1, err := a.attend(s, a.q1, a.k1, x, v, rows)
	if err != nil {
		return y1, err
	}
	defer s.Free(y1.Buf)
	y2, err := a.attend(s, a.q2, a.k2, x, v, rows)
	if err != nil {
		return y2, err
	}
	defer s.Free(y2.Buf)
	scaled, err := tensor.Scale(s, a.lambda, lambdaScale, 0)
	if err != nil {
		return scaled, err
	}
	defer s.Free(scaled.Buf)
	l, err := clamp(s, scaled, lambdaMin, lambdaMax)
	if err != nil {
		return l, err
	}
	defer s.Free(l.Buf)
	z, err := tensor.Mul(s, y2, l)
	if err != nil {
		return z, err
	}
	defer s.Free(z.Buf)
	d, err := tensor.AddScaled(s, y1, z, -1)
	if err != nil {
		return d, err
	}
	defer s.Free(d.Buf)
	y, err := a.proj.Forward(s, d)
	if err != nil {
		return y, err
	}
	return nn.Dropout(s, y, a.rate)
}

// split projects x and views the result as heads.
func (a *differential) split(s *tensor.Scope, l *nn.Linear, x tensor.Tensor) (tensor.Tensor, error) {
	y, err := l.Forward(s, x)
	if err != nil {
		return y, err
	}
	return y.Reshape(x.Dim(0), a.heads, x.Dim(1)/a.heads)
}

func (a *differential) attend(s *tensor.Scope, ql, kl *nn.Linear, x, v tensor.Tensor, rows *tensor.Layout) (tensor.Tensor, error) {
	q, err := a.split(s, ql, x)
	if err != nil {
		return q, err
	}
	defer s.Free(q.Buf)
	k, err := a.split(s, kl, x)
	if err != nil {
		return k, err
	}
	defer s.Free(k.Buf)
	y, err := tensor.Attention(s, q, k, v, rows, rows, tensor.NoWindow)
	if err != nil {
		return y, err
	}
	return y.Reshape(x.Dim(0), x.Dim(1))
}
