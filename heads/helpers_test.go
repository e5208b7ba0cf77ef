package heads_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/cpuref"
	"github.com/cephalo-ml/cephalo/gpu"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/internal/safetensors"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/kernels"
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// full runs the acceptance rows at the size of the spec: on the CPU, and on a GPU
// that is no software renderer.
var full = os.Getenv("CEPHALO_FULL") == "1"

var device = sync.OnceValues(func() (tensor.Backend, error) {
	return kernels.New(context.Background(), gpu.Options{AllowSoftware: !full})
})

func cpu(t testing.TB) tensor.Backend {
	t.Helper()
	b, err := cpuref.New(cpuref.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func webgpu(t testing.TB) tensor.Backend {
	t.Helper()
	b, err := device()
	if err != nil {
		testutil.NoDevice(t, err)
	}
	return b
}

// onBackends runs f on the CPU, and on WebGPU where there is an adapter.
func onBackends(t *testing.T, f func(t *testing.T, b tensor.Backend)) {
	t.Helper()
	t.Run("cpu", func(t *testing.T) { f(t, cpu(t)) })
	t.Run("webgpu", func(t *testing.T) { f(t, webgpu(t)) })
}

// begin opens a scope whose freed and fresh memory holds NaN.
func begin(t testing.TB, b tensor.Backend) *tensor.Scope {
	t.Helper()
	s, err := b.Begin()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	if full {
		return &tensor.Scope{Stream: s}
	}
	return &tensor.Scope{Stream: testutil.Poison(s)}
}

// random values of unit size, the same for the same seed.
func random(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func upload(t testing.TB, s *tensor.Scope, v []float32, shape ...int) tensor.Tensor {
	t.Helper()
	x, err := tensor.Upload(s, v, shape...)
	require.NoError(t, err)
	return x
}

func maskHost(t testing.TB, m []int32, shape ...int) tensor.Host {
	t.Helper()
	h, err := tensor.FromSlice(m, shape...)
	require.NoError(t, err)
	return h
}

// hidden is a random input of a shape on a scope.
func hidden(t testing.TB, s *tensor.Scope, seed uint64, shape ...int) heads.Input {
	return heads.Input{Hidden: upload(t, s, random(seed, product(shape)), shape...)}
}

// results are the outputs of a pass, by task; "" for a head alone.
type results map[string]heads.Result

// forward runs fn in one stream, and asserts that it was one submit and one map.
func forward(t testing.TB, b tensor.Backend, fn func(s *tensor.Scope) (heads.Output, error)) heads.Result {
	t.Helper()
	return forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
		o, err := fn(s)
		return map[string]heads.Output{"": o}, err
	})[""]
}

func forwardAll(t testing.TB, b tensor.Backend, fn func(s *tensor.Scope) (map[string]heads.Output, error)) results {
	t.Helper()
	s := begin(t, b)
	outs, err := fn(s)
	require.NoError(t, err)
	got, err := heads.ReadOutputs(t.Context(), s, outs)
	require.NoError(t, err)
	require.EqualValues(t, 1, s.Stats().Submits, "one submit")
	require.EqualValues(t, 1, s.Stats().Maps, "one read-back")
	return got
}

func floats(t testing.TB, r heads.Result, key string, shape ...int) []float32 {
	t.Helper()
	h, ok := r[key]
	require.True(t, ok, "no output %s", key)
	require.Equal(t, shape, h.Dims(), key)
	v, err := h.Float32()
	require.NoError(t, err)
	for i, x := range v {
		require.False(t, math.IsNaN(float64(x)) || math.IsInf(float64(x), 0), "%s at %d is %v", key, i, x)
	}
	return v
}

func integers(t testing.TB, r heads.Result, key string, shape ...int) []int64 {
	t.Helper()
	h, ok := r[key]
	require.True(t, ok, "no output %s", key)
	require.Equal(t, shape, h.Dims(), key)
	require.Equal(t, tensor.I32, h.DType)
	v, err := h.Int64()
	require.NoError(t, err)
	return v
}

func keys(r heads.Result) []string {
	var names []string
	for k := range r {
		names = append(names, k)
	}
	return names
}

// near holds every value to |got-want| <= tol max(1,|want|).
func near(t testing.TB, want, got []float32, tol float64, what string) {
	t.Helper()
	require.Len(t, got, len(want), what)
	for i := range want {
		w := float64(want[i])
		if d := math.Abs(float64(got[i]) - w); !(d <= tol*math.Max(1, math.Abs(w))) {
			t.Fatalf("%s at %d: got %v, want %v", what, i, got[i], want[i])
		}
	}
}

// newHead builds a fresh head.
func newHead(t testing.TB, b tensor.Backend, cfg heads.TaskConfig, dim int, opt heads.Options) (heads.Head, *nn.Weights) {
	t.Helper()
	h, w, err := heads.New(t.Context(), b, cfg, dim, opt, 7)
	require.NoError(t, err)
	t.Cleanup(w.Release)
	return h, w
}

// noisy overwrites every parameter with random values, so that no bias is zero and
// no scale is one.
func noisy(t testing.TB, b tensor.Backend, w *nn.Weights) {
	t.Helper()
	s, err := b.Begin()
	require.NoError(t, err)
	defer s.Close()
	for i, p := range w.Params {
		v := random(uint64(100+i), int(p.Elems()))
		scale := float32(1 / math.Sqrt(float64(p.Cols())))
		for j := range v {
			v[j] *= scale
		}
		require.NoError(t, s.Write(p.Tensor, tensor.Bytes(v)))
	}
	require.NoError(t, s.Read(t.Context(), nil))
}

// inFile is the number of scalars by a safetensors file's header.
func inFile(t testing.TB, path string) int64 {
	t.Helper()
	f, err := safetensors.Open(path)
	require.NoError(t, err)
	defer f.Close()
	var n int64
	for _, name := range f.Names() {
		n += int64(product(f.Dims(name)))
	}
	return n
}

// requireParams counts a module's parameters, live and in its saved file.
func requireParams(t testing.TB, want int64, m heads.Module, w *nn.Weights) {
	t.Helper()
	require.Equal(t, want, w.Count(), "live parameters")
	dir := filepath.Join(t.TempDir(), "m")
	require.NoError(t, heads.Save(t.Context(), dir, m, w))
	require.Equal(t, want, inFile(t, filepath.Join(dir, heads.WeightsFile)), "parameters in the file")
}

// requireSaved saves, loads and saves again: equal configs, equal bytes, and, run
// on the loaded module, equal bits.
func requireSaved(t testing.TB, b tensor.Backend, m heads.Module, w *nn.Weights, run func(heads.Module) results) {
	t.Helper()
	first, second := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	require.NoError(t, heads.Save(t.Context(), first, m, w))
	loaded, lw, err := heads.LoadDir(t.Context(), b, first, heads.LoadOptions{})
	require.NoError(t, err)
	defer lw.Release()
	require.Equal(t, configs(t, m), configs(t, loaded))
	require.Equal(t, run(m), run(loaded))
	require.NoError(t, heads.Save(t.Context(), second, loaded, lw))
	for _, name := range []string{heads.ConfigFile, heads.WeightsFile} {
		x, err := os.ReadFile(filepath.Join(first, name))
		require.NoError(t, err)
		y, err := os.ReadFile(filepath.Join(second, name))
		require.NoError(t, err)
		require.Equal(t, x, y, name)
	}
}

// configs are the configs and options of a module's heads.
func configs(t testing.TB, m heads.Module) []any {
	t.Helper()
	one := func(h heads.Head) []any {
		return []any{h.Config(), h.(interface{ Options() heads.Options }).Options(), h.InputDim()}
	}
	mt, ok := m.(*heads.MultiTask)
	if !ok {
		return one(m.(heads.Head))
	}
	all := []any{mt.InputDim(), mt.Projections()}
	for _, name := range mt.Tasks() {
		h, err := mt.Head(name)
		require.NoError(t, err)
		all = append(all, one(h)...)
	}
	return all
}

// runHead is a head on one random padded input, for requireSaved.
func runHead(t testing.TB, b tensor.Backend, shape ...int) func(heads.Module) results {
	return func(m heads.Module) results {
		return results{"": forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
			return m.(heads.Head).Forward(s, hidden(t, s, 5, shape...))
		})}
	}
}

// isCPU tells the backend by its name.
func isCPU(b tensor.Backend) bool { return strings.HasPrefix(b.Name(), "cpu") }

func ptr[T any](v T) *T { return &v }

func sprint(format string, args ...any) string { return fmt.Sprintf(format, args...) }
