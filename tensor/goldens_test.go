package tensor_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/internal/conformance"
	"github.com/cephalo-ml/cephalo/internal/safetensors"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/tensor"
)

// golden is a case of a golden file of losses, on one backend, under the tape:
// values that PyTorch and pytorch-crf computed in float64.
type golden struct {
	Name  string
	Attrs struct {
		IgnoreIndex    int32   `json:"ignore_index"`
		LabelSmoothing float32 `json:"label_smoothing"`
		Reduction      string
		Lengths        []int
	}

	t    *testing.T
	file *safetensors.File
	s    *testutil.Tape
}

// The losses and the CRF agree with the golden files on every backend.
func TestGoldens(t *testing.T) {
	for op, test := range map[string]func(g *golden){"cross_entropy": goldenCrossEntropy, "bce_with_logits": goldenBCE, "crf": goldenCRF} {
		t.Run(op, func(t *testing.T) {
			backends(t, func(t *testing.T, b tensor.Backend) { goldenFile(t, b, op, test) })
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

func (g *golden) floats(name string) ([]float32, []int) {
	h, err := g.file.Read(g.Name + "." + name)
	require.NoError(g.t, err)
	v, err := h.Float32()
	require.NoError(g.t, err)
	return v, h.Dims()
}

func (g *golden) ints(name string) []int32 {
	h, err := g.file.Read(g.Name + "." + name)
	require.NoError(g.t, err)
	wide, err := h.Int64()
	require.NoError(g.t, err)
	v := make([]int32, len(wide))
	for i, x := range wide {
		v[i] = int32(x)
	}
	return v
}

func (g *golden) has(name string) bool {
	_, ok := g.file.Spec(g.Name + "." + name)
	return ok
}

// input is a stored tensor of which the gradient is asked; absent where it is not stored.
func (g *golden) input(name string) tensor.Tensor {
	if !g.has(name) {
		return tensor.Tensor{}
	}
	v, shape := g.floats(name)
	x, err := tensor.Upload(g.s, v, shape...)
	require.NoError(g.t, err)
	g.s.Watch(x.Buf)
	return x
}

func (g *golden) download(x tensor.Tensor) []float32 {
	v, err := tensor.Download(context.Background(), g.s, x)
	require.NoError(g.t, err)
	return v
}

// hold compares with the stored tensor of that name.
func (g *golden) hold(name string, got []float32, tol tensor.Tol) {
	g.t.Helper()
	want, _ := g.floats(name)
	g.compare(name, got, want, tol)
}

func (g *golden) compare(name string, got, want []float32, tol tensor.Tol) {
	g.t.Helper()
	report, ok := conformance.Compare(got, want, tol)
	assert.True(g.t, ok, "%s: %s", name, report)
}

// grad is the gradient of x after Backward.
func (g *golden) grad(x tensor.Tensor) []float32 {
	dx, ok := g.s.Grad(x)
	require.True(g.t, ok, "no gradient of %v", x.Spec)
	return g.download(dx)
}

var reductions = map[string]tensor.Reduction{"none": tensor.ReduceNone, "sum": tensor.ReduceSum, "mean": tensor.ReduceMean}

func goldenCrossEntropy(g *golden) {
	logits, weight := g.input("logits"), g.input("weight")
	labels := g.ints("target")
	require.NoError(g.t, tensor.CheckLabels(labels, logits.Dim(1), g.Attrs.IgnoreIndex))
	target, err := tensor.Upload(g.s, labels, len(labels))
	require.NoError(g.t, err)
	reduction, known := reductions[g.Attrs.Reduction]
	require.True(g.t, known, g.Attrs.Reduction)
	y, err := tensor.CrossEntropy(g.s, logits, target, weight,
		tensor.CrossEntropyOptions{Ignore: g.Attrs.IgnoreIndex, Smoothing: g.Attrs.LabelSmoothing, Reduction: reduction})
	require.NoError(g.t, err)
	dy, _ := g.floats("grad_out")
	up, err := tensor.Upload(g.s, dy, y.Dims()...)
	require.NoError(g.t, err)
	require.NoError(g.t, g.s.Backward(testutil.Seed{Y: y, DY: up}))
	tol := tensor.Tol{Abs: 2e-6, Rel: 2e-6}
	if g.Name == "all_ignored_mean" { // NaN in PyTorch, 0 here
		g.compare("loss", g.download(y), []float32{0}, tensor.Tol{})
		g.compare("grad_logits", g.grad(logits), make([]float32, logits.Elems()), tensor.Tol{})
		return
	}
	g.hold("loss", g.download(y), tol)
	g.hold("grad_logits", g.grad(logits), tol)
}

func goldenBCE(g *golden) {
	logits, target := g.input("logits"), g.input("target")
	y, err := tensor.BCEWithLogits(g.s, logits, target, reductions[g.Attrs.Reduction])
	require.NoError(g.t, err)
	require.NoError(g.t, g.s.Backward(testutil.Seed{Y: y}))
	tol := tensor.Tol{Abs: 2e-6, Rel: 2e-6}
	g.hold("loss", g.download(y), tol)
	g.hold("grad_logits", g.grad(logits), tol)
}

// A loss of rows, its sum and its mean, and what has no element to reduce.
func TestReductions(t *testing.T) {
	backends(t, func(t *testing.T, b tensor.Backend) {
		s := stream(t, b)
		up := func(v []float32, shape ...int) tensor.Tensor {
			x, err := tensor.Upload(s, v, shape...)
			require.NoError(t, err)
			return x
		}
		x, y := up([]float32{1, 2, 3, 4}, 2, 2), up([]float32{0, 4, 3, 1}, 2, 2)
		for name, c := range map[string]struct {
			f     func() (tensor.Tensor, error)
			shape []int
			want  []float32
		}{
			"none":         {func() (tensor.Tensor, error) { return tensor.Reduce(s, x, tensor.ReduceNone) }, []int{2, 2}, []float32{1, 2, 3, 4}},
			"sum":          {func() (tensor.Tensor, error) { return tensor.Reduce(s, x, tensor.ReduceSum) }, []int{1}, []float32{10}},
			"mean":         {func() (tensor.Tensor, error) { return tensor.Reduce(s, x, tensor.ReduceMean) }, []int{1}, []float32{2.5}},
			"mean-vector":  {func() (tensor.Tensor, error) { return tensor.Reduce(s, up([]float32{1, 3}, 2), tensor.ReduceMean) }, []int{1}, []float32{2}},
			"mean-scalar":  {func() (tensor.Tensor, error) { return tensor.Reduce(s, up([]float32{3}), tensor.ReduceMean) }, []int{1}, []float32{3}},
			"mean-nothing": {func() (tensor.Tensor, error) { return tensor.Reduce(s, up(nil, 0, 3), tensor.ReduceMean) }, []int{1}, []float32{0}},
			"mse":          {func() (tensor.Tensor, error) { return tensor.MSE(s, x, y, tensor.ReduceNone) }, []int{2, 2}, []float32{1, 4, 0, 9}},
			"mse-mean":     {func() (tensor.Tensor, error) { return tensor.MSE(s, x, y, tensor.ReduceMean) }, []int{1}, []float32{3.5}},
			"masked":       {func() (tensor.Tensor, error) { return tensor.MaskedMean(s, x, up([]float32{0, 1, 1, 0}, 2, 2)) }, []int{1}, []float32{2.5}},
			"masked-part":  {func() (tensor.Tensor, error) { return tensor.MaskedMean(s, x, up([]float32{0, 0, 0, .5}, 2, 2)) }, []int{1}, []float32{2}},
			"masked-all":   {func() (tensor.Tensor, error) { return tensor.MaskedMean(s, x, up(make([]float32, 4), 2, 2)) }, []int{1}, []float32{0}},
			"bce": {func() (tensor.Tensor, error) {
				return tensor.BCEWithLogits(s, up([]float32{0, 0}, 2), up([]float32{1, 0}, 2), tensor.ReduceNone)
			}, []int{2}, []float32{math.Ln2, math.Ln2}},
			"bce-sum": {func() (tensor.Tensor, error) {
				return tensor.BCEWithLogits(s, up([]float32{0, 0}, 2), up([]float32{1, 0}, 2), tensor.ReduceSum)
			}, []int{1}, []float32{2 * math.Ln2}},
		} {
			y, err := c.f()
			require.NoError(t, err, name)
			assert.Equal(t, tensor.Of(tensor.F32, c.shape...), y.Spec, name)
			got, err := tensor.Download(context.Background(), s, y)
			require.NoError(t, err, name)
			assert.InDeltaSlice(t, c.want, got, 2e-6, name)
		}
	})
	s := cpu(t)
	x, err := tensor.Upload(s, []float32{1}, 1)
	require.NoError(t, err)
	_, err = tensor.Reduce(s, x, 7)
	assert.ErrorIs(t, err, tensor.ErrUnsupported)
	assert.ErrorContains(t, err, "Reduction(7)")
	two, err := tensor.Upload(s, []float32{1, 2}, 2)
	require.NoError(t, err)
	_, err = tensor.MSE(s, x, two, tensor.ReduceMean)
	assert.ErrorContains(t, err, "mse: target is F32[2], want F32[1]")
	_, err = tensor.MaskedMean(s, x, two)
	assert.ErrorContains(t, err, "masked mean: mask is F32[2], want F32[1]")
}

func TestCheckLabels(t *testing.T) {
	require.NoError(t, tensor.CheckLabels([]int32{0, 4, -100, 2}, 5, tensor.IgnoreIndex))
	require.NoError(t, tensor.CheckLabels(nil, 0, tensor.IgnoreIndex))
	err := tensor.CheckLabels([]int32{0, 4, 5}, 5, tensor.IgnoreIndex)
	require.ErrorIs(t, err, tensor.ErrShape)
	require.ErrorContains(t, err, "label 2 is 5, want 0 to 4, or -100")
	require.ErrorContains(t, tensor.CheckLabels([]int32{-1}, 5, tensor.IgnoreIndex), "label 0 is -1")
	require.ErrorContains(t, tensor.CheckLabels([]int32{-100}, 5, -1), "label 0 is -100")
}
