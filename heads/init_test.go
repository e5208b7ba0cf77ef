package heads_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// everyBlock are options under which a head has every kind of parameter of spec 4 and 5.
func everyBlock(attention, ffn string) heads.Options {
	return heads.Options{Pooling: "attention", UseTaskAttention: true, Attention: attention, UseFFN: true, FFN: ffn, FFNExpansion: 2, InitializerRange: ptr(0.05)}
}

func weightsOf(t testing.TB, b tensor.Backend, cfg heads.TaskConfig, dim int, opt heads.Options, seed uint64) map[string][]float32 {
	t.Helper()
	_, w, err := heads.New(t.Context(), b, cfg, dim, opt, seed)
	require.NoError(t, err)
	defer w.Release()
	return valuesByName(t, w)
}

func valuesByName(t testing.TB, w *nn.Weights) map[string][]float32 {
	t.Helper()
	all := map[string][]float32{}
	for _, p := range w.Params {
		all[p.Name] = valuesOf(t, w, p)
	}
	return all
}

// TestInitializers: each tensor is drawn by its own name and the seed, with the same
// bits on every backend, whatever else the head holds; and each as spec 5.5 says.
func TestInitializers(t *testing.T) {
	const dim = 64
	cfg := heads.TaskConfig{Name: "x", TaskType: heads.TopicClassification, NumClasses: 40}
	tags := heads.TaskConfig{Name: "x", TaskType: heads.NamedEntityRecognition, NumClasses: 40, UseCRF: true}
	var seen map[string][]float32
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		all := map[string][]float32{}
		for name, v := range weightsOf(t, b, cfg, dim, everyBlock("multi_head", "glu"), 7) {
			all["a."+name] = v
		}
		for name, v := range weightsOf(t, b, tags, dim, heads.Options{UseTaskAttention: true, Attention: "differential"}, 7) {
			all["b."+name] = v
		}
		if seen != nil {
			require.Equal(t, seen, all, "the same bits")
		}
		seen = all
	})
	b := cpu(t)
	full := weightsOf(t, b, cfg, dim, everyBlock("multi_head", "glu"), 7)
	small := weightsOf(t, b, cfg, dim, heads.Options{UseIntermediate: ptr(false), InitializerRange: ptr(0.05)}, 7)
	require.Equal(t, full["head.classifier.weight"], small["head.classifier.weight"], "by name, not by order")
	require.NotEqual(t, full["head.classifier.weight"], weightsOf(t, b, cfg, dim, everyBlock("multi_head", "glu"), 8)["head.classifier.weight"])
	require.NotEqual(t, full["head.ffn.gate.weight"], full["head.ffn.value.weight"])

	within := func(name string, v []float32, limit, std float64) {
		t.Helper()
		sum, most := 0.0, 0.0
		for _, x := range v {
			sum += float64(x) * float64(x)
			most = math.Max(most, math.Abs(float64(x)))
		}
		require.LessOrEqual(t, most, limit*(1+1e-6), name)
		require.Greater(t, most, 0.9*limit, "%s reaches its limits", name)
		require.InEpsilon(t, std, math.Sqrt(sum/float64(len(v))), 0.08, name)
	}
	// The standard deviation of a unit normal cut at two is 0.8796.
	const cut = 0.87962566
	within("classifier", full["head.classifier.weight"], 2*0.05, cut*0.05)
	for _, x := range full["head.pooling.weight"] {
		require.True(t, math.Abs(float64(x)) <= 2*0.05*(1+1e-6) && x != 0)
	}
	he := math.Sqrt(2.0/dim) / cut
	within("attention.proj", full["head.attention.proj.weight"], 2*he, cut*he)
	for name, fans := range map[string]int{"intermediate.dense": 2 * dim, "attention.qkv": dim + 3*dim, "ffn.gate": dim + 2*dim, "ffn.value": dim + 2*dim, "ffn.out": 2*dim + dim} {
		limit := math.Sqrt(6 / float64(fans))
		within(name, full["head."+name+".weight"], limit, limit/math.Sqrt(3))
	}
	for name, want := range map[string]float32{"norm.weight": 1, "norm.bias": 0, "intermediate.norm.weight": 1, "intermediate.dense.bias": 0, "pooling.bias": 0, "ffn.gate.bias": 0, "ffn.out.bias": 0, "classifier.bias": 0} {
		require.NotEmpty(t, full["head."+name], name)
		for _, x := range full["head."+name] {
			require.Equal(t, want, x, name)
		}
	}
	crf := weightsOf(t, b, tags, dim, heads.Options{}, 7)
	within("crf.transitions", crf["head.crf.transitions"], 0.1, 0.1/math.Sqrt(3))
	for _, name := range []string{"head.crf.start", "head.crf.end"} {
		for _, x := range crf[name] {
			require.True(t, x >= -0.1 && x < 0.1 && x != 0, name)
		}
	}
	require.NotContains(t, weightsOf(t, b, cfg, dim, everyBlock("multi_head", "swiglu"), 7), "head.ffn.gate.bias", "swiglu has no biases")
	for _, x := range weightsOf(t, b, cfg, dim, heads.Options{InitializerRange: ptr(0.0)}, 7)["head.classifier.weight"] {
		require.Zero(t, x)
	}
}

