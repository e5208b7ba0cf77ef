package heads_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
)

// byHand is a head's blocks in float64, on the kept rows of one text (spec, section 4).
type byHand struct {
	hand
	opt heads.Options
}

// dense is a linear layer, with a bias where there is one.
func (h byHand) dense(name string, x []float64) []float64 {
	w, b := h.p["head."+name+".weight"], h.p["head."+name+".bias"]
	y := make([]float64, len(w)/len(x))
	for o := range y {
		y[o] = inner(w[o*len(x):(o+1)*len(x)], x)
		if b != nil {
			y[o] += b[o]
		}
	}
	return y
}

func (h byHand) layerNorm(name string, x []float64) []float64 {
	mean, variance := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x))
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = (v-mean)/math.Sqrt(variance+1e-6)*h.p["head."+name+".weight"][i] + h.p["head."+name+".bias"][i]
	}
	return y
}

// act is spec 5.1.
func act(name string, x []float64) []float64 {
	sigmoid := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	y := make([]float64, len(x))
	for i, v := range x {
		switch name {
		case "gelu":
			y[i] = 0.5 * v * (1 + math.Erf(v/math.Sqrt2))
		case "gelu_tanh":
			y[i] = 0.5 * v * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v)))
		case "silu", "swish":
			y[i] = v * sigmoid(v)
		case "relu":
			y[i] = math.Max(v, 0)
		case "tanh":
			y[i] = math.Tanh(v)
		case "mish":
			y[i] = v * math.Tanh(math.Log1p(math.Exp(v)))
		case "none":
			y[i] = v
		}
	}
	return y
}

// enter is norm -> intermediate, a row at a time.
func (h byHand) enter(x []float64) []float64 {
	y := h.layerNorm("norm", x)
	if !*h.opt.UseIntermediate {
		return y
	}
	return act(h.opt.Activation, h.layerNorm("intermediate.norm", h.dense("intermediate.dense", y)))
}

// scores are softmax(q k / sqrt d) of one head, by query.
func scores(q, k [][]float64, lo, hi int) [][]float64 {
	all := make([][]float64, len(q))
	for i := range q {
		s := make([]float64, len(k))
		for j := range k {
			s[j] = inner(q[i][lo:hi], k[j][lo:hi]) / math.Sqrt(float64(hi-lo))
		}
		all[i] = softmaxOf(s)
	}
	return all
}

func (h byHand) each(name string, rows [][]float64) [][]float64 {
	out := make([][]float64, len(rows))
	for i, x := range rows {
		out[i] = h.dense(name, x)
	}
	return out
}

// attend is spec 5.2 on rows at the columns cols.
func (h byHand) attend(rows [][]float64, cols []int) [][]float64 {
	if !h.opt.UseTaskAttention {
		return rows
	}
	w := len(rows[0])
	d := w / h.opt.NumAttentionHeads
	out := make([][]float64, len(rows))
	for i := range out {
		out[i] = make([]float64, w)
	}
	weigh := func(a, v [][]float64, lo int, by float64) {
		for i := range a {
			for j, p := range a[i] {
				for c := lo; c < lo+d; c++ {
					out[i][c] += by * p * v[j][c]
				}
			}
		}
	}
	switch h.opt.Attention {
	case "cbam":
		return h.cbam(rows, cols)
	case "multi_head":
		var q, k, v [][]float64
		for _, x := range h.each("attention.qkv", rows) {
			q, k, v = append(q, x[:w]), append(k, x[w:2*w]), append(v, x[2*w:])
		}
		for lo := 0; lo < w; lo += d {
			weigh(scores(q, k, lo, lo+d), v, lo, 1)
		}
	case "differential":
		lambda := math.Min(math.Max((0.8-0.6)*h.p["head.attention.lambda"][0], 0.1), 0.9)
		v := h.each("attention.v", rows)
		for lo := 0; lo < w; lo += d {
			weigh(scores(h.each("attention.q1", rows), h.each("attention.k1", rows), lo, lo+d), v, lo, 1)
			weigh(scores(h.each("attention.q2", rows), h.each("attention.k2", rows), lo, lo+d), v, lo, -lambda)
		}
	}
	return h.each("attention.proj", out)
}

