package heads_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// chainOf is a CRF by hand: scores of paths over the columns of one text that take
// part, with what the constraints forbid.
type chainOf struct {
	c                       int
	transitions, start, end []float64
}

func chainByHand(t testing.TB, w *nn.Weights, labels []string, constrained bool) chainOf {
	t.Helper()
	h := handOf(t, w)
	ch := chainOf{c: len(labels), transitions: h.p["head.crf.transitions"], start: h.p["head.crf.start"], end: h.p["head.crf.end"]}
	for j, l := range labels {
		if !constrained {
			continue
		}
		goesOn := l[0] == 'I' || l[0] == 'E'
		if goesOn {
			ch.start[j] -= 1e4
		}
		closed := func(l string) bool { return (l[0] == 'B' || l[0] == 'I') && slices.Contains(labels, "E"+l[1:]) }
		if closed(l) {
			ch.end[j] -= 1e4
		}
		for i, before := range labels {
			follows := (before[0] == 'B' || before[0] == 'I') && before[1:] == l[1:]
			if goesOn && !follows || !goesOn && closed(before) {
				ch.transitions[i*ch.c+j] -= 1e4
			}
		}
	}
	return ch
}

func (ch chainOf) score(e [][]float32, path []int) float64 {
	s := ch.start[path[0]] + ch.end[path[len(path)-1]]
	for k, y := range path {
		s += float64(e[k][y])
		if k > 0 {
			s += ch.transitions[path[k-1]*ch.c+y]
		}
	}
	return s
}

// brute tries every path: the best, log Z, and the marginals.
func (ch chainOf) brute(e [][]float32) (best []int, top, logZ float64, marginals [][]float64) {
	n := len(e)
	path := make([]int, n)
	marginals = make([][]float64, n)
	for k := range marginals {
		marginals[k] = make([]float64, ch.c)
	}
	top = math.Inf(-1)
	z := 0.0
	var walk func(k int)
	walk = func(k int) {
		if k < n {
			for y := range ch.c {
				path[k] = y
				walk(k + 1)
			}
			return
		}
		s := ch.score(e, path)
		if s > top {
			top, best = s, append([]int{}, path...)
		}
		z += math.Exp(s)
		for k, y := range path {
			marginals[k][y] += math.Exp(s)
		}
	}
	walk(0)
	for _, m := range marginals {
		for y := range m {
			m[y] /= z
		}
	}
	return best, top, math.Log(z), marginals
}

// The batch of the CRF tests: four texts of five columns, with holes, words of many
// pieces, and one without kept rows.
const crfCols, crfDim = 5, 16

