package heads

import (
	"math"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// The sizes of CBAM (Woo et al. 2018, section 3): the reduction of the channel gate
// and the width of the position gate's kernel.
const (
	cbamReduction = 8
	cbamKernel    = 7
)

// cbam gates channels, then positions, of each sequence: CBAM with the positions as
// its height and a width of one (spec 5.2).
type cbam struct {
	mlp1, mlp2   *nn.Linear
	weight, bias tensor.Tensor // of the convolution: [1,2,7], [1]
	perChannel   float32
}

func newCBAM(b *nn.Builder, width int) *cbam {
	lim := math.Sqrt(6 / float64(2*cbamKernel+cbamKernel)) // Glorot: fans of a convolution
	return &cbam{
		mlp1:       b.Linear("mlp1", width, width/cbamReduction, false, nn.GlorotUniform),
		mlp2:       b.Linear("mlp2", width/cbamReduction, width, false, nn.GlorotUniform),
		weight:     b.Param("conv.weight", nn.Uniform(-lim, lim), 1, 2, cbamKernel),
		bias:       b.Param("conv.bias", nn.Zeros, 1),
		perChannel: 1 / float32(width),
	}
}

func (a *cbam) forward(s *tensor.Scope, x tensor.Tensor, rows *tensor.Layout) (tensor.Tensor, error) {
	g, err := a.channels(s, x, rows)
	if err != nil {
		return g, err
	}
	defer s.Free(g.Buf)
	y, err := tensor.Mul(s, x, g)
	if err != nil {
		return y, err
	}
	defer s.Free(y.Buf)
	p, err := a.positions(s, y, rows)
	if err != nil {
		return p, err
	}
	defer s.Free(p.Buf)
	return tensor.Mul(s, y, p)
}

// channels is sigmoid(MLP(mean) + MLP(max)) of each row's sequence: [R,W].
func (a *cbam) channels(s *tensor.Scope, x tensor.Tensor, rows *tensor.Layout) (tensor.Tensor, error) {
	var gate [2]tensor.Tensor
	for i, how := range []tensor.Pooling{tensor.PoolMean, tensor.PoolMax} {
		p, err := tensor.Pool(s, x, rows, how, tensor.Tensor{}, tensor.Tensor{})
		if err != nil {
			return p, err
		}
		defer s.Free(p.Buf)
		h, err := a.mlp1.ForwardAct(s, p, tensor.ActRelu, tensor.Tensor{})
		if err != nil {
			return h, err
		}
		defer s.Free(h.Buf)
		if gate[i], err = a.mlp2.Forward(s, h); err != nil {
			return gate[i], err
		}
		defer s.Free(gate[i].Buf)
	}
	return chain(s, gate[0],
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Add(s, t, gate[1]) },
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Activation(s, t, tensor.ActSigmoid) },
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.GatherRows(s, t, seqOfRow(rows), 0) },
	)
}

// positions is sigmoid(conv([mean_c, max_c])) of each row: [R,1].
func (a *cbam) positions(s *tensor.Scope, y tensor.Tensor, rows *tensor.Layout) (tensor.Tensor, error) {
	mean, err := chain(s, y,
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.SumCols(s, t) },
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Scale(s, t, a.perChannel, 0) },
	)
	if err != nil {
		return mean, err
	}
	defer s.Free(mean.Buf)
	top, err := tensor.MaxCols(s, y)
	if err != nil {
		return top, err
	}
	defer s.Free(top.Buf)
	p, err := tensor.Concat(s, mean, top)
	if err != nil {
		return p, err
	}
	defer s.Free(p.Buf)
	return chain(s, p,
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.ConvRows(s, t, a.weight, a.bias, rows) },
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Activation(s, t, tensor.ActSigmoid) },
	)
}
