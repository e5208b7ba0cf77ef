package heads_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/cpuref"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// combinations: FF1, every task attention with every feed-forward block builds,
// runs and is saved and loaded; padding changes nothing.
func combinations(t *testing.T) {
	t.Run("gradients", combinationGradients)
	for _, attention := range []string{"multi_head", "cbam", "differential"} {
		for _, ffn := range []string{"mlp", "glu", "geglu", "swiglu", "reglu", "bilinear", "gelu_tanh", "squared_relu", "swin_mlp", "residual", "lowrank"} {
			t.Run(attention+"/"+ffn, func(t *testing.T) {
				cfg := heads.TaskConfig{Name: "x", TaskType: heads.TextClassificationTask, NumClasses: 3}
				opt := heads.Options{IntermediateSize: 24, UseTaskAttention: true, Attention: attention, UseFFN: true, FFN: ffn, FFNExpansion: 4, Pooling: "mean"}
				var seen []float32
				onBackends(t, func(t *testing.T, b tensor.Backend) {
					head, w := newHead(t, b, cfg, 16, opt)
					noisy(t, b, w)
					run := runHead(t, b, 3, 9, 16)
					got := floats(t, run(head.(heads.Module))[""], "logits", 3, 3)
					if seen != nil {
						near(t, seen, got, 5e-5, "webgpu against cpu")
					}
					seen = got
					requireSaved(t, b, head.(heads.Module), w, run)
					requirePaddingInert(t, b, head, 16)
				})
			})
		}
	}
}

// requirePaddingInert: a text alone gives what it gives between two columns of
// padding, on either side, beside a longer text and one without kept rows.
func requirePaddingInert(t testing.TB, b tensor.Backend, head heads.Head, dim int) {
	t.Helper()
	const l, long = 5, 8
	text := random(3, l*dim)
	alone := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
		return head.Forward(s, heads.Input{Hidden: upload(t, s, text, 1, l, dim)})
	})
	x := random(9, 4*long*dim)
	mask := make([]int32, 4*long)
	for i := range long {
		mask[2*long+i] = 1 // row 2 is the longer text; row 3 has no kept rows
	}
	for i := range l {
		mask[i], mask[long+3+i] = 1, 1
		copy(x[i*dim:], text[i*dim:][:dim])
		copy(x[(long+3+i)*dim:], text[i*dim:][:dim])
	}
	for i, m := range mask { // what nothing may read
		if m == 0 {
			for j := range dim {
				x[i*dim+j] = float32(math.NaN())
			}
		}
	}
	batch := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
		return head.Forward(s, heads.Input{Hidden: upload(t, s, x, 4, long, dim), Mask: maskHost(t, mask, 4, long)})
	})
	c := alone["logits"].Cols()
	want, got := floats(t, alone, "logits", 1, c), floats(t, batch, "logits", 4, c)
	near(t, want, got[:c], 1e-5, "padding on the right")
	near(t, want, got[c:2*c], 1e-5, "padding on the left")
}

// poolings: the PO rows, against the formulas.
func poolings(t *testing.T, pooling string) {
	n, l, dim := size(32, 3), size(128, 7), size(768, 16)
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		cfg := heads.TaskConfig{Name: "x", TaskType: heads.TopicClassification, NumClasses: 4}
		head, w := newHead(t, b, cfg, dim, heads.Options{Pooling: pooling})
		noisy(t, b, w)
		weight, bias := []float32(nil), float32(0)
		for _, p := range w.Params {
			switch p.Name {
			case "head.pooling.weight":
				weight = valuesOf(t, w, p)
			case "head.pooling.bias":
				bias = valuesOf(t, w, p)[0]
			}
		}
		x := random(5, n*l*dim)
		got := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
			return head.Forward(s, heads.Input{Hidden: upload(t, s, x, n, l, dim)})
		})
		pooled := make([]float32, 0, n*dim)
		for i := range n {
			pooled = append(pooled, pool(pooling, x[i*l*dim:(i+1)*l*dim], dim, weight, bias)...)
		}
		want := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
			return head.Forward(s, heads.Input{Hidden: upload(t, s, pooled, n, dim)})
		})
		near(t, floats(t, want, "logits", n, 4), floats(t, got, "logits", n, 4), 1e-5, pooling)
		requirePaddingInert(t, b, head, dim)
	})
}