// TestMultiTaskNames: a head draws by its full name, so that two of one kind differ.
func TestMultiTaskNames(t *testing.T) {
	_, w := newMulti(t, cpu(t), []heads.Task{task("a", heads.TopicClassification, heads.Options{}), task("b", heads.TopicClassification, heads.Options{})}, 16, false)
	v := valuesByName(t, w)
	require.NotEqual(t, v["heads.a.classifier.weight"], v["heads.b.classifier.weight"])
}

// TestFFNShapes: the inner width is H times the expansion for every block, and the rank
// of lowrank a quarter of it.
func TestFFNShapes(t *testing.T) {
	const in, h, f = 16, 12, 36
	for kind, want := range map[string]map[string][]int{
		"mlp":      {"up.weight": {f, h}, "up.bias": {f}, "down.weight": {h, f}, "down.bias": {h}},
		"geglu":    {"in.weight": {2 * f, h}, "in.bias": {2 * f}, "out.weight": {h, f}, "out.bias": {h}},
		"glu":      {"gate.weight": {f, h}, "gate.bias": {f}, "value.weight": {f, h}, "value.bias": {f}, "out.weight": {h, f}, "out.bias": {h}},
		"swiglu":   {"gate.weight": {f, h}, "up.weight": {f, h}, "down.weight": {h, f}},
		"residual": {"up.weight": {f, h}, "up.bias": {f}, "down.weight": {h, f}, "down.bias": {h}, "skip.weight": {h, h}, "skip.bias": {h}},
		"lowrank":  {"u1.weight": {f / 4, h}, "v1.weight": {f, f / 4}, "v1.bias": {f}, "u2.weight": {f / 4, f}, "v2.weight": {h, f / 4}, "v2.bias": {h}},
	} {
		_, w := newHead(t, cpu(t), heads.TaskConfig{Name: "x", TaskType: heads.TopicClassification, NumClasses: 3}, in, heads.Options{IntermediateSize: h, UseFFN: true, FFN: kind, FFNExpansion: 3})
		got := map[string][]int{}
		for _, p := range w.Params {
			if name, ok := strings.CutPrefix(p.Name, "head.ffn."); ok {
				got[name] = p.Dims()
			}
		}
		require.Equal(t, want, got, kind)
	}
	_, w := newHead(t, cpu(t), heads.TaskConfig{Name: "x", TaskType: heads.TopicClassification, NumClasses: 3}, 2, heads.Options{UseFFN: true, FFN: "lowrank", FFNExpansion: 1})
	for _, p := range w.Params {
		if p.Name == "head.ffn.u1.weight" {
			require.Equal(t, []int{1, 2}, p.Dims(), "a rank of at least 1")
		}
	}
}