var (
	crfLabels = []string{"O", "B-X", "I-X", "I-Y"}
	crfMask   = []int32{1, 1, 1, 1, 1, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}
	crfTag    = []int32{1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
)

func crfHead(t testing.TB, b tensor.Backend, opt heads.Options) (*heads.TokenClassification, *nn.Weights) {
	t.Helper()
	cfg := heads.TaskConfig{Name: "ner", TaskType: heads.NamedEntityRecognition, Labels: crfLabels, UseCRF: true}
	head, w := newHead(t, b, cfg, crfDim, opt)
	noisy(t, b, w)
	return head.(*heads.TokenClassification), w
}

func crfInput(t testing.TB, s *tensor.Scope, tagged bool) heads.Input {
	in := hidden(t, s, 1, 4, crfCols, crfDim)
	in.Mask = maskHost(t, crfMask, 4, crfCols)
	if tagged {
		in.TagMask = maskHost(t, crfTag, 4, crfCols)
	}
	return in
}

// TestCRF: path, score, loss and marginals agree with trying every path, with and
// without a tag mask and constraints, from the padded form and from packed rows.
func TestCRF(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for _, constrained := range []bool{false, true} {
			for _, tagged := range []bool{false, true} {
				head, w := crfHead(t, b, heads.Options{CRFConstraints: constrained})
				ch := chainByHand(t, w, crfLabels, constrained)
				got := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
					out, err := head.Forward(s, crfInput(t, s, tagged))
					require.NoError(t, err)
					out.Probabilities, err = head.Marginals(s, crfInput(t, s, tagged))
					return out, err
				})
				logits := floats(t, got, "logits", 4, crfCols, 4)
				path, score := integers(t, got, "predictions", 4, crfCols), floats(t, got, "path_score", 4)
				marginals := floats(t, got, "probabilities", 4, crfCols, 4)
				labels := make([]int32, len(crfMask))
				nll, counted, tokens := 0.0, 0, 0
				for seq := range 4 {
					var e [][]float32
					var at []int
					for col := range crfCols {
						i := seq*crfCols + col
						labels[i] = -100
						if crfMask[i] == 1 && (!tagged || crfTag[i] == 1) {
							e, at = append(e, logits[i*4:i*4+4]), append(at, i)
							continue
						}
						require.EqualValues(t, -1, path[i])
						require.Equal(t, make([]float32, 4), marginals[i*4:i*4+4])
					}
					if len(at) == 0 {
						require.Zero(t, score[seq])
						continue
					}
					best, top, logZ, m := ch.brute(e)
					closeTo(t, top, score[seq], "score of the path")
					gold := make([]int, len(at))
					for k, i := range at {
						require.EqualValues(t, best[k], path[i])
						total := 0.0
						for y := range 4 {
							require.InDelta(t, m[k][y], marginals[i*4+y], 1e-5)
							total += float64(marginals[i*4+y])
						}
						require.InDelta(t, 1, total, 1e-5)
						gold[k] = k % 2 // O, B-X, O, …: legal
						labels[i] = int32(gold[k])
					}
					nll += logZ - ch.score(e, gold)
					counted++
					tokens += len(at)
				}
				for _, tokenMean := range []bool{false, true} {
					mean, _ := crfHead(t, b, heads.Options{CRFConstraints: constrained, TokenMean: tokenMean})
					r := forward(t, b, func(s *tensor.Scope) (o heads.Output, err error) {
						o.Value, err = mean.Loss(s, crfInput(t, s, tagged), maskHost(t, labels, 4, crfCols))
						return o, err
					})
					want := nll / float64(counted)
					if tokenMean {
						want = nll / float64(tokens)
					}
					require.InDelta(t, want, floats(t, r, "value", 1)[0], 1e-4)
				}
			}
		}
	})
}

// TestCRFClosed: labels with ends of their own (BIOES) constrain what follows a
// beginning and what may end a text; trying every path gives the same.
func TestCRFClosed(t *testing.T) {
	labels := []string{"O", "B-X", "I-X", "E-X", "S-X"}
	cfg := heads.TaskConfig{Name: "ner", TaskType: heads.NamedEntityRecognition, Labels: labels, UseCRF: true}
	legal := map[string]string{"": "OBS", "O": "OBS.", "B": "IE", "I": "IE", "E": "OBS.", "S": "OBS."}
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		head, w := newHead(t, b, cfg, crfDim, heads.Options{CRFConstraints: true})
		noisy(t, b, w)
		crf := head.(*heads.TokenClassification)
		ch := chainByHand(t, w, labels, true)
		got := forward(t, b, func(s *tensor.Scope) (heads.Output, error) { return crf.Forward(s, crfInput(t, s, false)) })
		logits, path := floats(t, got, "logits", 4, crfCols, 5), integers(t, got, "predictions", 4, crfCols)
		for seq := range 4 {
			var e [][]float32
			var at []int
			for i := seq * crfCols; i < (seq+1)*crfCols; i++ {
				if crfMask[i] == 1 {
					e, at = append(e, logits[i*5:i*5+5]), append(at, i)
				}
			}
			if len(at) == 0 {
				continue
			}
			best, top, _, _ := ch.brute(e)
			closeTo(t, top, floats(t, got, "path_score", 4)[seq], "score")
			before := ""
			for k, i := range at {
				require.EqualValues(t, best[k], path[i])
				require.Contains(t, legal[before], labels[path[i]][:1])
				before = labels[path[i]][:1]
			}
			require.Contains(t, legal[before], ".")
		}
	})
	// Labels that break a rule, by sequence and column.
	b := cpu(t)
	head, _ := newHead(t, b, cfg, crfDim, heads.Options{CRFConstraints: true})
	s := begin(t, b)
	for _, c := range []struct {
		first []int32
		say   string
	}{
		{[]int32{1, 2, 3, 4, 0}, ""},
		{[]int32{1, 2, -100, -100, 3}, ""},
		{[]int32{3, 0, 0, 0, 0}, "sequence 0, column 0: E-X cannot begin a text"},
		{[]int32{1, 0, 0, 0, 0}, "sequence 0, column 1: O cannot follow B-X"},
		{[]int32{0, 4, 2, 3, 0}, "sequence 0, column 2: I-X cannot follow S-X"},
		{[]int32{0, 0, 0, 1, 2}, "sequence 0, column 4: I-X cannot end a text"},
		{[]int32{0, 0, 1, -100, -100}, "sequence 0, column 2: B-X cannot end a text"},
	} {
		labels := append(append([]int32{}, c.first...), -100, 0, -100, 0, 0, -100, -100, -100, -100, -100, 4, -100, -100, -100, -100)
		_, err := head.(*heads.TokenClassification).Loss(s, crfInput(t, s, false), maskHost(t, labels, 4, crfCols))
		if c.say == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, heads.ErrInputFormat)
		require.ErrorContains(t, err, c.say)
	}
}

