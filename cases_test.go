package cephalo_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/gpu"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/kernels"
	"github.com/cephalo-ml/cephalo/tensor"
	"github.com/cephalo-ml/cephalo/tokenizers"
)

// onBackends runs a test on the CPU and, where there is an adapter, on WebGPU.
func onBackends(t *testing.T, fn func(t *testing.T, backend tensor.Backend)) {
	t.Helper()
	t.Run("cpu", func(t *testing.T) {
		b, err := cephalo.OpenBackend(t.Context(), cephalo.BackendOptions{Name: cephalo.BackendCPU})
		require.NoError(t, err)
		defer b.Close()
		fn(t, b)
	})
	t.Run("webgpu", func(t *testing.T) {
		b, err := kernels.New(t.Context(), gpu.Options{AllowSoftware: true})
		if err != nil {
			testutil.NoDevice(t, err)
		}
		defer b.Close()
		fn(t, b)
	})
}

func open(t *testing.T, b tensor.Backend, dir string, opts ...cephalo.Option) *cephalo.Model {
	t.Helper()
	m, err := cephalo.Open(t.Context(), dir, append(opts, cephalo.WithSharedBackend(b))...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// charSpan is an entity's place in code points.
func charSpan(text string, e cephalo.Entity) [2]int {
	s := tokenizers.CodePoints(text, []tokenizers.Span{{Start: e.Start, End: e.End}})[0]
	return [2]int{s.Start, s.End}
}

type found struct {
	label string
	score float64
	span  [2]int
}

func tagged(t *testing.T, m *cephalo.Model, text, how string) []found {
	t.Helper()
	got, err := m.Tag(t.Context(), []string{text}, cephalo.TagOptions{Aggregation: how})
	require.NoError(t, err)
	var out []found
	for _, e := range got[0] {
		require.Equal(t, e.Word, text[e.Start:e.End])
		out = append(out, found{e.Label, e.Score, charSpan(text, e)})
	}
	return out
}

func requireFound(t *testing.T, want, got []found) {
	t.Helper()
	require.Len(t, got, len(want), "%v", got)
	for i := range want {
		require.Equal(t, want[i].label, got[i].label)
		require.Equal(t, want[i].span, got[i].span)
		require.InDelta(t, want[i].score, got[i].score, 1e-5)
	}
}

var bio = []string{"O", "B-PER", "I-PER", "B-LOC", "I-LOC"}

var outside = logs(.96, .01, .01, .01, .01)

// TestCase10 tells the aggregation strategies apart.
func TestCase10(t *testing.T) {
	dir := definite{class: "BertForTokenClassification", words: []string{"nad", "##ira", "holm"}, labels: bio, weight: "classifier", logits: map[string][]float64{
		"nad": logs(.05, .60, .10, .20, .05), "##ira": logs(.02, .10, .08, .75, .05), "holm": logs(.05, .05, .85, .03, .02),
	}}.write(t)
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := open(t, b, dir)
		for how, want := range map[string][]found{
			"none":    {{"B-PER", .60, [2]int{0, 3}}, {"B-LOC", .75, [2]int{3, 6}}, {"I-PER", .85, [2]int{7, 11}}},
			"simple":  {{"PER", .60, [2]int{0, 3}}, {"LOC", .75, [2]int{3, 6}}, {"PER", .85, [2]int{7, 11}}},
			"first":   {{"PER", .725, [2]int{0, 11}}},
			"average": {{"LOC", .475, [2]int{0, 6}}, {"PER", .85, [2]int{7, 11}}},
			"max":     {{"LOC", .75, [2]int{0, 6}}, {"PER", .85, [2]int{7, 11}}},
		} {
			t.Run(how, func(t *testing.T) { requireFound(t, want, tagged(t, m, "Nadira Holm", how)) })
		}
	})
}

// TestCase11 keeps two neighbours of one type apart.
func TestCase11(t *testing.T) {
	dir := definite{class: "BertForTokenClassification", words: []string{"istanbul", "los", "angeles"}, labels: bio, weight: "classifier", logits: map[string][]float64{
		"istanbul": logs(.02, .02, .02, .90, .04), "los": logs(.02, .02, .02, .90, .04), "angeles": logs(.02, .02, .02, .04, .90),
	}}.write(t)
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		requireFound(t, []found{{"LOC", .9, [2]int{0, 8}}, {"LOC", .9, [2]int{9, 20}}}, tagged(t, open(t, b, dir), "Istanbul Los Angeles", "simple"))
	})
}

