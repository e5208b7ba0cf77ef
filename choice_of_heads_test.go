package cephalo_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
)

// headed is the embedded encoder with fresh heads.
func headed(t *testing.T, b tensor.Backend, all ...heads.TaskConfig) *cephalo.Model {
	t.Helper()
	m := sentiment(t, b)
	tasks := make([]heads.Task, len(all))
	for i, cfg := range all {
		tasks[i].Config = cfg
	}
	require.NoError(t, m.NewHeads(t.Context(), tasks, false, 5))
	return m
}

// TestChoiceOfHeads: of several heads a pipeline runs the one that serves, and
// refuses where several do.
func TestChoiceOfHeads(t *testing.T) {
	sim := heads.TaskConfig{Name: "sim", TaskType: heads.TextSimilarityTask}
	para := heads.TaskConfig{Name: "para", TaskType: heads.ParaphraseDetection}
	topic := heads.TaskConfig{Name: "topic", TaskType: heads.TopicClassification, Labels: []string{"x", "y", "z"}}
	mood := heads.TaskConfig{Name: "mood", TaskType: heads.SentimentAnalysis, Labels: []string{"bad", "good"}}
	nli := heads.TaskConfig{Name: "nli", TaskType: heads.NaturalLanguageInference, Labels: []string{"entailment", "neutral", "contradiction"}}
	quality := heads.TaskConfig{Name: "quality", TaskType: heads.QualityScoring}
	rank := heads.TaskConfig{Name: "rank", TaskType: heads.Ranking}
	rank2 := heads.TaskConfig{Name: "rank2", TaskType: heads.Ranking}
	ner := heads.TaskConfig{Name: "ner", TaskType: heads.NamedEntityRecognition, Labels: bio}

	const query = "a good film"
	texts := []string{"a dull film", "good", "long and dull"}
	pairs := make([]cephalo.Text, len(texts))
	for i := range texts {
		pairs[i] = cephalo.Text{Text: query, Pair: &texts[i]}
	}
	queries := []cephalo.Query{{Query: query, Texts: texts}}
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		ctx := t.Context()
		t.Run("similar", func(t *testing.T) {
			bare, err := headed(t, b, ner, topic).Similar(ctx, pairs, cephalo.EmbedOptions{})
			require.NoError(t, err, "no head for it: the encoder's vectors")
			m := headed(t, b, sim, ner)
			scores, err := m.Similar(ctx, pairs, cephalo.EmbedOptions{})
			require.NoError(t, err)
			require.NotEqual(t, bare, scores, "the head's")
			hits, err := m.Search(ctx, query, texts, 0, cephalo.EmbedOptions{})
			require.NoError(t, err)
			ranked, err := m.Rank(ctx, queries, cephalo.RankOptions{})
			require.NoError(t, err)
			for i := range texts {
				require.InDelta(t, scores[hits[i].Index], hits[i].Score, 1e-5)
				require.InDelta(t, scores[ranked[0][i].Index], ranked[0][i].Score, 1e-5)
			}
			m = headed(t, b, sim, para, ner)
			const want = "sim and para are all heads for that"
			_, err = m.Similar(ctx, pairs, cephalo.EmbedOptions{})
			require.ErrorContains(t, err, want)
			_, err = m.Search(ctx, query, texts, 0, cephalo.EmbedOptions{})
			require.ErrorContains(t, err, want)
			_, err = m.Rank(ctx, queries, cephalo.RankOptions{})
			require.ErrorContains(t, err, want)
		})
		t.Run("rank", func(t *testing.T) {
			for name, c := range map[string]struct {
				heads []heads.TaskConfig
				head  string // whose scores they are
			}{
				"ranking first":         {[]heads.TaskConfig{topic, mood, quality, rank, sim}, "rank"},
				"two classes among":     {[]heads.TaskConfig{topic, nli, mood, ner}, "mood"},
				"similarity before two": {[]heads.TaskConfig{mood, sim}, "sim"},
			} {
				t.Run(name, func(t *testing.T) {
					m := headed(t, b, c.heads...)
					got, err := m.Rank(ctx, queries, cephalo.RankOptions{})
					require.NoError(t, err)
					for _, h := range got[0] {
						res, err := m.Predict(ctx, []cephalo.Input{{Text: &pairs[h.Index], Query: &cephalo.Query{Query: query, Texts: texts[h.Index : h.Index+1]}}},
							cephalo.PredictOptions{Tasks: []string{c.head}, Classify: cephalo.ClassifyOptions{TopK: 2}})
						require.NoError(t, err)
						var want float64
						switch r := res[0][c.head].(type) {
						case float64:
							want = r
						case []cephalo.Hit:
							want = r[0].Score
						case cephalo.Classification:
							for _, s := range r.Scores {
								if s.Label == "good" {
									want = s.Score
								}
							}
						}
						require.InDelta(t, want, h.Score, 1e-5)
					}
				})
			}
			for want, all := range map[string][]heads.TaskConfig{
				"rank and rank2 are all":                                 {rank, rank2, sim},
				"mood and quality are all":                               {mood, quality, topic},
				"one logit or two classes, topic has 3":                  {ner, topic, nli},
				"ner is a TokenClassification head, want a Ranking head": {ner},
			} {
				_, err := headed(t, b, all...).Rank(ctx, queries, cephalo.RankOptions{})
				require.ErrorContains(t, err, want)
			}
		})
		t.Run("zero-shot", func(t *testing.T) {
			o := cephalo.ZeroShotOptions{Labels: []string{"film", "food"}}
			want, err := headed(t, b, nli, ner).ZeroShot(ctx, texts, o)
			require.NoError(t, err)
			got, err := headed(t, b, nli, topic, quality, mood, ner).ZeroShot(ctx, texts, o)
			require.NoError(t, err)
			require.Len(t, got, len(want))
			nli2 := nli
			nli2.Name = "nli2"
			for want, all := range map[string][]heads.TaskConfig{
				"nli and nli2 are all":                 {nli, nli2, mood},
				"none of 2 classifiers has a label":    {topic, mood, ner},
				"none of the labels bad, good begins":  {mood, ner},
				"want a TextClassification head":       {ner},
				"ner is a TokenClassification head":    {ner, rank, sim, para, rank2},
				"2 more are others, want a TextClassi": {ner, rank, sim, para, rank2},
			} {
				_, err := headed(t, b, all...).ZeroShot(ctx, texts, o)
				require.ErrorContains(t, err, want)
			}
		})
	})
}