// pool is spec 4.1 on the rows of one text.
func pool(how string, x []float32, dim int, weight []float32, bias float32) []float32 {
	rows := len(x) / dim
	out := make([]float64, dim)
	a := make([]float64, rows)
	total := 0.0
	for r := range rows {
		switch how {
		case "mean":
			a[r] = 1
		case "attention":
			score := float64(bias)
			for c := range dim {
				score += float64(weight[c]) * float64(x[r*dim+c])
			}
			a[r] = math.Exp(math.Tanh(score))
		case "cls":
			a[r] = map[bool]float64{true: 1}[r == 0]
		case "last":
			a[r] = map[bool]float64{true: 1}[r == rows-1]
		}
		total += a[r]
	}
	for c := range dim {
		if how == "max" {
			out[c] = math.Inf(-1)
		}
		for r := range rows {
			v := float64(x[r*dim+c])
			if how == "max" {
				out[c] = math.Max(out[c], v)
			} else {
				out[c] += a[r] / total * v
			}
		}
	}
	f := make([]float32, dim)
	for i, v := range out {
		f[i] = float32(v)
	}
	return f
}

// norms: NO1, the vectors of spec 5.4 and the formulas of the rest, read off a
// head that is a norm and an identity.
func norms(t *testing.T) {
	want := map[string][]float64{
		"layer_norm":             {-1.341640, -0.447213, 0.447213, 1.341640},
		"zero_centered_rms_norm": {-1.341640, -0.447213, 0.447213, 1.341640},
		"rms_norm":               {0.365148, 0.730297, 1.095445, 1.460593},
		"band_rms":               {0.95 * 0.365148, 0.95 * 0.730297, 0.95 * 1.095445, 0.95 * 1.460593},
		// At the start the bands have half their width.
		"zero_centered_band_rms_norm":          {0.95 * -1.341640, 0.95 * -0.447213, 0.95 * 0.447213, 0.95 * 1.341640},
		"adaptive_band_rms":                    {0.95 * 0.365148, 0.95 * 0.730297, 0.95 * 1.095445, 0.95 * 1.460593},
		"zero_centered_adaptive_band_rms_norm": {0.95 * -1.341640, 0.95 * -0.447213, 0.95 * 0.447213, 0.95 * 1.341640},
		"energy_layer_norm":                    {-1.341640, -0.447213, 0.447213, 1.341640},
		"dynamic_tanh":                         {math.Tanh(0.5), math.Tanh(1), math.Tanh(1.5), math.Tanh(2)},
		"max_logit_norm":                       {1 / math.Sqrt(30), 2 / math.Sqrt(30), 3 / math.Sqrt(30), 4 / math.Sqrt(30)},
		"logit_norm":                           {25 / math.Sqrt(30), 50 / math.Sqrt(30), 75 / math.Sqrt(30), 100 / math.Sqrt(30)},
	}
	require.Len(t, want, len(heads.NormTypes()))
	for _, name := range heads.NormTypes() {
		t.Run(name, func(t *testing.T) {
			onBackends(t, func(t *testing.T, b tensor.Backend) {
				got := throughNorm(t, b, name, nil, heads.Input{}, []float32{1, 2, 3, 4}, 1, 4)
				for i := range got {
					require.InDelta(t, want[name][i], got[i], 2e-6*math.Max(1, math.Abs(want[name][i])))
				}
			})
		})
	}
}

