package cpuref_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/tensor"
)

func goldenSoftmax(g *golden)    { g.overAxis(tensor.Softmax, tensor.Tol{Abs: 1e-6, Rel: 1e-6}) }
func goldenLogSoftmax(g *golden) { g.overAxis(tensor.LogSoftmax, elementwise) }

// overAxis runs f over the last axis; where the case says axis 1 of [a,b,c], that
// becomes the last one first. A row of -Inf alone, NaN in PyTorch, is zeros here.
func (g *golden) overAxis(f func(tensor.Stream, tensor.Tensor) (tensor.Tensor, error), tol tensor.Tol) {
	v, shape := g.floats("x")
	turn := func(v []float32) []float32 { return v }
	if g.Attrs.Dim == 1 {
		a, b, c := shape[0], shape[1], shape[2]
		turn = func(v []float32) []float32 { return swap(v, a, b, c, 1) }
		shape = []int{a, c, b}
	}
	x := g.upload(turn(v), shape...)
	g.s.Watch(x.Buf)
	y, err := f(g.s, x)
	require.NoError(g.t, err)
	want, _ := g.floats("out")
	g.compare("out", g.download(y), g.zerosForMasked(turn(want)), tol)
	if !g.has("grad_x") {
		return
	}
	dy, _ := g.floats("grad_out")
	g.backwardFrom(y, g.upload(turn(dy), shape...))
	dx, ok := g.s.Grad(x)
	require.True(g.t, ok)
	want, _ = g.floats("grad_x")
	g.compare("grad_x", g.download(dx), g.zerosForMasked(turn(want)), elementwise)
}

// zerosForMasked puts zeros where the case fully_masked stores the NaN of its row 1.
func (g *golden) zerosForMasked(v []float32) []float32 {
	if g.Name == "fully_masked" {
		for i := 9; i < 18; i++ {
			assert.NotEqual(g.t, v[i], v[i], "the stored row is NaN")
			v[i] = 0
		}
	}
	return v
}

// heads uploads [B,H,T,D] as rows [B*T,H,D].
func (g *golden) heads(name string) tensor.Tensor {
	v, d := g.floats(name)
	x := g.upload(swap(v, d[0], d[1], d[2], d[3]), d[0]*d[2], d[1], d[3])
	g.s.Watch(x.Buf)
	return x
}

// holdHeads compares rows [B*T,H,D] with the stored [B,H,T,D], batch rows below n.
func (g *golden) holdHeads(name string, x tensor.Tensor, n int, tol tensor.Tol) {
	g.t.Helper()
	want, d := g.floats(name)
	want = swap(want, d[0], d[1], d[2], d[3])
	keep := n * d[1] * d[2] * d[3]
	g.compare(name, g.download(x)[:keep], want[:keep], tol)
}

func goldenRope(g *golden) {
	q, k := g.heads("q"), g.heads("k")
	pos, d := g.ints("position_ids")
	rows := blocks(d[0], d[1], nil)
	rows.Pos = pos
	for _, p := range pos {
		rows.Cols = max(rows.Cols, p+1)
	}
	require.NoError(g.t, rows.Upload(g.s))
	tol := tensor.Tol{Abs: 2e-6 + 1.2e-7*float64(rows.Cols-1), Rel: 2e-6}
	outQ, err := tensor.Rope(g.s, q, rows, g.Attrs.Theta, q.Dim(2), false)
	require.NoError(g.t, err)
	outK, err := tensor.Rope(g.s, k, rows, g.Attrs.Theta, k.Dim(2), false)
	require.NoError(g.t, err)
	g.holdHeads("out_q", outQ, d[0], tol)
	g.holdHeads("out_k", outK, d[0], tol)
	dy, s := g.floats("grad_out_q")
	g.backwardFrom(outQ, g.upload(swap(dy, s[0], s[1], s[2], s[3]), q.Dims()...))
	dq, ok := g.s.Grad(q)
	require.True(g.t, ok)
	g.holdHeads("grad_q", dq, d[0], tol)
}

// blocks is the layout of b sequences of capacity t, of which lens rows are in
// use (nil: all), from position 0.
func blocks(b, t int, lens []int) *tensor.Layout {
	l := &tensor.Layout{Cols: int32(t)}
	for i := range b {
		n := t
		if lens != nil {
			n = lens[i]
		}
		l.Start, l.Len = append(l.Start, int32(i*t)), append(l.Len, int32(n))
		for p := range t {
			l.Pos = append(l.Pos, int32(p))
		}
	}
	return l
}

