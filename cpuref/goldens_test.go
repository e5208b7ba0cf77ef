package cpuref_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/cpuref"
	"github.com/cephalo-ml/cephalo/internal/conformance"
	"github.com/cephalo-ml/cephalo/internal/safetensors"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/tensor"
)

// golden is a case of a golden file: values that PyTorch computed in float64.
// Gradients come through the tape, so that they hold the gradient rules too.
type golden struct {
	Name    string
	Attrs   goldenAttrs
	Inputs  []string
	Outputs []string

	t    *testing.T
	file *safetensors.File
	s    *testutil.Tape
}

type goldenAttrs struct {
	Fn         string
	Dim        int
	Eps        float32
	Theta      float32
	PaddingIdx *int    `json:"padding_idx"`
	NumHeads   int     `json:"num_heads"`
	AttnMask   *string `json:"attn_mask"`
	Lengths    []int
	Causal     bool
	EachSide   *int `json:"window_each_side"`
	Left       *int `json:"window_left"`
}

// goldenTests are the files whose operations are in the table.
var goldenTests = map[string]func(g *golden){
	"activations": goldenActivation, "embedding": goldenEmbedding, "layer_norm": goldenLayerNorm, "rms_norm": goldenRMSNorm,
	"linear": goldenLinear, "matmul": goldenMatMul, "softmax": goldenSoftmax, "log_softmax": goldenLogSoftmax,
	"rope": goldenRope, "sdpa": goldenAttention, "multi_head_attention": goldenMultiHead,
}

func TestGoldens(t *testing.T) {
	for name, opt := range map[string]cpuref.Options{"reference": {Reference: true}, "auto": {}} {
		t.Run(name, func(t *testing.T) {
			b := open(t, opt)
			for op, test := range goldenTests {
				t.Run(op, func(t *testing.T) { goldenFile(t, b, op, test) })
			}
		})
	}
}

func goldenFile(t *testing.T, b tensor.Backend, op string, test func(g *golden)) {
	raw, err := os.ReadFile(testutil.Testdata("goldens", "ops", op+".json"))
	require.NoError(t, err)
	var list struct{ Cases []golden }
	require.NoError(t, json.Unmarshal(raw, &list))
	require.NotEmpty(t, list.Cases)
	file, err := safetensors.Open(testutil.Testdata("goldens", "ops", op+".safetensors"))
	require.NoError(t, err)
	defer file.Close()
	for _, g := range list.Cases {
		t.Run(g.Name, func(t *testing.T) {
			inner, err := b.Begin()
			require.NoError(t, err)
			g.t, g.file, g.s = t, file, testutil.NewTape(testutil.Poison(inner))
			defer g.s.Close()
			test(&g)
		})
	}
}

// floats is a stored tensor and its shape.
func (g *golden) floats(name string) ([]float32, []int) {
	h, err := g.file.Read(g.Name + "." + name)
	require.NoError(g.t, err)
	v, err := h.Float32()
	require.NoError(g.t, err)
	return v, h.Dims()
}

func (g *golden) ints(name string) ([]int32, []int) {
	h, err := g.file.Read(g.Name + "." + name)
	require.NoError(g.t, err)
	wide, err := h.Int64()
	require.NoError(g.t, err)
	v := make([]int32, len(wide))
	for i, x := range wide {
		v[i] = int32(x)
	}
	return v, h.Dims()
}

func (g *golden) has(name string) bool {
	_, ok := g.file.Spec(g.Name + "." + name)
	return ok
}

// upload is a temporary of the stream.
func (g *golden) upload(v []float32, shape ...int) tensor.Tensor {
	x, err := tensor.Upload(g.s, v, shape...)
	require.NoError(g.t, err)
	return x
}

// input is a stored tensor of which the gradient is asked; absent where it is not stored.
func (g *golden) input(name string) tensor.Tensor {
	if !g.has(name) {
		return tensor.Tensor{}
	}
	v, shape := g.floats(name)
	x := g.upload(v, shape...)
	g.s.Watch(x.Buf)
	return x
}

func (g *golden) download(x tensor.Tensor) []float32 {
	v, err := tensor.Download(context.Background(), g.s, x)
	require.NoError(g.t, err)
	return v
}

// hold compares x with the stored tensor of that name.
func (g *golden) hold(name string, x tensor.Tensor, tol tensor.Tol) {
	want, _ := g.floats(name)
	g.compare(name, g.download(x), want, tol)
}

func (g *golden) compare(name string, got, want []float32, tol tensor.Tol) {
	g.t.Helper()
	report, ok := conformance.Compare(got, want, tol)
	assert.True(g.t, ok, "%s: %s", name, report)
}