// cbam gates channels, then columns, absent and masked ones counting as zeros.
func (h byHand) cbam(rows [][]float64, cols []int) [][]float64 {
	sigmoid := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	w := len(rows[0])
	gate := make([]float64, w)
	for _, how := range []string{"mean", "max"} {
		for c, v := range h.dense("attention.mlp2", act("relu", h.dense("attention.mlp1", h.pool(how, rows)))) {
			gate[c] += v
		}
	}
	y, stat := make([][]float64, len(rows)), map[int][2]float64{}
	for i, x := range rows {
		y[i] = make([]float64, w)
		mean, top := 0.0, math.Inf(-1)
		for c, v := range x {
			y[i][c] = v * sigmoid(gate[c])
			mean, top = mean+y[i][c]/float64(w), math.Max(top, y[i][c])
		}
		stat[cols[i]] = [2]float64{mean, top}
	}
	kernel := h.p["head.attention.conv.weight"]
	for i := range y {
		v := h.p["head.attention.conv.bias"][0]
		for k := range 7 {
			at := stat[cols[i]+k-3]
			v += kernel[k]*at[0] + kernel[7+k]*at[1]
		}
		for c := range y[i] {
			y[i][c] *= sigmoid(v)
		}
	}
	return y
}

// pool is spec 4.1.
func (h byHand) pool(how string, rows [][]float64) []float64 {
	y := make([]float64, len(rows[0]))
	a := make([]float64, len(rows))
	for i, x := range rows {
		switch how {
		case "mean":
			a[i] = 0
		case "attention":
			a[i] = math.Tanh(inner(h.p["head.pooling.weight"], x) + h.p["head.pooling.bias"][0])
		}
	}
	for i, p := range softmaxOf(a) {
		for c, v := range rows[i] {
			if how == "max" {
				if i == 0 || v > y[c] {
					y[c] = v
				}
				continue
			}
			y[c] += p * v
		}
	}
	return y
}

// feed is spec 5.3.
func (h byHand) feed(x []float64) []float64 {
	if !h.opt.UseFFN {
		return x
	}
	times := func(a, b []float64) []float64 {
		y := make([]float64, len(a))
		for i := range a {
			y[i] = a[i] * b[i]
		}
		return y
	}
	plus := func(a, b []float64) []float64 {
		for i := range a {
			a[i] += b[i]
		}
		return a
	}
	d := func(name string, x []float64) []float64 { return h.dense("ffn."+name, x) }
	gated := func(a string) []float64 { return d("out", times(act(a, d("gate", x)), d("value", x))) }
	switch h.opt.FFN {
	case "mlp", "swin_mlp":
		return d("down", act("gelu", d("up", x)))
	case "glu":
		return gated("silu")
	case "reglu":
		return gated("relu")
	case "bilinear":
		return gated("none")
	case "geglu":
		both := d("in", x)
		return d("out", times(act("gelu", both[:len(both)/2]), both[len(both)/2:]))
	case "swiglu":
		return d("down", times(act("silu", d("gate", x)), d("up", x)))
	case "gelu_tanh":
		return d("down", act("gelu_tanh", d("up", x)))
	case "squared_relu":
		r := act("relu", d("up", x))
		return d("down", times(r, r))
	case "residual":
		return plus(d("down", act("relu", d("up", x))), d("skip", x))
	case "lowrank":
		return d("v2", d("u2", act("gelu", d("v1", d("u1", x)))))
	}
	panic(h.opt.FFN)
}

// The batch of these tests: padding on the left and a hole.
const trunkCols, trunkDim, trunkClasses = 8, 16, 3

var trunkMask = []int32{1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 0, 1, 1, 1}

