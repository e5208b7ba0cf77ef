package heads_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// hand computes a head in float64 from its parameters.
type hand struct {
	p map[string][]float64
}

func handOf(t testing.TB, w *nn.Weights) hand {
	t.Helper()
	h := hand{map[string][]float64{}}
	for _, q := range w.Params {
		require.NoError(t, w.Read(t.Context(), q, func(v []float32) error {
			for _, x := range v {
				h.p[q.Name] = append(h.p[q.Name], float64(x))
			}
			return nil
		}))
	}
	return h
}

// norm is the leading layer norm of one row.
func (h hand) norm(x []float32) []float64 {
	mean, variance := 0.0, 0.0
	for _, v := range x {
		mean += float64(v) / float64(len(x))
	}
	for _, v := range x {
		variance += (float64(v) - mean) * (float64(v) - mean) / float64(len(x))
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = (float64(v)-mean)/math.Sqrt(variance+1e-6)*h.p["head.norm.weight"][i] + h.p["head.norm.bias"][i]
	}
	return y
}

func (h hand) linear(name string, x []float64) []float64 {
	w, b := h.p["head."+name+".weight"], h.p["head."+name+".bias"]
	y := make([]float64, len(b))
	for o := range y {
		y[o] = b[o]
		for i, v := range x {
			y[o] += w[o*len(x)+i] * v
		}
	}
	return y
}

func (h hand) gelu(name string, x []float64) []float64 {
	y := h.linear(name, x)
	for i, v := range y {
		y[i] = 0.5 * v * (1 + math.Erf(v/math.Sqrt2))
	}
	return y
}

func inner(a, b []float64) float64 {
	s := 0.0
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

func softmaxOf(v []float64) []float64 {
	p, sum := make([]float64, len(v)), 0.0
	for i, x := range v {
		p[i] = math.Exp(x)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

func closeTo(t testing.TB, want float64, got float32, what string, args ...any) {
	t.Helper()
	if d := math.Abs(want - float64(got)); !(d <= 1e-4*math.Max(1, math.Abs(want))) {
		t.Fatalf("%s: got %v, want %v", sprint(what, args...), got, want)
	}
}

// The batch of the structured heads: two texts of six columns, one with a hole.
const structuredCols, structuredDim = 6, 12

var structuredMask = []int32{1, 1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1}

func structured(t testing.TB, b tensor.Backend, task heads.TaskType, classes int, in heads.Input) (heads.Result, hand, []float32) {
	t.Helper()
	head, w := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: task, NumClasses: classes}, structuredDim, heads.Options{UseIntermediate: ptr(false)})
	noisy(t, b, w)
	x := random(31, 2*structuredCols*structuredDim)
	got := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
		in.Hidden = upload(t, s, x, 2, structuredCols, structuredDim)
		in.Mask = maskHost(t, structuredMask, 2, structuredCols)
		return head.Forward(s, in)
	})
	return got, handOf(t, w), x
}

// row is the norm of the hidden state at a column of a text.
func (h hand) row(x []float32, seq, col int) []float64 {
	at := (seq*structuredCols + col) * structuredDim
	return h.norm(x[at : at+structuredDim])
}

func TestDependencyParser(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		const l, c = structuredCols, 3
		tag := []int32{1, 0, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1} // column 1 of the first text is a later piece of a word
		got, h, x := structured(t, b, heads.DependencyParsing, c, heads.Input{TagMask: maskHost(t, tag, 2, l)})
		arcs, labels := floats(t, got, "arc_logits", 2, l, l+1), floats(t, got, "label_logits", 2, l, c, l+1)
		word := func(seq, col int) bool { return structuredMask[seq*l+col] == 1 && tag[seq*l+col] == 1 }
		trees, err := heads.ParseDependencies(got)
		require.NoError(t, err)
		for seq := range 2 {
			roots := 0
			for _, a := range trees[seq] {
				require.True(t, word(seq, a.Dependent) && (a.Head == -1 || word(seq, a.Head)))
				if a.Head == -1 {
					roots++
				}
				for k := range c {
					at := func(k int) float32 { return labels[((seq*l+a.Dependent)*c+k)*(l+1)+a.Head+1] }
					require.GreaterOrEqual(t, at(a.Label), at(k))
				}
			}
			require.Equal(t, 1, roots)
			for i := range l {
				for j := -1; j < l; j++ {
					at := arcs[(seq*l+i)*(l+1)+j+1]
					if !word(seq, i) || j == i || (j >= 0 && !word(seq, j)) {
						require.Equal(t, float32(-1e9), at, "no arc")
						continue
					}
					dep, rel := h.gelu("arc_dep", h.row(x, seq, i)), h.gelu("rel_dep", h.row(x, seq, i))
					head, relHead := h.p["head.root_arc"], h.p["head.root_rel"]
					if j >= 0 {
						head, relHead = h.gelu("arc_head", h.row(x, seq, j)), h.gelu("rel_head", h.row(x, seq, j))
					}
					closeTo(t, inner(h.linear("arc", dep), head), at, "arc %d %d %d", seq, i, j)
					u, alone := h.linear("rel", rel), h.linear("rel_bias", rel)
					for k := range c {
						w := len(relHead)
						closeTo(t, inner(u[k*w:(k+1)*w], relHead)+alone[k], labels[((seq*l+i)*c+k)*(l+1)+j+1], "label %d %d %d %d", seq, i, j, k)
					}
				}
			}
		}
	})
}

