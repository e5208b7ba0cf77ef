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
			small := of("x", task)
			cfg.Name, cfg.NumClasses, cfg.VocabularySize = small.Name, small.NumClasses, small.VocabularySize
			_, w := newHead(t, cpu(t), cfg, 16, opt)
			require.NotZero(t, w.Count())
		}
	}
	require.Len(t, seen, 37)
	require.Len(t, heads.ServedTasks(), 37)
	for _, err := range []error{
		second(heads.ParseTask("classify")), second(heads.OutputSpec("classify")), second(heads.InputRequirements("classify")),
	} {
		for task := range seen {
			require.ErrorContains(t, err, string(task))
		}
		require.ErrorContains(t, err, `"classify" is unknown, want one of coreference_resolution, dependency_parsing, dialogue_generation`)
	}
	_, _, err := heads.New(t.Context(), cpu(t), heads.TaskConfig{Name: "x", TaskType: "classify"}, 8, heads.Options{}, 1)
	require.ErrorContains(t, err, `"classify" is unknown`)
}

func second[T any](_ T, err error) error { return err }

// taskTable is the spec's table of section 1: group, task, head.
const taskTable = `
Token-Level: token_classification=TokenClassification named_entity_recognition=TokenClassification part_of_speech_tagging=TokenClassification dependency_parsing=DependencyParsing semantic_role_labeling=PredicateTagging word_sense_disambiguation=TargetClassification
Sequence-Level: text_classification=TextClassification sentiment_analysis=TextClassification emotion_detection=TextClassification intent_classification=TextClassification topic_classification=TextClassification spam_detection=TextClassification
Span-Level: question_answering=QuestionAnswering span_extraction=QuestionAnswering coreference_resolution=CoreferenceResolution event_extraction=TokenClassification relation_extraction=RelationExtraction
Sentence-Pair: text_similarity=TextSimilarity natural_language_inference=TextClassification paraphrase_detection=TextSimilarity duplicate_detection=TextSimilarity
Generation: text_generation=TextGeneration masked_language_modeling=TextGeneration text_summarization=TextGeneration machine_translation=TextGeneration text_completion=TextGeneration dialogue_generation=TextGeneration
Regression: text_regression=TextClassification readability_scoring=TextClassification quality_scoring=TextClassification
Structured: multiple_choice=MultipleChoice ranking=Ranking sequence_labeling=TokenClassification text_matching=TextMatching
Information Extraction: key_phrase_extraction=TokenClassification fact_extraction=PredicateTagging opinion_extraction=TokenClassification`