// requireByHand holds a token head and a sentence head with these options to byHand.
func requireByHand(t testing.TB, b tensor.Backend, opt heads.Options) {
	t.Helper()
	if opt.UseFFN {
		opt.FFNExpansion = 2
	}
	if opt.UseTaskAttention && opt.Attention != "cbam" {
		opt.NumAttentionHeads = 4
	}
	x := random(41, 2*trunkCols*trunkDim)
	for _, task := range []heads.TaskType{heads.PartOfSpeechTagging, heads.TopicClassification} {
		o := opt
		if task == heads.TopicClassification {
			o.Pooling = "attention"
		}
		head, w := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: task, NumClasses: trunkClasses}, trunkDim, o)
		noisy(t, b, w)
		if o.Attention == "differential" && o.UseTaskAttention {
			write(t, b, w, map[string][]float32{"attention.lambda": {2}}) // 0.4, inside the clip
		}
		got := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
			return head.Forward(s, heads.Input{Hidden: upload(t, s, x, 2, trunkCols, trunkDim), Mask: maskHost(t, trunkMask, 2, trunkCols)})
		})
		h := byHand{handOf(t, w), head.(interface{ Options() heads.Options }).Options()}
		for seq := range 2 {
			var rows [][]float64
			var cols []int
			for col := range trunkCols {
				if at := seq*trunkCols + col; trunkMask[at] == 1 {
					rows, cols = append(rows, doubles(x[at*trunkDim:(at+1)*trunkDim])), append(cols, col)
				}
			}
			if task == heads.TopicClassification {
				want := h.feed(h.sentence(rows, cols))
				near(t, singles(h.dense("classifier", want)), floats(t, got, "logits", 2, trunkClasses)[seq*trunkClasses:][:trunkClasses], 5e-5, "sentence")
				continue
			}
			for i := range rows {
				rows[i] = h.enter(rows[i])
			}
			logits := floats(t, got, "logits", 2, trunkCols, trunkClasses)
			for i, y := range h.attend(rows, cols) {
				near(t, singles(h.dense("classifier", h.feed(y))), logits[(seq*trunkCols+cols[i])*trunkClasses:][:trunkClasses], 5e-5, "token")
			}
		}
	}
}

// sentence pools before the blocks, or, with task attention, behind it.
func (h byHand) sentence(rows [][]float64, cols []int) []float64 {
	if !h.opt.UseTaskAttention {
		return h.enter(h.pool(h.opt.Pooling, rows))
	}
	for i := range rows {
		rows[i] = h.enter(rows[i])
	}
	return h.pool(h.opt.Pooling, h.attend(rows, cols))
}

func doubles(v []float32) []float64 {
	d := make([]float64, len(v))
	for i, x := range v {
		d[i] = float64(x)
	}
	return d
}

func singles(v []float64) []float32 {
	f := make([]float32, len(v))
	for i, x := range v {
		f[i] = float32(x)
	}
	return f
}

// TestBlocksByHand: the blocks in their order, every attention and every feed-forward
// block by its formula, with and without the intermediate block.
func TestBlocksByHand(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		ffns := []string{"", "mlp", "glu", "geglu", "swiglu", "reglu", "bilinear", "gelu_tanh", "squared_relu", "swin_mlp", "residual", "lowrank"}
		for _, attention := range []string{"", "multi_head", "cbam", "differential"} {
			for _, ffn := range ffns {
				if attention == "cbam" || attention == "differential" {
					if ffn != "" && ffn != "swiglu" {
						continue
					}
				}
				for _, intermediate := range []bool{true, false} {
					if !intermediate && ffn != "" && ffn != "residual" {
						continue
					}
					t.Run(strings.Join([]string{attention, ffn, sprint("%t", intermediate)}, "/"), func(t *testing.T) {
						opt := heads.Options{UseIntermediate: &intermediate, UseTaskAttention: attention != "", Attention: attention, UseFFN: ffn != "", FFN: ffn}
						if intermediate || opt.UseFFN {
							opt.IntermediateSize = 24
						}
						requireByHand(t, b, opt)
					})
				}
			}
		}
		for _, activation := range []string{"gelu", "relu", "silu", "swish", "tanh", "mish", "gelu_tanh"} {
			t.Run(activation, func(t *testing.T) { requireByHand(t, b, heads.Options{IntermediateSize: 24, Activation: activation}) })
		}
	})
}