func TestCoreference(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		targets := []heads.Target{{Seq: 0, Start: 0, End: 1}, {Seq: 0, Start: 1, End: 4}, {Seq: 0, Start: 4, End: 6}, {Seq: 1, Start: 1, End: 3}}
		ends := [][2]int{{0, 0}, {1, 3}, {4, 4}, {1, 2}} // first and last kept column
		got, h, x := structured(t, b, heads.CoreferenceResolution, 0, heads.Input{Targets: targets})
		mentions, ante := floats(t, got, "mention_scores", 2, 3), floats(t, got, "antecedent_logits", 2, 3, 4)
		own := make([]float64, len(targets))
		q := make([][]float64, len(targets))
		for i, tg := range targets {
			s, e := h.row(x, tg.Seq, ends[i][0]), h.row(x, tg.Seq, ends[i][1])
			ms, me := h.gelu("mention_start", s), h.gelu("mention_end", e)
			own[i] = h.linear("mention_score", append(append([]float64{}, ms...), me...))[0] + inner(h.linear("mention", ms), me)
			q[i] = append(append([]float64{}, h.gelu("antecedent_start", s)...), h.gelu("antecedent_end", e)...)
		}
		for i := range 3 {
			closeTo(t, own[i], mentions[i], "mention %d", i)
			require.Zero(t, ante[i*4])
			for j := range 3 {
				if j >= i {
					require.Less(t, ante[i*4+j+1], float32(-5e8))
					continue
				}
				closeTo(t, own[i]+own[j]+inner(h.linear("antecedent", q[i]), q[j]), ante[i*4+j+1], "antecedent %d %d", i, j)
			}
		}
		closeTo(t, own[3], mentions[3], "mention of the second text")
		alone := mentionsAlone(t, b, targets)
		near(t, mentions, floats(t, alone, "mention_scores", 2, 3), 1e-5, "Mentions")
		require.ElementsMatch(t, []string{"mention_scores"}, keys(alone))
		require.Less(t, mentions[4], float32(-5e8), "an empty slot")
		for _, v := range ante[4*4 : 6*4] {
			require.True(t, v == 0 || v < -5e8)
		}
	})
}

// mentionsAlone is Mentions on the batch and head of structured.
func mentionsAlone(t testing.TB, b tensor.Backend, targets []heads.Target) heads.Result {
	t.Helper()
	head, w := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: heads.CoreferenceResolution}, structuredDim, heads.Options{UseIntermediate: ptr(false)})
	noisy(t, b, w)
	coref := head.(*heads.CoreferenceResolver)
	return forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
		in := hidden(t, s, 31, 2, structuredCols, structuredDim)
		in.Mask, in.Targets = maskHost(t, structuredMask, 2, structuredCols), targets
		_, err := coref.Mentions(s, heads.Input{Hidden: in.Hidden})
		require.ErrorIs(t, err, heads.ErrInputFormat)
		require.ErrorContains(t, err, "no targets, want candidate spans")
		return coref.Mentions(s, in)
	})
}

