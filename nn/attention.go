package nn

import "github.com/cephalo-ml/cephalo/tensor"

// FusedLinear lays several linear layers of one input side by side, so that one
// matmul serves all; each keeps its own name.weight [out,in] and name.bias [out].
func (b *Builder) FusedLinear(in, out int, bias bool, init Init, names ...string) *Linear {
	outs := make([]int, len(names))
	for i := range outs {
		outs[i] = out
	}
	return b.FusedLinears(in, outs, bias, init, names...)
}

// FusedLinears is FusedLinear with a width for each layer.
func (b *Builder) FusedLinears(in int, outs []int, bias bool, init Init, names ...string) *Linear {
	var ws, bs []Part
	for i, n := range names {
		ws = append(ws, Part{Name: n + ".weight", Init: init, Shape: []int{outs[i], in}})
		bs = append(bs, Part{Name: n + ".bias", Init: Zeros, Shape: []int{outs[i]}})
	}
	l := &Linear{Weight: b.Fused(ws...)}
	if bias {
		l.Bias = b.Fused(bs...)
	}
	return l
}

// SplitHeads views columns lo to lo+heads*dim of a matrix [R,W] as [R,heads,dim].
func SplitHeads(x tensor.Tensor, lo, heads, dim int) (tensor.Tensor, error) {
	part, err := x.Columns(lo, lo+heads*dim)
	if err != nil {
		return tensor.Tensor{}, err
	}
	return part.Reshape(x.Dim(0), heads, dim)
}

// SelfAttention projects x [R,C] by the fused qkv ([q|k|v], each head-major) and
// attends within each sequence. Result [R,W], W a third of the projection.
func SelfAttention(s *tensor.Scope, qkv *Linear, x tensor.Tensor, rows *tensor.Layout, heads int, o tensor.AttentionOptions) (tensor.Tensor, error) {
	p, err := qkv.Forward(s, x)
	if err != nil {
		return tensor.Tensor{}, err
	}
	defer s.Free(p.Buf)
	w := p.Dim(1) / 3
	var v [3]tensor.Tensor
	for i := range v {
		if v[i], err = SplitHeads(p, i*w, heads, w/heads); err != nil {
			return tensor.Tensor{}, err
		}
	}
	y, err := tensor.Attention(s, v[0], v[1], v[2], rows, rows, o)
	if err != nil {
		return tensor.Tensor{}, err
	}
	return y.Reshape(p.Dim(0), w)
}