func TestTaskTables(t *testing.T) {
	var got strings.Builder
	for _, g := range heads.Groups() {
		got.WriteString("\n" + string(g) + ":")
		for _, task := range heads.TasksOf(g) {
			kind, ok := task.Kind()
			require.True(t, ok)
			got.WriteString(" " + string(task) + "=" + string(kind))
		}
	}
	require.Equal(t, taskTable, got.String())
	require.Nil(t, heads.TasksOf("Word-Level"))

	compatible := map[heads.TaskType][]heads.TaskType{
		heads.NamedEntityRecognition:   {heads.PartOfSpeechTagging, heads.DependencyParsing, heads.RelationExtraction, heads.EventExtraction, heads.CoreferenceResolution},
		heads.SentimentAnalysis:        {heads.EmotionDetection, heads.OpinionExtraction, heads.TextClassificationTask, heads.QualityScoring},
		heads.QuestionAnsweringTask:    {heads.SpanExtraction, heads.NaturalLanguageInference, heads.TextMatching, heads.MultipleChoiceTask},
		heads.TextClassificationTask:   {heads.SentimentAnalysis, heads.TopicClassification, heads.IntentClassification, heads.SpamDetection},
		heads.PartOfSpeechTagging:      {heads.NamedEntityRecognition, heads.DependencyParsing, heads.SemanticRoleLabeling},
		heads.TextGenerationTask:       {heads.TextCompletion, heads.DialogueGeneration, heads.TextSummarization},
		heads.NaturalLanguageInference: {heads.TextSimilarityTask, heads.ParaphraseDetection, heads.QuestionAnsweringTask},
	}
	single, pair := heads.SingleSequence, heads.SequencePair
	requires := map[heads.TaskType]heads.Requirement{
		heads.NaturalLanguageInference: {Sequences: pair, MaxLength: 512},
		heads.QuestionAnsweringTask:    {Sequences: pair, MaxLength: 512},
		heads.TextClassificationTask:   {Sequences: single, MaxLength: 512},
		heads.TokenClassificationTask:  {Sequences: single, MaxLength: 512},
		heads.TextGenerationTask:       {Sequences: single, MaxLength: 1024, Autoregressive: true},
		heads.MultipleChoiceTask:       {Sequences: heads.MultipleSequences, MaxLength: 512},
	}
	for _, task := range heads.Tasks() {
		require.Equal(t, compatible[task], heads.CompatibleTasks(task), task)
		r, err := heads.InputRequirements(task)
		require.NoError(t, err)
		if want, ok := requires[task]; ok {
			require.Equal(t, want, r, task)
		} else if kind, _ := task.Kind(); kind != heads.KindTextMatching && kind != heads.KindRanking {
			require.Equal(t, single, r.Sequences, task)
		}
	}
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
	for _, task := range heads.Tasks() {
		cfg, opt, err := heads.DefaultHeadConfig(task)
		require.NoError(t, err)
		want := heads.Options{Normalization: "layer_norm", Activation: "gelu", UseIntermediate: ptr(true), InitializerRange: ptr(0.02)}
		vocabulary := 0
		switch kind, _ := task.Kind(); kind {
		case heads.KindTextClassification, heads.KindMultipleChoice, heads.KindRanking, heads.KindTextMatching:
			want.Pooling = "cls"
		case heads.KindQuestionAnswering:
			want.UsePooling, want.UseTaskAttention, want.Attention = ptr(false), true, "multi_head"
		case heads.KindTextSimilarity:
			want.Pooling, want.OutputEmbeddings, want.SimilarityFunction = "mean", ptr(true), "cosine"
		case heads.KindTextGeneration:
			want.UseFFN, want.FFN, vocabulary = true, "swiglu", 32000
		default:
			want.UsePooling = ptr(false)
		}
		require.Equal(t, want, opt, task)
		require.Equal(t, heads.TaskConfig{TaskType: task, DropoutRate: ptr(0.1), VocabularySize: vocabulary}, cfg)
	}
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
	presets := map[string]string{
		"text_classification_only": "text_classification", "ner_only": "named_entity_recognition", "sentiment_only": "sentiment_analysis",
		"question_answering_only": "question_answering", "generation_only": "text_generation",
		"token_tasks":            "named_entity_recognition part_of_speech_tagging dependency_parsing",
		"classification_suite":   "text_classification sentiment_analysis emotion_detection",
		"information_extraction": "named_entity_recognition relation_extraction event_extraction",
		"comprehension":          "question_answering natural_language_inference multiple_choice",
		"similarity_suite":       "text_similarity paraphrase_detection duplicate_detection",
		"glue_like":              "text_classification sentiment_analysis text_similarity natural_language_inference paraphrase_detection",
	}
	require.Len(t, heads.Presets(), len(presets))
	for _, name := range heads.Presets() {
		s, err := heads.Preset(name)
		require.NoError(t, err)
		var tasks []string
		for _, task := range s.Tasks() {
			tasks = append(tasks, string(task))
		}
		require.Equal(t, presets[name], strings.Join(tasks, " "))
		raw, err := json.Marshal(*s) // a value as well as a pointer
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
	var bad heads.TaskSet
	require.ErrorContains(t, json.Unmarshal([]byte(`["chess"]`), &bad), "chess")
	require.ErrorContains(t, json.Unmarshal([]byte(`["text_generation","dependency_parsing"]`), &bad), "exclude each other")
	// Each task by itself: what it asks for.
	token, pair, write := "token_classification named_entity_recognition part_of_speech_tagging dependency_parsing semantic_role_labeling ",
		"natural_language_inference text_similarity paraphrase_detection question_answering ", "text_generation text_summarization machine_translation dialogue_generation "
	for _, task := range heads.Tasks() {
		s, err := heads.NLPTaskConfiguration([]heads.TaskType{task}, true)
		require.NoError(t, err)
		require.True(t, s.Has(task))
		require.Equal(t, strings.Contains(token, string(task)+" "), s.RequiresTokenLevel(), task)
		require.Equal(t, strings.Contains(pair, string(task)+" "), s.RequiresPair(), task)
		require.Equal(t, strings.Contains(write, string(task)+" "), s.RequiresGeneration(), task)
		want := 512
		if s.RequiresGeneration() {
			want = 1024
		}
		if task == heads.TextSummarization {
			want = 2048
		}
		require.Equal(t, want, s.MaxLength(), task)
	}
}