// throughNorm is x [..,4] behind the norm of a token or sentence head whose output
// layer is the identity. set gives parameters of the norm other values.
func throughNorm(t testing.TB, b tensor.Backend, name string, set map[string][]float32, in heads.Input, x []float32, shape ...int) []float32 {
	t.Helper()
	task := heads.TextClassificationTask
	if len(shape) == 3 {
		task = heads.TokenClassificationTask
	}
	head, w := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: task, NumClasses: 4}, 4, heads.Options{Normalization: name, UseIntermediate: ptr(false)})
	if set == nil {
		set = map[string][]float32{}
	}
	set["classifier.weight"] = []float32{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}
	write(t, b, w, set)
	got := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
		in.Hidden = upload(t, s, x, shape...)
		return head.Forward(s, in)
	})
	return floats(t, got, "logits", shape...)
}

// write gives parameters values, by their names without "head.".
func write(t testing.TB, b tensor.Backend, w *nn.Weights, values map[string][]float32) {
	t.Helper()
	s, err := b.Begin()
	require.NoError(t, err)
	defer s.Close()
	for name, v := range values {
		found := false
		for _, p := range w.Params {
			if p.Name == "head."+name {
				require.EqualValues(t, len(v), p.Elems(), name)
				require.NoError(t, s.Write(p.Tensor, tensor.Bytes(v)))
				found = true
			}
		}
		require.True(t, found, "no parameter %s", name)
	}
	require.NoError(t, s.Read(t.Context(), nil))
}

// TestNormsByHand: the parameters of the norms, and their epsilon, which small values
// show (1e-6 whatever the encoder's is).
func TestNormsByHand(t *testing.T) {
	g, d := []float32{0.5, -1, 2, 1.5}, []float32{0.1, 0.2, -0.3, 0}
	sigmoid := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	for _, c := range []struct {
		name string
		set  map[string][]float32
		want func(x, c []float64, ms, variance float64, i int) float64 // c is x less its mean
	}{
		{"layer_norm", map[string][]float32{"norm.weight": g, "norm.bias": d}, func(_, c []float64, _, v float64, i int) float64 {
			return float64(g[i])*c[i]/math.Sqrt(v+1e-6) + float64(d[i])
		}},
		{"rms_norm", map[string][]float32{"norm.weight": g}, func(x, _ []float64, ms, _ float64, i int) float64 { return float64(g[i]) * x[i] / math.Sqrt(ms+1e-6) }},
		{"zero_centered_rms_norm", map[string][]float32{"norm.weight": g}, func(_, c []float64, _, v float64, i int) float64 { return float64(g[i]) * c[i] / math.Sqrt(v+1e-6) }},
		{"band_rms", map[string][]float32{"norm.band": {0.3}}, func(x, _ []float64, ms, _ float64, i int) float64 {
			return x[i] / math.Sqrt(ms+1e-6) * (0.9 + 0.1*sigmoid(5*0.3))
		}},
		{"zero_centered_band_rms_norm", map[string][]float32{"norm.band": {-0.2}}, func(_, c []float64, _, v float64, i int) float64 {
			return c[i] / math.Sqrt(v+1e-6) * (0.9 + 0.1*sigmoid(-5*0.2))
		}},
		{"zero_centered_adaptive_band_rms_norm", map[string][]float32{"norm.weight": g, "norm.bias": d}, func(_, c []float64, _, v float64, i int) float64 {
			rms := math.Sqrt(v + 1e-6)
			return c[i] / rms * (0.9 + 0.1*sigmoid(5*(math.Log(rms)*float64(g[i])+float64(d[i]))))
		}},
		{"dynamic_tanh", map[string][]float32{"norm.alpha": {0.7}, "norm.weight": g, "norm.bias": d}, func(x, _ []float64, _, _ float64, i int) float64 {
			return float64(g[i])*math.Tanh(0.7*x[i]) + float64(d[i])
		}},
		{"energy_layer_norm", map[string][]float32{"norm.gamma": {0.4}, "norm.delta": d}, func(_, c []float64, _, v float64, i int) float64 { return 0.4*c[i]/math.Sqrt(v+1e-6) + float64(d[i]) }},
		{"energy_layer_norm", map[string][]float32{"norm.gamma": {-2}, "norm.delta": d}, func(_, c []float64, _, v float64, i int) float64 { return 1e-3*c[i]/math.Sqrt(v+1e-6) + float64(d[i]) }},
		{"max_logit_norm", nil, func(x, _ []float64, ms, _ float64, i int) float64 { return x[i] / math.Sqrt(4*ms+1e-6) }},
		{"logit_norm", nil, func(x, _ []float64, ms, _ float64, i int) float64 {
			return x[i] / 0.04 / math.Sqrt(math.Max(4*ms, 1e-6))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBackends(t, func(t *testing.T, b tensor.Backend) {
				for _, scale := range []float64{1, 1e-3, 1e-4} {
					x := []float32{float32(scale), float32(2 * scale), float32(-3 * scale), float32(0.5 * scale)}
					xs, centred, ms, mean, variance := doubles(x), make([]float64, 4), 0.0, 0.0, 0.0
					for _, v := range xs {
						ms, mean = ms+v*v/4, mean+v/4
					}
					for i, v := range xs {
						centred[i] = v - mean
						variance += centred[i] * centred[i] / 4
					}
					set := map[string][]float32{}
					for k, v := range c.set {
						set[k] = v
					}
					for i, v := range throughNorm(t, b, c.name, set, heads.Input{}, x, 1, 4) {
						want := c.want(xs, centred, ms, variance, i)
						require.InDelta(t, want, v, 4e-6*math.Max(1, math.Abs(want)), "element %d at scale %v", i, scale)
					}
				}
			})
		})
	}
}