// TestCase12 points into the original text, whatever it holds.
func TestCase12(t *testing.T) {
	dir := definite{class: "BertForTokenClassification", words: []string{"cafe", "zurich"}, labels: bio, weight: "classifier", logits: map[string][]float64{
		"cafe": outside, "[UNK]": outside, "zurich": logs(.02, .02, .02, .90, .04),
	}}.write(t)
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		const text = "café 👋🏽 Zürich"
		got, err := open(t, b, dir).Tag(t.Context(), []string{text})
		require.NoError(t, err)
		require.Len(t, got[0], 1)
		e := got[0][0]
		require.Equal(t, "Zürich", e.Word)
		require.Equal(t, [2]int{15, 22}, [2]int{e.Start, e.End})
		require.Equal(t, [2]int{8, 14}, charSpan(text, e))
		u := tokenizers.UTF16(text, []tokenizers.Span{{Start: e.Start, End: e.End}})[0]
		require.Equal(t, tokenizers.Span{Start: 10, End: 16}, u)
	})
}

// TestCase13 tags a text to its end, in windows.
func TestCase13(t *testing.T) {
	dir := definite{class: "BertForTokenClassification", words: []string{"the", "paris"}, labels: bio, weight: "classifier", logits: map[string][]float64{
		"the": outside, "[CLS]": outside, "[SEP]": outside, "paris": logs(.02, .02, .02, .90, .04),
	}}.write(t)
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		text := strings.Repeat("the ", 600) + "Paris"
		requireFound(t, []found{{"LOC", .9, [2]int{2400, 2405}}}, tagged(t, open(t, b, dir), text, "simple"))
	})
}

// TestCase1Tag: what cleans away to nothing has no entities.
func TestCase1Tag(t *testing.T) {
	dir := definite{class: "BertForTokenClassification", words: []string{"a"}, labels: bio, weight: "classifier", logits: map[string][]float64{"[CLS]": logs(.02, .9, .02, .02, .04)}}.write(t)
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := open(t, b, dir)
		for _, how := range []string{"none", "simple", "first", "average", "max"} {
			for _, text := range []string{"\r\n", "\x11\x11", ""} {
				got, err := m.Tag(t.Context(), []string{text}, cephalo.TagOptions{Aggregation: how})
				require.NoError(t, err)
				require.Equal(t, [][]cephalo.Entity{{}}, got)
			}
		}
	})
}

// qa is a folder with logits per token: [start, end].
func qa(t *testing.T, words []string, logits map[string][]float64) string {
	return definite{class: "BertForQuestionAnswering", words: words, weight: "qa_outputs", logits: logits}.write(t)
}

// TestCase14And15: an answer is a slice of the context, and the empty answer
// competes where it is asked for.
func TestCase14And15(t *testing.T) {
	words := []string{"q", "c0", "c1", "c2"}
	first := qa(t, words, map[string][]float64{"[CLS]": {4, 5}, "q": {0, 0}, "[SEP]": {1, -1}, "c0": {3, 0}, "c1": {-1, 4}, "c2": {2, 1}})
	second := qa(t, words, map[string][]float64{"[CLS]": {-1, -2}, "q": {0, 0}, "[SEP]": {1, -1}, "c0": {3, 0}, "c1": {-1, 4}, "c2": {2, 1}})
	q := cephalo.Question{Question: "q", Context: "c0 c1 c2"}
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for _, c := range []struct {
			dir, answer string
			score       float64
			noAnswer    bool
		}{{first, "c0 c1", 0.064345, false}, {first, "", 0.475452, true}, {second, "c0 c1", 0.665051, true}} {
			m := open(t, b, c.dir)
			alone, err := m.Answer(t.Context(), []cephalo.Question{q}, cephalo.AnswerOptions{NoAnswer: c.noAnswer})
			require.NoError(t, err)
			require.Equal(t, c.answer, alone[0][0].Answer)
			require.InDelta(t, c.score, alone[0][0].Score, 1e-5)
			longer := cephalo.Question{Question: "q q q", Context: strings.Repeat("c2 c0 ", 40)}
			batch, err := m.Answer(t.Context(), []cephalo.Question{longer, q}, cephalo.AnswerOptions{NoAnswer: c.noAnswer})
			require.NoError(t, err)
			require.Equal(t, c.answer, batch[1][0].Answer)
			require.InDelta(t, c.score, batch[1][0].Score, 1e-5)
		}
	})
}