func TestCRFGradients(t *testing.T) {
	b := cpu(t)
	head, w := crfHead(t, b, heads.Options{UseIntermediate: ptr(false)})
	labels := []int32{0, 1, -100, 2, 3, 0, 1, 0, -100, 2, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0}
	requireGradients(t, b, w, func(s *tensor.Scope) tensor.Tensor {
		l, err := head.Loss(s, crfInput(t, s, false), maskHost(t, labels, 4, crfCols))
		require.NoError(t, err)
		return l
	}, gradients{})

	// No label counts: loss 0, and zero gradients without NaN.
	for i := range labels {
		labels[i] = -100
	}
	inner, err := b.Begin()
	require.NoError(t, err)
	tape := testutil.NewTape(inner)
	defer tape.Close()
	for _, p := range w.Params {
		tape.Watch(p.Buf)
	}
	s := &tensor.Scope{Stream: tape}
	l, err := head.Loss(s, crfInput(t, s, false), maskHost(t, labels, 4, crfCols))
	require.NoError(t, err)
	require.NoError(t, tape.Backward(testutil.Seed{Y: l}))
	v, err := tensor.Download(t.Context(), s, l)
	require.NoError(t, err)
	require.Equal(t, float32(0), v[0]+0)
	for _, p := range w.Params {
		g, ok := tape.Grad(p.Tensor)
		require.True(t, ok)
		v, err := tensor.Download(t.Context(), s, g)
		require.NoError(t, err)
		for _, x := range v {
			require.Zero(t, x, p.Name)
		}
	}
}

// TestCRFPacked: packed rows give what the padded form gives.
func TestCRFPacked(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		head, _ := crfHead(t, b, heads.Options{})
		got := forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
			padded, err := head.Forward(s, crfInput(t, s, true))
			require.NoError(t, err)
			rows, at, err := tensor.LayoutOfMask(crfMask, 4, crfCols)
			require.NoError(t, err)
			require.NoError(t, rows.Upload(s))
			x := random(1, 4*crfCols*crfDim)
			var packed []float32
			var tag []int32
			for _, i := range at {
				packed, tag = append(packed, x[int(i)*crfDim:][:crfDim]...), append(tag, crfTag[i])
			}
			out, err := head.Forward(s, heads.Input{Hidden: upload(t, s, packed, len(at), crfDim), Layout: rows, TagMask: maskHost(t, tag, len(at))})
			return map[string]heads.Output{"padded": padded, "packed": out}, err
		})
		padded := integers(t, got["padded"], "predictions", 4, crfCols)
		packed := integers(t, got["packed"], "predictions", got["packed"]["predictions"].Dim(0))
		k := 0
		for i, m := range crfMask {
			if m == 1 {
				require.Equal(t, padded[i], packed[k])
				k++
			}
		}
		require.Equal(t, floats(t, got["padded"], "path_score", 4), floats(t, got["packed"], "path_score", 4))
	})
}