// TestAdaptiveNormByHand: the scale follows the mean of the rms over the kept rows.
func TestAdaptiveNormByHand(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		x := []float32{1, 2, 3, 4, 9, 9, 9, 9, -2, 0, 2, 1} // the middle row is padding
		got := throughNorm(t, b, "adaptive_band_rms", map[string][]float32{"norm.weight": {0.3, -0.2, 0.1, 0.5}, "norm.bias": {0.1, 0, -0.3, 0.2}},
			heads.Input{Mask: maskHost(t, []int32{1, 0, 1}, 1, 3)}, x, 1, 3, 4)
		w, c := []float64{0.3, -0.2, 0.1, 0.5}, []float64{0.1, 0, -0.3, 0.2}
		rms := []float64{math.Sqrt(30.0/4 + 1e-6), 0, math.Sqrt(9.0/4 + 1e-6)}
		s := math.Log((rms[0] + rms[2]) / 2)
		for i, v := range x {
			want := 0.0
			if r := i / 4; r != 1 {
				want = float64(v) / rms[r] * (0.9 + 0.1/(1+math.Exp(-5*(s*w[i%4]+c[i%4]))))
			}
			require.InDelta(t, want, got[i], 2e-6, "element %d", i)
		}
	})
}

// combinationGradients: FF1, the gradient of every parameter agrees with finite
// differences, on the CPU; the key biases of differential attention have none.
func combinationGradients(t *testing.T) {
	b, err := cpuref.New(cpuref.Options{})
	require.NoError(t, err)
	defer b.Close()
	for _, attention := range []string{"multi_head", "cbam", "differential"} {
		for _, ffn := range []string{"mlp", "glu", "geglu", "swiglu"} {
			t.Run(attention+"/"+ffn, func(t *testing.T) {
				cfg := heads.TaskConfig{Name: "x", TaskType: heads.TextClassificationTask, NumClasses: 3}
				opt := heads.Options{IntermediateSize: 16, UseTaskAttention: true, Attention: attention, UseFFN: true, FFN: ffn, FFNExpansion: 2, Pooling: "attention"}
				if attention != "cbam" {
					opt.NumAttentionHeads = 2
				}
				head, w := newHead(t, b, cfg, 8, opt)
				noisy(t, b, w)
				if attention == "differential" {
					write(t, b, w, map[string][]float32{"attention.lambda": {2}}) // 0.4, inside the clip
				}
				requireGradients(t, b, w, func(s *tensor.Scope) tensor.Tensor {
					out, err := head.Forward(s, hidden(t, s, 5, 2, 5, 8))
					require.NoError(t, err)
					return out.Logits
				}, gradients{zero: map[string]bool{"head.attention.k1.bias": true, "head.attention.k2.bias": true}})
			})
		}
	}
}

