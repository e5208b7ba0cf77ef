package heads

import (
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// adaptiveBand is x / rms(x) * (1 - a + a sigmoid(5 (w log s + c))) with s the mean of
// rms(x) over the kept rows of the sequence, of x or of x - mean(x) (spec 5.4).
type adaptiveBand struct {
	weight, bias tensor.Tensor // [1,W], [W]
	centre       bool
	perChannel   float32
}

func newAdaptiveBand(b *nn.Builder, name string, width int, centre bool) norm {
	nb := b.At(name)
	return adaptiveBand{weight: nb.Param("weight", nn.Zeros, 1, width), bias: nb.Param("bias", nn.Zeros, width), centre: centre, perChannel: 1 / float32(width)}
}

func (n adaptiveBand) forward(s *tensor.Scope, x tensor.Tensor, rows *tensor.Layout) (tensor.Tensor, error) {
	if n.centre {
		mean, err := chain(s, x,
			func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.SumCols(s, t) },
			func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Scale(s, t, n.perChannel, 0) },
		)
		if err != nil {
			return mean, err
		}
		defer s.Free(mean.Buf)
		if x, err = tensor.AddScaled(s, x, mean, -1); err != nil {
			return x, err
		}
		defer s.Free(x.Buf)
	}
	g, err := n.scale(s, x, rows)
	if err != nil {
		return g, err
	}
	defer s.Free(g.Buf)
	y, err := tensor.RMSNorm(s, x, tensor.Tensor{}, tensor.Tensor{}, headEps)
	if err != nil {
		return y, err
	}
	defer s.Free(y.Buf)
	return tensor.Mul(s, y, g)
}

// scale is the factor of every element: [R,W].
func (n adaptiveBand) scale(s *tensor.Scope, x tensor.Tensor, rows *tensor.Layout) (tensor.Tensor, error) {
	steps := []func(tensor.Tensor) (tensor.Tensor, error){
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Mul(s, t, t) },
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.SumCols(s, t) },
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Scale(s, t, n.perChannel, headEps) },
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Sqrt(s, t) },
	}
	if rows != nil {
		steps = append(steps,
			func(t tensor.Tensor) (tensor.Tensor, error) {
				return tensor.Pool(s, t, rows, tensor.PoolMean, tensor.Tensor{}, tensor.Tensor{})
			},
			// A sequence without rows pools to zero, whose logarithm would spoil gradients.
			func(t tensor.Tensor) (tensor.Tensor, error) { return clampBelow(s, t, headEps) },
		)
	}
	steps = append(steps,
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Log(s, t) },
		func(t tensor.Tensor) (tensor.Tensor, error) {
			return tensor.Linear(s, t, n.weight, n.bias, tensor.Tensor{}, tensor.ActNone, true)
		},
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Scale(s, t, bandSlope, 0) },
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Activation(s, t, tensor.ActSigmoid) },
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Scale(s, t, maxBandWidth, 1-maxBandWidth) },
	)
	if rows != nil {
		steps = append(steps, func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.GatherRows(s, t, seqOfRow(rows), 0) })
	}
	return chain(s, x, steps...)
}
