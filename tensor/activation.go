package tensor

import (
	"fmt"
	"math"
)

// InvSqrt is 1/sqrt(d) in f32.
func InvSqrt(d int) float32 { return float32(1 / math.Sqrt(float64(d))) }

// actOps are the operations of the activations; ActNone has none.
var actOps = [NumActs]Op{ActGelu: OpGelu, ActGeluTanh: OpGeluTanh, ActSilu: OpSilu, ActRelu: OpRelu, ActTanh: OpTanh, ActSigmoid: OpSigmoid, ActMish: OpMish, ActAbs: OpAbs}

// ActOf is the activation that an operation computes; false for all others.
func ActOf(op Op) (Act, bool) {
	for a, o := range actOps {
		if o == op && o != OpNone {
			return Act(a), true
		}
	}
	return ActNone, false
}

func activationRows() rows {
	rs := rows{OpActivationBackward: {Name: "activation_backward", Check: checkActivationBackward, Accum: true, Tol: tolElementwise}}
	for a, op := range actOps {
		if op == OpNone {
			continue
		}
		act := Act(a)
		rs[op] = Row{Name: act.String(), Check: checkPlainUnary, Tol: tolElementwise, Reads: 1 << 0,
			Grad: func(g Grads, c *Call) error {
				return gradUnary(g, c, Call{Op: OpActivationBackward, Src: src(c.Src[0]), Attr: Attr{Act: act}})
			}}
	}
	return rs
}

// Activation is act(x), element by element; ActNone copies. x and result of any shape.
func Activation(s Stream, x Tensor, act Act) (Tensor, error) {
	if act == ActNone {
		return Scale(s, x, 1, 0)
	}
	if act >= NumActs {
		return Tensor{}, fmt.Errorf("activation %d: %w", act, ErrUnsupported)
	}
	return run1(s, x.Spec, Call{Op: actOps[act], Src: src(x)})
}

func checkPlainUnary(c *Call) error {
	return all(only(c, 1, 1), wantF32("x", &c.Src[0], 0, MaxRank), wantSame("y", &c.Dst[0], &c.Src[0]))
}

// checkActivationBackward: x, dy -> dx = act'(x) dy.
func checkActivationBackward(c *Call) error {
	if c.Attr.Act == ActNone || c.Attr.Act >= NumActs {
		return fmt.Errorf("activation %s: %w", c.Attr.Act, ErrUnsupported)
	}
	return all(only(c, 1, 2), wantF32("x", &c.Src[0], 0, MaxRank), wantSame("dy", &c.Src[1], &c.Src[0]), wantSame("dx", &c.Dst[0], &c.Src[0]))
}