// gradients says what requireGradients may find.
type gradients struct {
	zero   map[string]bool // parameters whose gradient is zero in exact arithmetic
	finite bool            // finite is all that is asked: at a point without a derivative
}

// requireGradients compares the tape's gradients of sum(weight * y) with finite
// differences, in a few places of every parameter.
func requireGradients(t testing.TB, b tensor.Backend, w *nn.Weights, run func(s *tensor.Scope) tensor.Tensor, expect gradients) {
	t.Helper()
	g, dy := gradientsAndSeed(t, b, w, run)
	for _, p := range w.Params {
		got := g[p.Name]
		require.NotNil(t, got, "%s has a gradient", p.Name)
		nonzero := false
		for i, v := range got {
			require.False(t, math.IsNaN(float64(v)) || math.IsInf(float64(v), 0), "%s at %d: %v", p.Name, i, v)
			nonzero = nonzero || v != 0
		}
		if expect.finite {
			continue
		}
		require.True(t, nonzero || expect.zero[p.Name], "%s: all zero", p.Name)
		values := valuesOf(t, w, p)
		for _, i := range []int{0, len(values) / 2, len(values) - 1} {
			want, err := testutil.FiniteDifference(func() (float64, error) { return loss(t, b, p, values, run, dy), nil }, values, i)
			require.NoError(t, err)
			if expect.zero[p.Name] {
				want = 0
			}
			require.InDelta(t, want, got[i], 2e-4*math.Max(1, math.Abs(want)), "%s at %d", p.Name, i)
		}
		loss(t, b, p, values, run, dy) // leaves p as it was
	}
}

// gradientsOf are the tape's gradients, by parameter, of a weighted sum of y.
func gradientsOf(t testing.TB, b tensor.Backend, w *nn.Weights, run func(s *tensor.Scope) tensor.Tensor) map[string][]float32 {
	t.Helper()
	g, _ := gradientsAndSeed(t, b, w, run)
	return g
}

func gradientsAndSeed(t testing.TB, b tensor.Backend, w *nn.Weights, run func(s *tensor.Scope) tensor.Tensor) (g map[string][]float32, dy []float32) {
	t.Helper()
	inner, err := b.Begin()
	require.NoError(t, err)
	tape := testutil.NewTape(testutil.Poison(inner))
	defer tape.Close()
	for _, p := range w.Params {
		tape.Watch(p.Buf)
	}
	s := &tensor.Scope{Stream: tape}
	y := run(s)
	dy = random(77, int(y.Elems()))
	seed, err := tensor.Upload(s, dy, y.Dims()...)
	require.NoError(t, err)
	require.NoError(t, tape.Backward(testutil.Seed{Y: y, DY: seed}))
	g = map[string][]float32{}
	for _, p := range w.Params {
		if x, ok := tape.Grad(p.Tensor); ok {
			g[p.Name], err = tensor.Download(t.Context(), s, x)
			require.NoError(t, err)
		}
	}
	return g, dy
}

func valuesOf(t testing.TB, w *nn.Weights, p nn.Param) (values []float32) {
	t.Helper()
	require.NoError(t, w.Read(t.Context(), p, func(v []float32) error { values = append(values, v...); return nil }))
	return values
}

// loss gives a parameter values and is sum(dy * y) in float64.
func loss(t testing.TB, b tensor.Backend, p nn.Param, values []float32, run func(s *tensor.Scope) tensor.Tensor, dy []float32) float64 {
	t.Helper()
	f, err := b.Begin()
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, f.Write(p.Tensor, tensor.Bytes(values)))
	v, err := tensor.Download(t.Context(), f, run(&tensor.Scope{Stream: f}))
	require.NoError(t, err)
	sum := 0.0
	for i, x := range v {
		sum += float64(x) * float64(dy[i])
	}
	return sum
}
