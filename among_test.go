package cephalo_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/tensor"
)

// TestAmong: what an option or an encoder means to one head does not stop the others.
func TestAmong(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		ctx := t.Context()
		m := headed(t, b, heads.TaskConfig{Name: "ner", TaskType: heads.NamedEntityRecognition, Labels: []string{"O", "B-PER"}},
			heads.TaskConfig{Name: "pos", TaskType: heads.PartOfSpeechTagging, Labels: []string{"NOUN", "VERB"}},
			heads.TaskConfig{Name: "phrases", TaskType: heads.KeyPhraseExtraction, Labels: []string{"O", "B", "I"}})
		res, err := m.Predict(ctx, cephalo.Inputs("a good film"), cephalo.PredictOptions{Tag: cephalo.TagOptions{IgnoreLabels: []string{"PER", "VERB", "O"}}})
		require.NoError(t, err)
		require.Len(t, res[0], 3)
		for _, name := range []string{"ner", "pos"} {
			for _, e := range res[0][name].([]cephalo.Entity) {
				require.Equal(t, "NOUN", e.Label)
			}
		}
		_, err = m.Predict(ctx, cephalo.Inputs("a good film"), cephalo.PredictOptions{Tag: cephalo.TagOptions{IgnoreLabels: []string{"PER", "ORG"}}})
		require.ErrorContains(t, err, `label to ignore "ORG" is unknown: the results are labelled O, PER, NOUN, VERB`)
		res, err = m.Predict(ctx, cephalo.Inputs("a good film"), cephalo.PredictOptions{Tag: cephalo.TagOptions{Aggregation: "none", IgnoreLabels: []string{}}})
		require.NoError(t, err)
		require.Len(t, res[0]["ner"].([]cephalo.Entity), 3)
		require.IsType(t, []cephalo.KeyPhrase{}, res[0]["phrases"])

		causal := open(t, b, testutil.CausalWithTokenizer(t))
		writer := heads.Task{Config: heads.TaskConfig{Name: "w", TaskType: heads.DialogueGeneration}, Options: heads.Options{UseTaskAttention: true}}
		other := heads.Task{Config: heads.TaskConfig{Name: "x", TaskType: heads.DialogueGeneration, VocabularySize: 99}}
		qa := heads.Task{Config: heads.TaskConfig{Name: "qa", TaskType: heads.QuestionAnsweringTask}}
		topic := everyHead()[0]
		require.NoError(t, causal.NewHeads(ctx, []heads.Task{writer, other, topic, qa}, false, 1))
		res, err = causal.Predict(ctx, cephalo.Inputs("film"), cephalo.PredictOptions{})
		require.NoError(t, err)
		require.Len(t, res[0], 1)
		require.Contains(t, res[0], "topic")
		for name, want := range map[string]string{"w": "task attention", "x": "vocabulary_size 99"} {
			_, err = causal.Predict(ctx, cephalo.Inputs("film"), cephalo.PredictOptions{Tasks: []string{name}})
			require.ErrorContains(t, err, want)
		}
		answers, err := causal.Answer(ctx, []cephalo.Question{{Question: "q", Context: "a b c"}}, cephalo.AnswerOptions{NoAnswer: true, TopK: 3})
		require.NoError(t, err)
		require.NotEmpty(t, answers[0][0].Answer, "no [CLS], so no answer is impossible")
		require.Positive(t, answers[0][0].Score)
	})
}

// TestWritersStream: each continuation comes when it is made, and Close waits for all.
func TestWritersStream(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := open(t, b, testutil.CausalWithTokenizer(t))
		pulled, n := 0, 0
		closed := make(chan error, 1)
		o := cephalo.PredictOptions{Generate: cephalo.GenerateOptions{MaxNewTokens: 2}}
		for _, err := range m.PredictSeq(t.Context(), func(yield func(cephalo.Input) bool) {
			for range 6 {
				if pulled++; !yield(cephalo.Inputs("ab")[0]) {
					return
				}
			}
		}, o) {
			require.NoError(t, err)
			if n++; n == 2 {
				go func() { closed <- m.Close() }()
			}
			require.Equal(t, n, pulled, "nothing waits for a batch")
		}
		require.Equal(t, 6, n)
		require.NoError(t, <-closed)
		_, err := m.Generate(t.Context(), []string{"a"}, o.Generate)
		require.ErrorIs(t, err, cephalo.ErrClosed)
	})
}

// TestMasksOfPairs: a further window repeats the other text, and with it masks that
// are read.
func TestMasksOfPairs(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := headed(t, b, heads.TaskConfig{Name: "words", TaskType: heads.MaskedLanguageModeling}, heads.TaskConfig{Name: "value", TaskType: heads.QualityScoring})
		pair := strings.Repeat("b ", 10)
		run := func(text string, pair string) ([][][]cephalo.Fill, error) {
			var out [][][]cephalo.Fill
			for r, err := range m.FillMaskSeq(t.Context(), func(yield func(cephalo.Text) bool) { yield(cephalo.Text{Text: text, Pair: &pair}) }, cephalo.FillMaskOptions{Length: cephalo.Length{MaxLength: 9}}) {
				if err != nil {
					return nil, err
				}
				out = append(out, r)
			}
			return out, nil
		}
		got, err := run("a [MASK]", pair)
		require.NoError(t, err)
		require.Len(t, got[0], 1)
		_, err = run("a [MASK]", pair+"[MASK]")
		require.ErrorContains(t, err, "lies outside the 9 tokens")
	})
}