// backward seeds y with grad_out, of y's number of elements.
func (g *golden) backward(y tensor.Tensor) {
	dy, _ := g.floats("grad_out")
	g.backwardFrom(y, g.upload(dy, y.Dims()...))
}

func (g *golden) backwardFrom(y, dy tensor.Tensor) {
	require.NoError(g.t, g.s.Backward(testutil.Seed{Y: y, DY: dy}))
}

// holdGrad compares the gradient of x with the stored one.
func (g *golden) holdGrad(name string, x tensor.Tensor, tol tensor.Tol) {
	g.t.Helper()
	if !x.Present() {
		return
	}
	dx, ok := g.s.Grad(x)
	require.True(g.t, ok, "no %s came", name)
	g.hold(name, dx, tol)
}

var elementwise = tensor.Tol{Abs: 2e-6, Rel: 2e-6}

func sumOver(k int) tensor.Tol { return tensor.Tol{Abs: 1e-6 * math.Sqrt(float64(k)), Rel: 2e-6} }

func goldenActivation(g *golden) {
	if g.Attrs.Fn == "softplus" {
		g.t.Skip("softplus is no operation of the table")
	}
	act, err := tensor.ParseAct(g.Attrs.Fn)
	require.NoError(g.t, err)
	x := g.input("x")
	y, err := tensor.Activation(g.s, x, act)
	require.NoError(g.t, err)
	g.hold("out", y, elementwise)
	g.backward(y)
	g.holdGrad("grad_x", x, elementwise)
}

func goldenEmbedding(g *golden) {
	v, _ := g.ints("ids")
	ids, err := tensor.Upload(g.s, v, len(v))
	require.NoError(g.t, err)
	weight, padding := g.input("weight"), -1
	if g.Attrs.PaddingIdx != nil {
		padding = *g.Attrs.PaddingIdx
	}
	y, err := tensor.Embedding(g.s, ids, weight, tensor.Tensor{}, padding)
	require.NoError(g.t, err)
	g.hold("out", y, tensor.Tol{})
	g.backward(y)
	g.holdGrad("grad_weight", weight, sumOver(len(v)))
}

func goldenLayerNorm(g *golden) {
	x, weight, bias := g.input("x"), g.input("weight"), g.input("bias")
	y, err := tensor.LayerNorm(g.s, x, weight, bias, tensor.Tensor{}, g.Attrs.Eps)
	require.NoError(g.t, err)
	g.hold("out", y, elementwise)
	g.backward(y)
	g.holdGrad("grad_x", x, elementwise)
	g.holdGrad("grad_weight", weight, sumOver(x.Rows()))
	g.holdGrad("grad_bias", bias, sumOver(x.Rows()))
}

func goldenRMSNorm(g *golden) {
	x, weight := g.input("x"), g.input("weight")
	y, err := tensor.RMSNorm(g.s, x, weight, tensor.Tensor{}, g.Attrs.Eps)
	require.NoError(g.t, err)
	g.hold("out", y, elementwise)
	g.backward(y)
	g.holdGrad("grad_x", x, elementwise)
	g.holdGrad("grad_weight", weight, sumOver(x.Rows()))
}

func goldenLinear(g *golden) {
	x, weight, bias := g.input("x"), g.input("weight"), g.input("bias")
	rows, err := x.Reshape(x.Rows(), x.Cols())
	require.NoError(g.t, err)
	y, err := tensor.Linear(g.s, rows, weight, bias, tensor.Tensor{}, tensor.ActNone, false)
	require.NoError(g.t, err)
	g.hold("out", y, sumOver(x.Cols()))
	g.backward(y)
	g.holdGrad("grad_x", x, sumOver(weight.Dim(0)))
	g.holdGrad("grad_weight", weight, sumOver(x.Rows()))
	g.holdGrad("grad_bias", bias, sumOver(x.Rows()))
}

func goldenMatMul(g *golden) {
	a, b := g.input("a"), g.input("b")
	y, err := tensor.MatMul(g.s, a, b, false, false)
	require.NoError(g.t, err)
	g.hold("out", y, sumOver(a.Cols()))
	g.backward(y)
	g.holdGrad("grad_a", a, sumOver(b.Cols()))
	g.holdGrad("grad_b", b, sumOver(a.Rows()))
}

// swap exchanges the two middle axes of [a,b,c,d].
func swap(v []float32, a, b, c, d int) []float32 {
	out := make([]float32, len(v))
	for i := range a {
		for j := range b {
			for k := range c {
				copy(out[((i*c+k)*b+j)*d:][:d], v[((i*b+j)*c+k)*d:][:d])
			}
		}
	}
	return out
}
