package heads_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/heads"
)

func TestTaskConfig(t *testing.T) {
	for _, c := range []struct{ json, say string }{
		{`{"task_type":"sentiment_analysis","num_classes":2}`, "name is empty"},
		{`{"name":"x","task_type":"chess"}`, `"chess" is unknown`},
		{`{"name":"x","task_type":"sentiment_analysis"}`, "needs num_classes"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":-1}`, "num_classes is -1"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"num_labels":3}`, "num_classes 2 and num_labels 3 differ"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"labels":["a"]}`, "1 labels for 2 classes"},
		{`{"name":"x","task_type":"sentiment_analysis","labels":["a","a"]}`, `label "a" comes twice`},
		{`{"name":"x","task_type":"sentiment_analysis","labels":["a",""]}`, "label 1 is empty"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"color":1}`, "unknown field"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2} {}`, "more than one JSON value"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"dropout_rate":1}`, "dropout_rate is 1"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"label_smoothing":1}`, "label_smoothing is 1"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"temperature":0}`, "temperature is 0"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"use_crf":true}`, "use_crf is for heads that label tokens"},
		{`{"name":"x","task_type":"named_entity_recognition","num_classes":2,"problem_type":"multi_label"}`, "problem_type is for text classification"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"problem_type":"both"}`, `problem_type "both" is unknown`},
		{`{"name":"x","task_type":"text_completion"}`, "needs vocabulary_size"},
	} {
		_, err := heads.ParseTaskConfig([]byte(c.json))
		require.ErrorContains(t, err, c.say, c.json)
	}
	c, err := heads.ParseTaskConfig([]byte(`{"name":"x","task_type":" NAMED_ENTITY_RECOGNITION","num_labels":2}`))
	require.NoError(t, err)
	require.Equal(t, heads.TaskConfig{
		Name: "x", TaskType: heads.NamedEntityRecognition, NumClasses: 2, NumLabels: 2, Labels: []string{"LABEL_0", "LABEL_1"},
		MaxLength: 512, DropoutRate: ptr(0.1), LossWeight: ptr(1.0), BeamSize: 1, Temperature: ptr(1.0),
	}, c)
	again, err := c.Validate()
	require.NoError(t, err)
	require.Equal(t, c, again)
	for task, want := range map[heads.TaskType]int{heads.NaturalLanguageInference: 3, heads.QualityScoring: 1, heads.TextMatching: 2, heads.KeyPhraseExtraction: 3, heads.EmotionDetection: 0} {
		c, err := heads.TaskConfig{Name: "x", TaskType: task}.Validate()
		require.NoError(t, err)
		require.Equal(t, want, c.NumClasses, task)
	}
	_, _, err = heads.New(t.Context(), cpu(t), heads.TaskConfig{Name: "x", TaskType: heads.EmotionDetection}, 8, heads.Options{}, 1)
	require.ErrorContains(t, err, "emotion_detection needs num_classes")
}

func TestOptions(t *testing.T) {
	_, err := heads.ParseOptions([]byte(`{"pooling":"cls"}`))
	require.ErrorContains(t, err, "unknown field")
	_, err = heads.ParseOptions([]byte(`{"pooling_type":"mean","input_dim":4}`))
	require.ErrorContains(t, err, "unknown field")
	classify := heads.TaskConfig{Name: "x", TaskType: heads.SentimentAnalysis, NumClasses: 2}
	tokens := heads.TaskConfig{Name: "x", TaskType: heads.NamedEntityRecognition, NumClasses: 2}
	attentive := classify
	attentive.UseAttentionPooling = true
	for _, c := range []struct {
		cfg heads.TaskConfig
		dim int
		opt heads.Options
		say string
	}{
		{classify, 0, heads.Options{}, "input_dim is 0"},
		{classify, 8, heads.Options{Pooling: "median"}, `pooling "median" is unknown`},
		{classify, 8, heads.Options{Activation: "gelou"}, `activation "gelou" is unknown`},
		{classify, 8, heads.Options{Normalization: "batch"}, "want one of adaptive_band_rms, band_rms"},
		{classify, 8, heads.Options{Normalization: "dml_plus_focal"}, "changes the shape"},
		{classify, 8, heads.Options{Attention: "linear"}, "want one of multi_head, cbam, differential"},
		{classify, 8, heads.Options{FFN: "kan"}, "want one of mlp, glu, geglu, swiglu"},
		{classify, 8, heads.Options{Input: "hidden"}, "want one of sequence, pooled"},
		{classify, 8, heads.Options{Input: "pooled", UseTaskAttention: true}, "exclude each other"},
		{classify, 8, heads.Options{SimilarityFunction: "dot"}, "are for TextSimilarity"},
		{classify, 8, heads.Options{TieTo: "word_embeddings"}, "on a generation head"},
		{classify, 8, heads.Options{CRFConstraints: true}, "crf options need use_crf"},
		{classify, 8, heads.Options{IntermediateSize: -1}, "want more than 0"},
		{classify, 8, heads.Options{DropoutRate: ptr(1.0)}, "dropout_rate is 1"},
		{classify, 8, heads.Options{InitializerRange: ptr(-1.0)}, "initializer_range is -1"},
		{attentive, 8, heads.Options{Pooling: "mean"}, "exclude each other"},
		{tokens, 8, heads.Options{Pooling: "mean"}, "pooling_type is not for a TokenClassification head"},
		{tokens, 8, heads.Options{Input: "pooled"}, "input is for"},
		{tokens, 12, heads.Options{UseTaskAttention: true}, "width 12 is not a multiple of num_attention_heads 8"},
		{tokens, 12, heads.Options{UseTaskAttention: true, Attention: "cbam"}, "width 12 is not a multiple of the reduction 8"},
		{heads.TaskConfig{Name: "x", TaskType: heads.ParaphraseDetection}, 8, heads.Options{SimilarityFunction: "l2"}, "want one of cosine, dot, learned"},
		{heads.TaskConfig{Name: "x", TaskType: heads.TextGenerationTask}, 8, heads.Options{TieTo: "word_embeddings"}, "word embeddings were not given"},
		{heads.TaskConfig{Name: "x", TaskType: heads.DialogueGeneration}, 8, heads.Options{}, "needs vocabulary_size"},
	} {
		b := cpu(t)
		_, _, err := heads.New(t.Context(), b, c.cfg, c.dim, c.opt, 1)
		require.ErrorContains(t, err, c.say)
		require.Zero(t, b.Stats().Bytes, "nothing is held after an error: %s", c.say)
	}
	h, _ := newHead(t, cpu(t), attentive, 8, heads.Options{})
	require.Equal(t, "attention", h.(*heads.TextClassification).Options().Pooling)
	for _, task := range heads.Tasks() { // resolving is idempotent
		kind, _ := task.Kind()
		cfg, err := heads.TaskConfig{Name: "x", TaskType: task, NumClasses: 2, VocabularySize: 9}.Validate()
		require.NoError(t, err)
		o, err := heads.Options{}.Resolve(cfg, kind, 8)
		require.NoError(t, err)
		again, err := o.Resolve(cfg, kind, 8)
		require.NoError(t, err, task)
		require.Equal(t, o, again, task)
	}
}
