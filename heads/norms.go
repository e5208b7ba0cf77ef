package heads

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// headEps is the epsilon of every norm in a head, whatever the encoder's is.
const headEps = 1e-6

// The constants of the band norms and of logit_norm (spec 5.4).
const (
	maxBandWidth     = 0.1
	bandSlope        = 5
	logitTemperature = 0.04
	minEnergyGamma   = 1e-3
)

// norm normalizes the last axis of x. rows lays out x where x has rows of
// sequences, and is nil where each row is a sequence of its own.
type norm interface {
	forward(s *tensor.Scope, x tensor.Tensor, rows *tensor.Layout) (tensor.Tensor, error)
}

// normTypes are the norms that a head can build.
var normTypes = map[string]func(b *nn.Builder, name string, width int) norm{
	"layer_norm": func(b *nn.Builder, name string, w int) norm { return plainNorm{b.LayerNorm(name, w, headEps, true)} },
	"rms_norm":   func(b *nn.Builder, name string, w int) norm { return plainNorm{b.RMSNorm(name, w, headEps)} },
	// The input is centred, not the weight: layer_norm without shift.
	"zero_centered_rms_norm": func(b *nn.Builder, name string, w int) norm { return plainNorm{b.LayerNorm(name, w, headEps, false)} },
	"band_rms":               func(b *nn.Builder, name string, w int) norm { return newBandNorm(b, name, true) },
	"zero_centered_band_rms_norm": func(b *nn.Builder, name string, w int) norm {
		return newBandNorm(b, name, false)
	},
	"adaptive_band_rms":                    func(b *nn.Builder, name string, w int) norm { return newAdaptiveBand(b, name, w, false) },
	"zero_centered_adaptive_band_rms_norm": func(b *nn.Builder, name string, w int) norm { return newAdaptiveBand(b, name, w, true) },
	"dynamic_tanh": func(b *nn.Builder, name string, w int) norm {
		nb := b.At(name)
		return dynamicTanh{alpha: nb.Param("alpha", nn.Constant(0.5), 1), weight: nb.Param("weight", nn.Ones, w), bias: nb.Param("bias", nn.Zeros, w)}
	},
	"logit_norm":     func(*nn.Builder, string, int) norm { return logitNorm{} },
	"max_logit_norm": func(_ *nn.Builder, _ string, w int) norm { return maxLogitNorm{w} },
	"energy_layer_norm": func(b *nn.Builder, name string, w int) norm {
		nb := b.At(name)
		return energyNorm{gamma: nb.Param("gamma", nn.Ones, 1), delta: nb.Param("delta", nn.Zeros, w)}
	},
}

// NormTypes lists the norms that a head can build, sorted.
func NormTypes() []string {
	var names []string
	for n := range normTypes {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func checkNormType(name string) error {
	if slices.Contains(shapeChanging, name) {
		return fmt.Errorf("normalization_type %q changes the shape and cannot be used in a head: %w", name, tensor.ErrUnsupported)
	}
	if normTypes[name] == nil {
		return fmt.Errorf("normalization_type %q is unknown, want one of %s: %w", name, strings.Join(NormTypes(), ", "), tensor.ErrUnsupported)
	}
	return nil
}

// plainNorm is a norm of nn.
type plainNorm struct{ *nn.Norm }

func (n plainNorm) forward(s *tensor.Scope, x tensor.Tensor, _ *tensor.Layout) (tensor.Tensor, error) {
	return n.Forward(s, x)
}

// bandNorm is x / rms(x) * (1 - a + a sigmoid(5 b)), of x or of x - mean(x).
type bandNorm struct {
	band tensor.Tensor // [1]
	base *nn.Norm
}

func newBandNorm(b *nn.Builder, name string, rms bool) norm {
	return bandNorm{band: b.At(name).Param("band", nn.Zeros, 1), base: &nn.Norm{Eps: headEps, RMS: rms}}
}

func (n bandNorm) forward(s *tensor.Scope, x tensor.Tensor, _ *tensor.Layout) (tensor.Tensor, error) {
	y, err := n.base.Forward(s, x)
	if err != nil {
		return y, err
	}
	defer s.Free(y.Buf)
	g, err := chain(s, n.band,
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Scale(s, t, bandSlope, 0) },
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Activation(s, t, tensor.ActSigmoid) },
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Scale(s, t, maxBandWidth, 1-maxBandWidth) },
	)
	if err != nil {
		return g, err
	}
	defer s.Free(g.Buf)
	return tensor.Mul(s, y, g)
}

// dynamicTanh is w tanh(alpha x) + b (Zhu et al. 2025).
type dynamicTanh struct{ alpha, weight, bias tensor.Tensor }

func (n dynamicTanh) forward(s *tensor.Scope, x tensor.Tensor, _ *tensor.Layout) (tensor.Tensor, error) {
	return chain(s, x,
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Mul(s, t, n.alpha) },
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Activation(s, t, tensor.ActTanh) },
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Mul(s, t, n.weight) },
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Add(s, t, n.bias) },
	)
}

// logitNorm is x / (T sqrt(max(sum x^2, eps))).
type logitNorm struct{}

func (logitNorm) forward(s *tensor.Scope, x tensor.Tensor, _ *tensor.Layout) (tensor.Tensor, error) {
	return chain(s, x,
		func(t tensor.Tensor) (tensor.Tensor, error) {
			return tensor.L2Normalize(s, t, float32(math.Sqrt(headEps)))
		},
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Scale(s, t, 1/logitTemperature, 0) },
	)
}

// maxLogitNorm is x / sqrt(sum x^2 + eps), an RMS norm in another scale.
type maxLogitNorm struct{ width int }

func (n maxLogitNorm) forward(s *tensor.Scope, x tensor.Tensor, _ *tensor.Layout) (tensor.Tensor, error) {
	w := float64(n.width)
	return chain(s, x,
		func(t tensor.Tensor) (tensor.Tensor, error) {
			return tensor.RMSNorm(s, t, tensor.Tensor{}, tensor.Tensor{}, float32(headEps/w))
		},
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Scale(s, t, float32(1/math.Sqrt(w)), 0) },
	)
}

// energyNorm is max(gamma, 1e-3) (x - mean)/sqrt(var + eps) + delta.
type energyNorm struct{ gamma, delta tensor.Tensor }

func (n energyNorm) forward(s *tensor.Scope, x tensor.Tensor, _ *tensor.Layout) (tensor.Tensor, error) {
	g, err := clampBelow(s, n.gamma, minEnergyGamma)
	if err != nil {
		return g, err
	}
	defer s.Free(g.Buf)
	return chain(s, x,
		func(t tensor.Tensor) (tensor.Tensor, error) {
			return tensor.LayerNorm(s, t, tensor.Tensor{}, tensor.Tensor{}, tensor.Tensor{}, headEps)
		},
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Mul(s, t, g) },
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Add(s, t, n.delta) },
	)
}