// TestAnswerTooSmall: there is an answer however small its probability, the best one.
func TestAnswerTooSmall(t *testing.T) {
	dir := qa(t, []string{"q", "c0", "c1", "c2"}, map[string][]float64{"[CLS]": {900, 900}, "q": {0, 0}, "[SEP]": {0, 0}, "c0": {-3, -3}, "c1": {2, 1}, "c2": {-1, 5}})
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := open(t, b, dir)
		got, err := m.Answer(t.Context(), []cephalo.Question{{Question: "q", Context: "c0 c1 c2"}}, cephalo.AnswerOptions{TopK: 2})
		require.NoError(t, err)
		require.Len(t, got[0], 2)
		require.Equal(t, "c1 c2", got[0][0].Answer)
		require.Zero(t, got[0][0].Score)
		got, err = m.Answer(t.Context(), []cephalo.Question{{Question: "q", Context: "c0 c1 c2"}}, cephalo.AnswerOptions{NoAnswer: true})
		require.NoError(t, err)
		require.Empty(t, got[0][0].Answer)
		require.InDelta(t, 1, got[0][0].Score, 1e-6)
	})
}

// TestCase16 counts the whitespace of the original context and refuses a blank one.
func TestCase16(t *testing.T) {
	dir := qa(t, []string{"where", "our", "office", "is", "downtown", "and", "we", "meet", "in", "berlin"}, map[string][]float64{"berlin": {9, 9}})
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := open(t, b, dir)
		text := "Our office is downtown " + strings.Repeat("\n", 8) + " and we meet in Berlin"
		got, err := m.Answer(t.Context(), []cephalo.Question{{Question: "where", Context: text}})
		require.NoError(t, err)
		require.Equal(t, "Berlin", got[0][0].Answer)
		require.Equal(t, [2]int{47, 53}, [2]int{got[0][0].Start, got[0][0].End})
		for _, blank := range []string{"", " \n"} {
			_, err := m.Answer(t.Context(), []cephalo.Question{{Question: "where", Context: blank}})
			require.ErrorContains(t, err, "context is empty")
		}
	})
}

// TestCase7: the function on the logits follows the config.
func TestCase7(t *testing.T) {
	folder := func(labels []string, z []float64, more map[string]any) string {
		return definite{class: "BertForSequenceClassification", words: []string{"a"}, labels: labels, weight: "classifier", logits: map[string][]float64{"[CLS]": z}, config: more}.write(t)
	}
	three := []string{"x", "y", "z"}
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for _, c := range []struct {
			dir  string
			raw  float64 // largest logit
			want map[string]float64
		}{
			{folder([]string{"x"}, []float64{8.14593}, nil), 8.14593, map[string]float64{"x": 0.999710}},
			{folder([]string{"x"}, []float64{-4.8}, nil), -4.8, map[string]float64{"x": 0.008163}},
			{folder(three, []float64{2, -1, .5}, map[string]any{"problem_type": "multi_label_classification"}), 2, map[string]float64{"x": 0.880797, "y": 0.268941, "z": 0.622459}},
			{folder(three, []float64{2, -1, .5}, nil), 2, map[string]float64{"x": 0.785597, "y": 0.039113, "z": 0.175290}},
		} {
			m := open(t, b, c.dir)
			got, err := m.Classify(t.Context(), []cephalo.Text{{Text: "a"}}, cephalo.ClassifyOptions{TopK: 3})
			require.NoError(t, err)
			require.Len(t, got[0], len(c.want))
			for _, s := range got[0] {
				require.InDelta(t, c.want[s.Label], s.Score, 1e-5, s.Label)
			}
			raw, err := m.Classify(t.Context(), []cephalo.Text{{Text: "a"}}, cephalo.ClassifyOptions{TopK: 1, Activation: cephalo.ActivationNone})
			require.NoError(t, err)
			require.InDelta(t, c.raw, raw[0][0].Score, 1e-5)
		}
	})
}

// TestCase8: a pair is encoded as a pair; two strings are two inputs.
func TestCase8(t *testing.T) {
	tok, err := tokenizers.Load(testutil.Shared(t, "data", "tokenizers", "bert-base-uncased"))
	require.NoError(t, err)
	e, err := tok.EncodePair("The new rights are nice enough", "Everyone really likes the newest benefits ", tokenizers.Options{})
	require.NoError(t, err)
	require.Equal(t, []int32{101, 1996, 2047, 2916, 2024, 3835, 2438, 102, 3071, 2428, 7777, 1996, 14751, 6666, 102}, e.IDs)
	require.Equal(t, []int32{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1}, e.TypeIDs)
	b, err := cephalo.OpenBackend(t.Context(), cephalo.BackendOptions{Name: cephalo.BackendCPU})
	require.NoError(t, err)
	defer b.Close()
	dir := definite{class: "BertForSequenceClassification", words: []string{"a", "b"}, labels: []string{"x", "y"}, weight: "classifier", logits: map[string][]float64{"[CLS]": {1, 0}}}.write(t)
	got, err := open(t, b, dir).Classify(t.Context(), []cephalo.Text{{Text: "a"}, {Text: "b"}})
	require.NoError(t, err)
	require.Len(t, got, 2)
}
