package heads_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/heads"
)

func TestTasks(t *testing.T) {
	require.Len(t, heads.Tasks(), 37)
	require.Len(t, heads.Groups(), 8)
	seen := map[heads.TaskType]bool{}
	for _, g := range heads.Groups() {
		for _, task := range heads.TasksOf(g) {
			require.False(t, seen[task])
			seen[task] = true
			require.Equal(t, g, task.Group())
			got, err := heads.ParseTask("  " + strings.ToUpper(string(task)) + "\n")
			require.NoError(t, err)
			require.Equal(t, task, got)
			_, err = heads.OutputSpec(task)
			require.NoError(t, err)
			_, err = heads.InputRequirements(task)
			require.NoError(t, err)
			cfg, opt, err := heads.DefaultHeadConfig(task)
			require.NoError(t, err)
			cfg.Name, cfg.NumClasses, cfg.VocabularySize = "x", 3, 11
			_, w := newHead(t, cpu(t), cfg, 16, opt)
			require.NotZero(t, w.Count())
		}
	}
	require.Len(t, seen, 37)
	require.Len(t, heads.ServedTasks(), 37)
	for _, err := range []error{
		second(heads.ParseTask("classify")), second(heads.OutputSpec("classify")), second(heads.InputRequirements("classify")),
	} {
		require.ErrorContains(t, err, `"classify" is unknown, want one of coreference_resolution, dependency_parsing`)
	}
	_, _, err := heads.New(t.Context(), cpu(t), heads.TaskConfig{Name: "x", TaskType: "classify"}, 8, heads.Options{}, 1)
	require.ErrorContains(t, err, `"classify" is unknown`)
}

func second[T any](_ T, err error) error { return err }

func TestTaskTables(t *testing.T) {
	require.Equal(t, []heads.TaskType{heads.PartOfSpeechTagging, heads.DependencyParsing, heads.RelationExtraction, heads.EventExtraction, heads.CoreferenceResolution}, heads.CompatibleTasks(heads.NamedEntityRecognition))
	require.Empty(t, heads.CompatibleTasks(heads.Ranking))
	r, err := heads.InputRequirements(heads.QuestionAnsweringTask)
	require.NoError(t, err)
	require.Equal(t, heads.Requirement{Sequences: heads.SequencePair, MaxLength: 512}, r)
	r, err = heads.InputRequirements(heads.TextGenerationTask)
	require.NoError(t, err)
	require.Equal(t, heads.Requirement{Sequences: heads.SingleSequence, MaxLength: 1024, Autoregressive: true}, r)
	r, err = heads.InputRequirements(heads.MultipleChoiceTask)
	require.NoError(t, err)
	require.Equal(t, heads.Requirement{Sequences: heads.MultipleSequences, MaxLength: 512}, r)
	names := func(task heads.TaskType) (out []string) {
		spec, err := heads.OutputSpec(task)
		require.NoError(t, err)
		for _, f := range spec {
			out = append(out, f.Name)
		}
		return out
	}
	require.Equal(t, []string{"logits", "probabilities"}, names(heads.SentimentAnalysis))
	require.Equal(t, []string{"logits", "value"}, names(heads.ReadabilityScoring))
	require.Equal(t, []string{"start_logits", "end_logits"}, names(heads.SpanExtraction))
	_, opt, err := heads.DefaultHeadConfig(heads.TextSimilarityTask)
	require.NoError(t, err)
	require.Equal(t, "mean", opt.Pooling)
	require.Equal(t, "cosine", opt.SimilarityFunction)
	cfg, opt, err := heads.DefaultHeadConfig(heads.TextGenerationTask)
	require.NoError(t, err)
	require.Equal(t, 32000, cfg.VocabularySize)
	require.Equal(t, "swiglu", opt.FFN)
	_, opt, err = heads.DefaultHeadConfig(heads.QuestionAnsweringTask)
	require.NoError(t, err)
	require.True(t, opt.UseTaskAttention)
}

func TestTaskSet(t *testing.T) {
	for _, c := range []struct {
		tasks    []heads.TaskType
		validate bool
		say      string
	}{
		{nil, true, "no tasks"},
		{[]heads.TaskType{heads.SentimentAnalysis, "Sentiment_Analysis"}, false, "sentiment_analysis comes twice"},
		{[]heads.TaskType{"chess"}, true, `"chess" is unknown`},
		{[]heads.TaskType{heads.TokenClassificationTask, heads.TextGenerationTask}, true, "exclude each other"},
		{[]heads.TaskType{heads.TextGenerationTask, heads.DependencyParsing}, true, "exclude each other"},
		{[]heads.TaskType{heads.TextGenerationTask, heads.DependencyParsing}, false, ""},
	} {
		_, err := heads.NLPTaskConfiguration(c.tasks, c.validate)
		if c.say == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, c.say)
		}
	}
	require.Len(t, heads.Presets(), 11)
	for _, name := range heads.Presets() {
		s, err := heads.Preset(name)
		require.NoError(t, err)
		raw, err := json.Marshal(s)
		require.NoError(t, err)
		var back heads.TaskSet
		require.NoError(t, json.Unmarshal(raw, &back))
		require.ElementsMatch(t, s.Tasks(), back.Tasks())
	}
	_, err := heads.Preset("all")
	require.ErrorContains(t, err, "want one of text_classification_only")
	s, err := heads.NLPTaskConfiguration([]heads.TaskType{heads.TextSummarization, heads.NamedEntityRecognition}, true)
	require.NoError(t, err)
	require.True(t, s.RequiresTokenLevel() && s.RequiresGeneration() && !s.RequiresPair())
	require.Equal(t, 2048, s.MaxLength())
	raw, err := json.Marshal(s)
	require.NoError(t, err)
	require.JSONEq(t, `["named_entity_recognition","text_summarization"]`, string(raw))
	s, err = heads.Preset("generation_only")
	require.NoError(t, err)
	require.Equal(t, 1024, s.MaxLength())
	s, err = heads.Preset("similarity_suite")
	require.NoError(t, err)
	require.True(t, s.RequiresPair())
	require.Equal(t, 512, s.MaxLength())
}
