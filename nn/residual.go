package nn

import "github.com/cephalo-ml/cephalo/tensor"

// ForwardResidual is dropout(x W^T + b) + residual: in inference one pass.
func (l *Linear) ForwardResidual(s *tensor.Scope, x, residual tensor.Tensor, rate float32) (tensor.Tensor, error) {
	if !s.Train || rate == 0 {
		return l.ForwardAct(s, x, tensor.ActNone, residual)
	}
	y, err := l.Forward(s, x)
	if err != nil {
		return y, err
	}
	if y, err = Dropout(s, y, rate); err != nil {
		return y, err
	}
	defer s.Free(y.Buf)
	return tensor.Add(s, residual, y)
}

// GatedMLP is down(act(a) * b) + residual with [a|b] = up(x), as GeGLU and SwiGLU.
type GatedMLP struct {
	Up   *Linear // in -> 2 F, the gate's half first
	Down *Linear // F -> out
	Act  tensor.Act
	// Inner is the dropout before Down, Outer the one after it.
	Inner, Outer float32
}

// Forward takes x [R,in] to [R,out]; residual may be absent.
func (m *GatedMLP) Forward(s *tensor.Scope, x, residual tensor.Tensor) (tensor.Tensor, error) {
	u, err := m.Up.Forward(s, x)
	if err != nil {
		return u, err
	}
	f := u.Dim(1) / 2
	a, err := u.Columns(0, f)
	if err != nil {
		return a, err
	}
	b, err := u.Columns(f, 2*f)
	if err != nil {
		return b, err
	}
	g, err := tensor.Gated(s, a, b, m.Act)
	if err != nil {
		return g, err
	}
	s.Free(u.Buf)
	if g, err = Dropout(s, g, m.Inner); err != nil {
		return g, err
	}
	defer s.Free(g.Buf)
	if !residual.Present() {
		y, err := m.Down.Forward(s, g)
		if err != nil {
			return y, err
		}
		return Dropout(s, y, m.Outer)
	}
	return m.Down.ForwardResidual(s, g, residual, m.Outer)
}