func TestTargetHeads(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		const c = 3
		targets := []heads.Target{{Seq: 1, Start: 2, End: 5, SecondStart: 1, SecondEnd: 2}, {Seq: 0, Start: 1, End: 4, SecondStart: 4, SecondEnd: 5}}
		kept := [][]int{{2, 3, 4}, {1, 3}}

		got, h, x := structured(t, b, heads.WordSenseDisambiguation, c, heads.Input{Targets: targets})
		logits, probabilities := floats(t, got, "logits", 2, c), floats(t, got, "probabilities", 2, c)
		for i, tg := range targets {
			mean := make([]float64, structuredDim)
			for _, col := range kept[i] {
				for k, v := range h.row(x, tg.Seq, col) {
					mean[k] += v / float64(len(kept[i]))
				}
			}
			want := h.linear("classifier", mean)
			for k, p := range softmaxOf(want) {
				closeTo(t, want[k], logits[i*c+k], "sense")
				closeTo(t, p, probabilities[i*c+k], "probability")
			}
		}

		got, h, x = structured(t, b, heads.RelationExtraction, c, heads.Input{Targets: targets})
		logits = floats(t, got, "logits", 2, c)
		for i, tg := range targets {
			both := append(h.row(x, tg.Seq, kept[i][0]), h.row(x, tg.Seq, tg.SecondStart)...)
			for k, want := range h.linear("classifier", h.gelu("relation", both)) {
				closeTo(t, want, logits[i*c+k], "relation")
			}
		}

		got, h, x = structured(t, b, heads.SemanticRoleLabeling, c, heads.Input{Targets: targets})
		logits = floats(t, got, "logits", 2, structuredCols, c)
		requireArgmaxWhereKept(t, logits, integers(t, got, "predictions", 2, structuredCols), c)
		for i, tg := range targets {
			for col := range structuredCols {
				if structuredMask[tg.Seq*structuredCols+col] == 0 {
					continue
				}
				both := append(h.row(x, tg.Seq, col), h.row(x, tg.Seq, kept[i][0])...)
				for k, want := range h.linear("classifier", h.gelu("predicate", both)) {
					closeTo(t, want, logits[(tg.Seq*structuredCols+col)*c+k], "role")
				}
			}
		}
	})
}

func requireArgmaxWhereKept(t testing.TB, logits []float32, predictions []int64, c int) {
	t.Helper()
	for i, m := range structuredMask {
		if m == 0 {
			require.EqualValues(t, -1, predictions[i])
			require.Equal(t, make([]float32, c), logits[i*c:(i+1)*c], "padded logits are 0")
			continue
		}
		requireArgmax(t, logits[i*c:(i+1)*c], predictions[i:i+1], c)
	}
}

func TestRankerAndMatcher(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		ranker, w := newHead(t, b, heads.TaskConfig{Name: "r", TaskType: heads.Ranking}, 16, heads.Options{UseIntermediate: ptr(false)})
		noisy(t, b, w)
		x := random(8, 6*16)
		got := forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
			listed, err := ranker.Forward(s, heads.Input{Hidden: upload(t, s, x, 2, 3, 16)})
			if err != nil {
				return nil, err
			}
			alone, err := ranker.Forward(s, heads.Input{Hidden: upload(t, s, x, 6, 16)})
			return map[string]heads.Output{"listed": listed, "alone": alone}, err
		})
		h := handOf(t, w)
		listed, alone := floats(t, got["listed"], "scores", 2, 3), floats(t, got["alone"], "scores", 6)
		require.Equal(t, listed, alone)
		require.ElementsMatch(t, []string{"scores"}, keys(got["alone"]))
		requireDistribution(t, floats(t, got["listed"], "probabilities", 2, 3), 3)
		for i, v := range listed {
			closeTo(t, h.linear("scorer", h.norm(x[i*16:(i+1)*16]))[0], v, "score %d", i)
		}

		matcher, w := newHead(t, b, heads.TaskConfig{Name: "m", TaskType: heads.TextMatching}, 16, heads.Options{UseIntermediate: ptr(false)})
		noisy(t, b, w)
		r := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
			return heads.Apply(s, matcher, heads.Pair{A: heads.Input{Hidden: upload(t, s, x[:3*16], 3, 16)}, B: heads.Input{Hidden: upload(t, s, x[3*16:], 3, 16)}})
		})
		h = handOf(t, w)
		logits := floats(t, r, "logits", 3, 2)
		for i := range 3 {
			u, v := h.norm(x[i*16:(i+1)*16]), h.norm(x[(3+i)*16:(4+i)*16])
			f := append(append([]float64{}, u...), v...)
			for k := range u {
				f = append(f, math.Abs(u[k]-v[k]))
			}
			for k, want := range h.linear("classifier", f) {
				closeTo(t, want, logits[i*2+k], "match")
			}
		}
	})
}