// TestLambdaClip: lambda is held to 0.1 and 0.9, and has no gradient outside.
func TestLambdaClip(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		head, w := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: heads.PartOfSpeechTagging, NumClasses: 3}, 16, heads.Options{UseTaskAttention: true, Attention: "differential"})
		noisy(t, b, w)
		at := func(p float32) []float32 {
			write(t, b, w, map[string][]float32{"attention.lambda": {p}})
			return floats(t, runHead(t, b, 2, 5, 16)(head.(heads.Module))[""], "logits", 2, 5, 3)
		}
		near(t, at(0.5), at(-3), 1e-6, "0.1")
		near(t, at(4.5), at(30), 1e-6, "0.9")
		require.NotEqual(t, at(0.5), at(4.5))
		for _, p := range []float32{-3, 30} {
			write(t, b, w, map[string][]float32{"attention.lambda": {p}})
			g := gradientsOf(t, b, w, func(s *tensor.Scope) tensor.Tensor {
				out, err := head.Forward(s, hidden(t, s, 5, 2, 5, 16))
				require.NoError(t, err)
				return out.Logits
			})
			require.Equal(t, []float32{0}, g["head.attention.lambda"])
		}
	})
}

// TestEveryBlockActs: in every head each enabled block changes the result (upstream
// leaves some unused), and each block that is off owns no parameter.
func TestEveryBlockActs(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for kind, head := range everyHead(t, b) {
			plain, w := newHead(t, b, head.Config(), 16, heads.Options{UseIntermediate: ptr(false)})
			for _, p := range w.Params {
				for _, block := range []string{"intermediate.", "attention.", "ffn.", "pooling."} {
					require.False(t, strings.HasPrefix(p.Name, "head."+block), p.Name)
				}
			}
			run := func(h heads.Head) heads.Result {
				return forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
					in := inputFor(t, s, kind)
					if p, ok := in.(heads.Pair); ok { // rank 2 gives attention nothing to do
						p.B = hidden(t, s, 6, 2, 5, 16)
						in = p
					}
					return heads.Apply(s, h, in)
				})
			}
			want := run(plain)
			for block, opt := range map[string]heads.Options{
				"intermediate": {},
				"attention":    {UseIntermediate: ptr(false), UseTaskAttention: true},
				"ffn":          {UseIntermediate: ptr(false), UseFFN: true},
			} {
				with, _ := newHead(t, b, head.Config(), 16, opt)
				for key, h := range run(with) {
					if h.DType == tensor.F32 {
						require.NotEqual(t, want[key], h, "%s: %s acts on %s", kind, block, key)
					}
				}
			}
		}
	})
}

// TestDropouts: with the default blocks there are two dropouts, each block adds its
// own, and there is none in inference.
func TestDropouts(t *testing.T) {
	b := cpu(t)
	for _, c := range []struct {
		opt  heads.Options
		want uint64
	}{
		{heads.Options{}, 2},
		{heads.Options{UseIntermediate: ptr(false)}, 1},
		{heads.Options{DropoutRate: ptr(0.0), UseTaskAttention: true, UseFFN: true}, 0},
		{heads.Options{UseTaskAttention: true}, 3},                            // of the probabilities
		{heads.Options{UseTaskAttention: true, Attention: "differential"}, 3}, // of the output
		{heads.Options{UseTaskAttention: true, Attention: "cbam"}, 2},
		{heads.Options{UseFFN: true}, 3},
		{heads.Options{UseFFN: true, FFN: "swiglu"}, 3},
		{heads.Options{UseFFN: true, FFN: "swin_mlp"}, 4},
		{heads.Options{UseFFN: true, FFN: "lowrank"}, 3},
	} {
		head, _ := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: heads.PartOfSpeechTagging, NumClasses: 3}, 16, c.opt)
		for _, train := range []bool{true, false} {
			s := begin(t, b)
			s.Train, s.Seed = train, 3
			_, err := head.Forward(s, hidden(t, s, 5, 2, 5, 16))
			require.NoError(t, err)
			if !train {
				c.want = 0
			}
			require.Equal(t, c.want, s.N, "%+v", c.opt)
		}
	}
}

// TestAttentionOnRankTwo: without a sequence task attention is passed over.
func TestAttentionOnRankTwo(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for _, task := range []heads.TaskType{heads.TopicClassification, heads.TextSimilarityTask, heads.MultipleChoiceTask} {
			cfg := of("x", task)
			with, _ := newHead(t, b, cfg, 16, heads.Options{UseTaskAttention: true})
			without, _ := newHead(t, b, cfg, 16, heads.Options{}) // equal names draw equal weights
			run := runHead(t, b, 4, 16)
			require.Equal(t, run(without.(heads.Module)), run(with.(heads.Module)))
		}
	})
}
