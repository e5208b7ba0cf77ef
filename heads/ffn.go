package heads

import (
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// ffn takes rows [R,in] to [R,H]; no residual. Its activations are those of the
// table in spec 5.3, whatever activation_type says.
type ffn interface {
	forward(s *tensor.Scope, x tensor.Tensor) (tensor.Tensor, error)
}

// newFFN builds a feed-forward block of inner width f.
func newFFN(b *nn.Builder, kind string, in, f, out int, rate float32) ffn {
	fb := b.At("ffn")
	lin := func(name string, from, to int, bias bool) *nn.Linear {
		return fb.Linear(name, from, to, bias, nn.GlorotUniform)
	}
	gated := func(act tensor.Act) ffn {
		return gatedFFN{&nn.GatedMLP{Up: fb.FusedLinear(in, f, true, nn.GlorotUniform, "gate", "value"), Down: lin("out", f, out, true), Act: act, Inner: rate}}
	}
	mlp := func(act tensor.Act) *mlpFFN {
		return &mlpFFN{up: lin("up", in, f, true), down: lin("down", f, out, true), act: act, inner: rate}
	}
	switch kind {
	case "glu":
		return gated(tensor.ActSilu)
	case "reglu":
		return gated(tensor.ActRelu)
	case "bilinear":
		return gated(tensor.ActNone)
	case "geglu":
		return gatedFFN{&nn.GatedMLP{Up: lin("in", in, 2*f, true), Down: lin("out", f, out, true), Act: tensor.ActGelu, Inner: rate}}
	case "swiglu":
		return gatedFFN{&nn.GatedMLP{Up: fb.FusedLinear(in, f, false, nn.GlorotUniform, "gate", "up"), Down: lin("down", f, out, false), Act: tensor.ActSilu, Outer: rate}}
	case "gelu_tanh":
		return mlp(tensor.ActGeluTanh)
	case "squared_relu":
		m := mlp(tensor.ActRelu)
		m.square = true
		return m
	case "swin_mlp":
		m := mlp(tensor.ActGelu)
		m.outer = rate
		return m
	case "residual":
		m := mlp(tensor.ActRelu)
		m.skip = lin("skip", in, out, true)
		return m
	case "lowrank":
		r := max(1, f/4)
		return &lowRank{u1: lin("u1", in, r, false), v1: lin("v1", r, f, true), u2: lin("u2", f, r, false), v2: lin("v2", r, out, true), rate: rate}
	}
	return mlp(tensor.ActGelu)
}

type gatedFFN struct{ *nn.GatedMLP }

func (g gatedFFN) forward(s *tensor.Scope, x tensor.Tensor) (tensor.Tensor, error) {
	return g.Forward(s, x, tensor.Tensor{})
}

// mlpFFN is W2 drop(act(W1 x)), with a square after the activation, a dropout after
// W2, or a dense skip where the kind has one.
type mlpFFN struct {
	up, down, skip *nn.Linear
	act            tensor.Act
	square         bool
	inner, outer   float32
}

func (m *mlpFFN) forward(s *tensor.Scope, x tensor.Tensor) (tensor.Tensor, error) {
	h, err := m.up.ForwardAct(s, x, m.act, tensor.Tensor{})
	if err != nil {
		return h, err
	}
	if m.square {
		q, err := tensor.Mul(s, h, h)
		if err != nil {
			return q, err
		}
		s.Free(h.Buf)
		h = q
	}
	if h, err = nn.Dropout(s, h, m.inner); err != nil {
		return h, err
	}
	defer s.Free(h.Buf)
	if m.skip == nil {
		y, err := m.down.Forward(s, h)
		if err != nil {
			return y, err
		}
		return nn.Dropout(s, y, m.outer)
	}
	k, err := m.skip.Forward(s, x)
	if err != nil {
		return k, err
	}
	defer s.Free(k.Buf)
	return m.down.ForwardAct(s, h, tensor.ActNone, k)
}

// lowRank is V2 U2 drop(gelu(V1 U1 x)).
type lowRank struct {
	u1, v1, u2, v2 *nn.Linear
	rate           float32
}

func (l *lowRank) forward(s *tensor.Scope, x tensor.Tensor) (tensor.Tensor, error) {
	return chain(s, x,
		func(t tensor.Tensor) (tensor.Tensor, error) { return l.u1.Forward(s, t) },
		func(t tensor.Tensor) (tensor.Tensor, error) {
			return l.v1.ForwardAct(s, t, tensor.ActGelu, tensor.Tensor{})
		},
		func(t tensor.Tensor) (tensor.Tensor, error) {
			if !s.Train || l.rate == 0 {
				return l.u2.Forward(s, t)
			}
			d, err := tensor.Dropout(s, t, l.rate, s.NextSeed())
			if err != nil {
				return d, err
			}
			defer s.Free(d.Buf)
			return l.u2.Forward(s, d)
		},
		func(t tensor.Tensor) (tensor.Tensor, error) { return l.v2.Forward(s, t) },
	)
}