func goldenAttention(g *golden) {
	q, k, v := g.heads("q"), g.heads("k"), g.heads("v")
	mask, d := g.ints("mask")
	batch, queries, keysOf := d[0], d[2], d[3]
	rows, keys := blocks(batch, queries, nil), blocks(batch, keysOf, g.Attrs.Lengths)
	o := tensor.AttentionOptions{Left: -1, Right: -1, Causal: g.Attrs.Causal}
	if g.Attrs.EachSide != nil {
		o.Left, o.Right = *g.Attrs.EachSide, *g.Attrs.EachSide
	}
	if g.Attrs.Left != nil {
		o.Left = *g.Attrs.Left
	}
	compared := batch
	if g.Name == "all_pad_row" {
		compared = 1 // the other row has no key: uniform weights in Hugging Face, zeros here
	}
	checkMask(g.t, mask, rows, keys, o, compared)
	require.NoError(g.t, rows.Upload(g.s))
	require.NoError(g.t, keys.Upload(g.s))
	y, err := tensor.Attention(g.s, q, k, v, rows, keys, o)
	require.NoError(g.t, err)
	tol := sumOver(max(q.Dim(2), keysOf))
	g.holdHeads("out", y, compared, tol)
	for _, x := range g.download(y)[compared*queries*q.Inner():] {
		assert.Zero(g.t, x, "a query without keys")
	}
	dy, s := g.floats("grad_out")
	g.backwardFrom(y, g.upload(swap(dy, s[0], s[1], s[2], s[3]), q.Dims()...))
	for name, x := range map[string]tensor.Tensor{"grad_q": q, "grad_k": k, "grad_v": v} {
		dx, ok := g.s.Grad(x)
		require.True(g.t, ok, name)
		g.holdHeads(name, dx, compared, sumOver(q.Dim(2)+keysOf))
	}
}

// checkMask: the layouts and the window say what the stored mask [B,1,T,S] says.
func checkMask(t *testing.T, mask []int32, rows, keys *tensor.Layout, o tensor.AttentionOptions, batch int) {
	queries, width := rows.Rows()/rows.Batch(), keys.Rows()/keys.Batch()
	for b := range batch {
		for i := range queries {
			for j := range width {
				sees := j < int(keys.Len[b]) && (!o.Causal || j <= i) && (o.Left < 0 || i-o.Left <= j) && (o.Right < 0 || j <= i+o.Right)
				require.Equal(t, mask[(b*queries+i)*width+j] == 1, sees, "mask of batch %d query %d key %d", b, i, j)
			}
		}
	}
}

// goldenMultiHead is torch.nn.MultiheadAttention: one fused projection, of which
// attention reads views, and an output projection.
func goldenMultiHead(g *golden) {
	x := g.input("x")
	batch, length, width := x.Dim(0), x.Dim(1), x.Dim(2)
	heads, dim := g.Attrs.NumHeads, x.Dim(2)/g.Attrs.NumHeads
	inW, inB, outW, outB := g.input("in_proj_weight"), g.input("in_proj_bias"), g.input("out_proj.weight"), g.input("out_proj.bias")
	rows, keys := blocks(batch, length, nil), blocks(batch, length, g.Attrs.Lengths)
	require.NoError(g.t, rows.Upload(g.s))
	require.NoError(g.t, keys.Upload(g.s))
	o := tensor.NoWindow
	if g.Attrs.AttnMask != nil {
		switch *g.Attrs.AttnMask {
		case "causal":
			o.Causal = true
		case "window2":
			o.Left, o.Right = 2, 2
		default:
			require.FailNow(g.t, "unknown mask", *g.Attrs.AttnMask)
		}
	}
	flat, err := x.Reshape(batch*length, width)
	require.NoError(g.t, err)
	qkv, err := tensor.Linear(g.s, flat, inW, inB, tensor.Tensor{}, tensor.ActNone, false)
	require.NoError(g.t, err)
	var parts [3]tensor.Tensor
	for i := range parts {
		part, err := qkv.Columns(i*width, (i+1)*width)
		require.NoError(g.t, err)
		parts[i], err = part.Reshape(batch*length, heads, dim)
		require.NoError(g.t, err)
	}
	y, err := tensor.Attention(g.s, parts[0], parts[1], parts[2], rows, keys, o)
	require.NoError(g.t, err)
	g.s.Free(qkv.Buf)
	joined, err := y.Reshape(batch*length, width)
	require.NoError(g.t, err)
	out, err := tensor.Linear(g.s, joined, outW, outB, tensor.Tensor{}, tensor.ActNone, false)
	require.NoError(g.t, err)
	g.hold("out", out, sumOver(width))
	g.backward(out)
	for name, x := range map[string]tensor.Tensor{"grad_x": x, "grad_in_proj_weight": inW, "grad_in_proj_bias": inB, "grad_out_proj.weight": outW, "grad_out_proj.bias": outB} {
		g.holdGrad(name, x, sumOver(width+batch*length))
	}
}
