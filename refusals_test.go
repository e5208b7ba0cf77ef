package cephalo_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/heads"
)

// TestRefusals: an option that says nothing, or nothing possible, is an error.
func TestRefusals(t *testing.T) {
	b, err := cephalo.OpenBackend(t.Context(), cephalo.BackendOptions{Name: cephalo.BackendCPU})
	require.NoError(t, err)
	defer b.Close()
	ctx := t.Context()
	m := sentiment(t, b)
	text := []string{"a film"}
	pair := "a bore"
	pairs := []cephalo.Text{{Text: "a film", Pair: &pair}}
	query := []cephalo.Query{{Query: "a film", Texts: text}}
	head := func(cfg heads.TaskConfig) {
		t.Helper()
		require.NoError(t, m.NewHead(ctx, cfg, heads.Options{}, 1))
	}

	_, err = m.Classify(ctx, pairs, cephalo.ClassifyOptions{TopK: -1})
	require.ErrorContains(t, err, "top-k -1")
	_, err = m.Classify(ctx, pairs, cephalo.ClassifyOptions{Threshold: math.NaN()})
	require.ErrorContains(t, err, "threshold NaN")
	_, err = m.Classify(ctx, pairs, cephalo.ClassifyOptions{}, cephalo.ClassifyOptions{})
	require.ErrorContains(t, err, "2 values of options")
	_, err = m.Rank(ctx, query, cephalo.RankOptions{TopK: -1})
	require.ErrorContains(t, err, "top-k is -1")
	_, err = m.Search(ctx, "a", text, -1, cephalo.EmbedOptions{})
	require.ErrorContains(t, err, "top-k is -1")
	_, err = cephalo.Open(ctx, "anywhere", cephalo.WithBatch(-1, 5))
	require.Error(t, err)

	head(heads.TaskConfig{Name: "sim", TaskType: heads.TextSimilarityTask})
	yes := true
	for _, o := range []cephalo.EmbedOptions{{Pooling: "cls"}, {Normalize: &yes}, {Dimensions: 3}, {Prompt: "query: "}} {
		const want = `the head "sim" compares texts its own way`
		_, err = m.Similar(ctx, pairs, o)
		require.ErrorContains(t, err, want)
		_, err = m.Search(ctx, "a", text, 0, o)
		require.ErrorContains(t, err, want)
	}

	head(heads.TaskConfig{Name: "nli", TaskType: heads.NaturalLanguageInference, Labels: []string{"entailment", "contradiction"}})
	for want, labels := range map[string][]string{`the candidate label "x" comes twice`: {"x", "y", "x"}, "candidate label 1 is blank": {"x", " "}} {
		_, err = m.ZeroShot(ctx, text, cephalo.ZeroShotOptions{Labels: labels})
		require.ErrorContains(t, err, want)
	}

	head(heads.TaskConfig{Name: "ner", TaskType: heads.NamedEntityRecognition, Labels: []string{"O", "B-PER", "I-PER"}})
	_, err = m.Tag(ctx, text, cephalo.TagOptions{IgnoreLabels: []string{"PER", "LOC"}})
	require.ErrorContains(t, err, `label to ignore "LOC" is unknown: the results are labelled O, PER`)
	_, err = m.Tag(ctx, text, cephalo.TagOptions{IgnoreLabels: []string{"B-PER"}})
	require.ErrorContains(t, err, `label to ignore "B-PER" is unknown`)
	_, err = m.Tag(ctx, text, cephalo.TagOptions{IgnoreLabels: []string{"PER", "O"}})
	require.NoError(t, err)
	_, err = m.Tag(ctx, text, cephalo.TagOptions{IgnoreLabels: []string{"B-PER", "O"}, Aggregation: "none"})
	require.NoError(t, err)
	_, err = m.Tag(ctx, text, cephalo.TagOptions{Length: cephalo.Length{Overlap: 200}})
	require.ErrorContains(t, err, "overlap 200 leaves no progress in windows of 128 tokens")
	_, err = m.Tag(ctx, text, cephalo.TagOptions{Length: cephalo.Length{MaxLength: 20, Overlap: 20}})
	require.ErrorContains(t, err, "overlap 20 leaves no progress in windows of 20 tokens")

	head(heads.TaskConfig{Name: "events", TaskType: heads.EventExtraction, Labels: []string{"O", "B-Hit", "B-Hit.By"}})
	_, err = m.Events(ctx, text, cephalo.TagOptions{Aggregation: "none"})
	require.ErrorContains(t, err, "aggregation none gives tokens")

	head(heads.TaskConfig{Name: "value", TaskType: heads.QualityScoring})
	for r, err := range m.ClassifySeq(ctx, func(yield func(cephalo.Text) bool) { yield(pairs[0]) }, cephalo.ClassifyOptions{Activation: cephalo.ActivationNone}) {
		require.NoError(t, err)
		require.Len(t, r.Values, 1, "a value is a value")
		require.Nil(t, r.Scores)
	}
}