func TestCRFErrors(t *testing.T) {
	b := cpu(t)
	head, _ := crfHead(t, b, heads.Options{CRFConstraints: true})
	s := begin(t, b)
	legal := []int32{0, 1, 2, 2, 0, -100, 1, -100, 2, 0, -100, -100, -100, -100, -100, 0, -100, -100, -100, -100}
	edit := func(at int, y int32) []int32 {
		l := append([]int32{}, legal...)
		l[at] = y
		return l
	}
	for _, c := range []struct {
		labels []int32
		tagged bool
		say    string
	}{
		{legal, false, ""},
		{edit(0, 2), false, "labels of sequence 0, column 0: I-X cannot begin a text"},
		{edit(3, 3), false, "labels of sequence 0, column 3: I-Y cannot follow I-X"},
		{edit(1, 4), false, "labels of sequence 0, column 1: 4 takes part, want 0 to 3"},
		{[]int32{0, 0, 0, 0, 0, 0, 0, 0, 0, -100, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, true, "labels of sequence 1, column 4: -100 takes part, want 0 to 3"},
		{edit(9, -1), false, "labels of sequence 1, column 4: -1 takes part"},
	} {
		_, err := head.Loss(s, crfInput(t, s, c.tagged), maskHost(t, c.labels, 4, crfCols))
		if c.say == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, heads.ErrInputFormat)
		require.ErrorContains(t, err, c.say)
	}
	_, err := head.Loss(s, crfInput(t, s, false), maskHost(t, legal, 20))
	require.ErrorContains(t, err, "labels is I32[20], want [4 5]")
	in := crfInput(t, s, false)
	in.TagMask = maskHost(t, []int32{1, 1}, 2)
	_, err = head.Forward(s, in)
	require.ErrorContains(t, err, "tag_mask is I32[2], want [4 5]")

	plain, _ := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: heads.SequenceLabeling, NumClasses: 2}, crfDim, heads.Options{})
	_, err = plain.(*heads.TokenClassification).Loss(s, crfInput(t, s, false), maskHost(t, legal, 4, crfCols))
	require.ErrorContains(t, err, "was built without use_crf")
	_, _, err = heads.New(t.Context(), b, heads.TaskConfig{Name: "x", TaskType: heads.SequenceLabeling, NumClasses: 2, UseCRF: true}, crfDim, heads.Options{CRFConstraints: true}, 1)
	require.ErrorContains(t, err, `want BIO labels, got ["LABEL_0" "LABEL_1"]`)
	_, _, err = heads.New(t.Context(), b, heads.TaskConfig{Name: "x", TaskType: heads.SequenceLabeling, NumClasses: 1025, UseCRF: true}, crfDim, heads.Options{}, 1)
	require.ErrorContains(t, err, "1025 classes, at most 1024")
}

// example2b: EX2b, the predictions are the Viterbi path, by its score.
func example2b(t *testing.T, b tensor.Backend) results {
	cfg, opt := nerHead(true)
	atSpec(t, 2_959_881+99, cfg, 768, opt)
	head, w := newHead(t, b, cfg, width, opt)
	for _, p := range w.Params {
		if p.Name == "head.crf.transitions" {
			for _, v := range valuesOf(t, w, p) {
				require.True(t, v >= -0.1 && v <= 0.1 && v != 0)
			}
		}
	}
	enc := modernBERT(t, b)
	got := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
		in, _, _ := encode(t, s, enc)
		return head.Forward(s, in)
	})
	require.ElementsMatch(t, []string{"logits", "predictions", "path_score"}, keys(got))
	logits, path, score := floats(t, got, "logits", batch, cols, 9), integers(t, got, "predictions", batch, cols), floats(t, got, "path_score", batch)
	ch := chainByHand(t, w, make([]string, 9), false)
	for i := range batch {
		e, y := make([][]float32, cols), make([]int, cols)
		best := make([]float64, 9)
		for k := range cols {
			e[k], y[k] = logits[(i*cols+k)*9:][:9], int(path[i*cols+k])
			require.True(t, y[k] >= 0 && y[k] < 9)
			next := make([]float64, 9)
			for j := range next {
				next[j] = ch.start[j]
				if k > 0 {
					next[j] = math.Inf(-1)
					for from, v := range best {
						next[j] = math.Max(next[j], v+ch.transitions[from*9+j])
					}
				}
				next[j] += float64(e[k][j])
			}
			best = next
		}
		top := math.Inf(-1)
		for j, v := range best {
			top = math.Max(top, v+ch.end[j])
		}
		closeTo(t, top, score[i], "best score")
		require.InDelta(t, top, ch.score(e, y), 1e-4*math.Max(1, math.Abs(top)), "score of the predictions")
	}
	return results{"": got}
}