// TestOnePiece: options of windows are refused where a text is read in one piece.
func TestOnePiece(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := sentiment(t, b)
		require.NoError(t, m.NewHeads(t.Context(), everyHead(), false, 5))
		for _, name := range m.Tasks() {
			for want, l := range map[string]cephalo.Length{"in one piece: want truncate or error": {OnLong: cephalo.LongWindow}, "overlap is 3": {Overlap: 3}} {
				_, err := m.Predict(t.Context(), []cephalo.Input{everything()}, cephalo.PredictOptions{Tasks: []string{name}, Length: l})
				if name == "ner" || name == "qa" || name == "events" {
					require.NoError(t, err, name)
					continue
				}
				require.ErrorContains(t, err, want, name)
			}
			for want, l := range map[string]cephalo.Length{`on-long is "split"`: {OnLong: "split"}, "max length -1": {MaxLength: -1}, "overlap -1": {Overlap: -1}, `truncation side is "up"`: {TruncationSide: "up"},
				`truncation strategy is "zz"`: {TruncationStrategy: "zz"}, "overlap is 9, but on-long is truncate": {OnLong: cephalo.LongTruncate, Overlap: 9}} {
				_, err := m.Predict(t.Context(), []cephalo.Input{everything()}, cephalo.PredictOptions{Tasks: []string{name}, Length: l})
				require.ErrorContains(t, err, want, name)
			}
		}
		_, err := sentiment(t, b).Embed(t.Context(), []string{"a"}, cephalo.EmbedOptions{Length: cephalo.Length{OnLong: cephalo.LongWindow}})
		require.ErrorContains(t, err, "in one piece")
	})
}
