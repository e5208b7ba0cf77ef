package heads_test

import (
	"math"
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
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"color":1}`, `unknown field "color", want one of name, task_type, num_classes, num_labels, labels, problem_type, max_length, dropout_rate, hidden_size, loss_weight, label_smoothing, use_crf, use_attention_pooling, vocabulary_size, beam_size, temperature`},
		{`{"Name":"x","task_type":"sentiment_analysis","num_classes":2}`, `unknown field "Name"`},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2}}`, "more than one JSON value"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":0}`, "num_classes is 0, want more than 0"},
		{`{"name":"x","task_type":"sentiment_analysis","num_labels":0}`, "num_labels is 0, want more than 0"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"max_length":0}`, "max_length is 0, want more than 0"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"max_length":-5}`, "max_length is -5, want more than 0"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"hidden_size":0}`, "hidden_size is 0, want more than 0"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"hidden_size":-8}`, "hidden_size is -8, want more than 0"},
		{`{"name":"x","task_type":"text_generation","vocabulary_size":0}`, "vocabulary_size is 0, want more than 0"},
		{`{"name":"x","task_type":"text_generation","vocabulary_size":-1}`, "vocabulary_size is -1, want more than 0"},
		{`{"name":"x","task_type":"text_generation","beam_size":0}`, "beam_size is 0, want more than 0"},
		{`{"name":"x","task_type":"text_generation","beam_size":-1}`, "beam_size is -1, want more than 0"},
		{`{"name":"x","task_type":"text_generation","beam_size":1.5}`, "beam_size"},
		{`{"name":"","task_type":"sentiment_analysis","num_classes":2}`, "name is empty"},
		{`{"name":"x","task_type":"","num_classes":2}`, `"" is unknown`},
		{`{"name":"x","num_classes":2}`, `"" is unknown`},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"loss_weight":-0.5}`, "loss_weight is -0.5, want 0 or more"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"dropout_rate":-0.1}`, "dropout_rate is -0.1, want 0 up to below 1"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"dropout_rate":0.999999999}`, "dropout_rate is 0.999999999, want 0 up to below 1"}, // 1 as a float32
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"label_smoothing":-0.1}`, "label_smoothing is -0.1"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"temperature":-1}`, "temperature is -1, want more than 0"},
		{`{"name":"x","task_type":"sentiment_analysis","labels":[]}`, "labels is empty"},
		{`{"name":"x","task_type":"natural_language_inference","labels":[]}`, "labels is empty"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"problem_type":""}`, `problem_type "" is unknown, want single_label, multi_label or regression`},
		{`{"name":"x","task_type":"question_answering","problem_type":"regression"}`, `problem_type "regression" is not for a QuestionAnswering head, but for TextClassification`},
		{`{"name":"x","task_type":"question_answering","use_crf":true}`, "use_crf true is not for a QuestionAnswering head"},
		{`{"name":"x","task_type":"text_classification"}`, "text_classification needs num_classes"},
		{`{"name":"x","task_type":"token_classification"}`, "token_classification needs num_classes"},
		{`{"name":"x","task_type":"named_entity_recognition"}`, "named_entity_recognition needs num_classes"},
		{`{"name":"x","task_type":"part_of_speech_tagging"}`, "part_of_speech_tagging needs num_classes"},
		{`[]`, "cannot unmarshal array"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2} {}`, "more than one JSON value"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"dropout_rate":1}`, "dropout_rate is 1"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"label_smoothing":1}`, "label_smoothing is 1"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"temperature":0}`, "temperature is 0"},
		{`{"name":"x","task_type":"sentiment_analysis","num_classes":2,"use_crf":true}`, "use_crf true is not for a TextClassification head, but for TokenClassification, PredicateTagging"},
		{`{"name":"x","task_type":"named_entity_recognition","num_classes":2,"problem_type":"multi_label"}`, `problem_type "multi_label" is not for a TokenClassification head`},
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

// TestTaskConfigNumbers: what JSON cannot say and a Go program can.
func TestTaskConfigNumbers(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1} {
		for key, set := range map[string]func(c *heads.TaskConfig){
			"dropout_rate":    func(c *heads.TaskConfig) { c.DropoutRate = &bad },
			"loss_weight":     func(c *heads.TaskConfig) { c.LossWeight = &bad },
			"label_smoothing": func(c *heads.TaskConfig) { c.LabelSmoothing = bad },
			"temperature":     func(c *heads.TaskConfig) { c.Temperature = &bad },
		} {
			c := heads.TaskConfig{Name: "x", TaskType: heads.SentimentAnalysis, NumClasses: 2}
			set(&c)
			_, err := c.Validate()
			require.ErrorContains(t, err, sprint("task \"x\": %s is %v, want ", key, bad))
		}
		for key, opt := range map[string]heads.Options{"dropout_rate": {DropoutRate: &bad}, "initializer_range": {InitializerRange: &bad}} {
			_, err := opt.Resolve(heads.TaskConfig{Name: "x", TaskType: heads.SentimentAnalysis, NumClasses: 2}, heads.KindTextClassification, 8)
			require.ErrorContains(t, err, sprint("head \"x\": %s is %v, want 0", key, bad))
		}
	}
}

// TestTaskDefaults: what each task gets where the config leaves it out.
func TestTaskDefaults(t *testing.T) {
	for _, task := range heads.Tasks() {
		c, err := of("x", task).Validate()
		require.NoError(t, err)
		kind, _ := task.Kind()
		want := heads.ProblemType("")
		if kind == heads.KindTextClassification {
			want = heads.SingleLabel
		}
		if task.Group() == heads.Regression {
			want = heads.RegressionProblem
		}
		require.Equal(t, want, c.ProblemType, task)
		if of("x", task).NumClasses == 3 {
			require.Equal(t, []string{"LABEL_0", "LABEL_1", "LABEL_2"}, c.Labels)
		} else {
			require.Empty(t, c.Labels, task)
		}
	}
	for task, want := range map[heads.TaskType]int{
		heads.TextGenerationTask: 32000, heads.MaskedLanguageModeling: 32000, heads.TextSummarization: 32000, heads.MachineTranslation: 32000,
		heads.DialogueGeneration: 0, heads.QuestionAnsweringTask: 0,
	} {
		c, err := heads.TaskConfig{Name: "x", TaskType: task}.Validate()
		require.NoError(t, err)
		require.Equal(t, want, c.VocabularySize, task)
	}
	// Regression is of one value, on whatever task it is asked for.
	for _, task := range []heads.TaskType{heads.TextRegression, heads.ReadabilityScoring, heads.QualityScoring, heads.TextClassificationTask, heads.EmotionDetection} {
		c, err := heads.TaskConfig{Name: "x", TaskType: task, ProblemType: "regression"}.Validate()
		require.NoError(t, err)
		require.Equal(t, 1, c.NumClasses, task)
	}
	// num_classes and num_labels are one; labels count where neither is given.
	for _, c := range []heads.TaskConfig{{NumClasses: 2}, {NumLabels: 2}, {NumClasses: 2, NumLabels: 2}, {Labels: []string{"no", "yes"}}} {
		c.Name, c.TaskType = "x", heads.SentimentAnalysis
		v, err := c.Validate()
		require.NoError(t, err)
		require.Equal(t, []int{2, 2, 2}, []int{v.NumClasses, v.NumLabels, len(v.Labels)})
	}
	for long, want := range map[string]heads.ProblemType{
		"single_label_classification": heads.SingleLabel, "multi_label_classification": heads.MultiLabel, "regression": heads.RegressionProblem,
		"single_label": heads.SingleLabel, "multi_label": heads.MultiLabel,
	} {
		c, err := heads.ParseTaskConfig([]byte(`{"name":"x","task_type":"text_classification","num_classes":2,"problem_type":"` + long + `"}`))
		require.NoError(t, err)
		require.Equal(t, want, c.ProblemType)
	}
}

// TestHeadWidth: hidden_size goes before intermediate_size, and that before input_dim.
func TestHeadWidth(t *testing.T) {
	for _, c := range []struct {
		hidden, intermediate, want int
	}{{0, 0, 16}, {0, 12, 12}, {8, 0, 8}, {8, 12, 8}} {
		_, w := newHead(t, cpu(t), heads.TaskConfig{Name: "x", TaskType: heads.TextSimilarityTask, HiddenSize: c.hidden}, 16, heads.Options{IntermediateSize: c.intermediate, UseFFN: true, FFNExpansion: 3})
		shapes := map[string][]int{}
		for _, p := range w.Params {
			shapes[p.Name] = p.Dims()
		}
		require.Equal(t, []int{c.want, 16}, shapes["head.intermediate.dense.weight"])
		require.Equal(t, []int{3 * c.want, c.want}, shapes["head.ffn.up.weight"])
		require.Equal(t, []int{c.want, c.want}, shapes["head.projection.weight"])
	}
}

func TestOptions(t *testing.T) {
	_, err := heads.ParseOptions([]byte(`{"pooling":"cls"}`))
	require.ErrorContains(t, err, `unknown field "pooling", want one of normalization_type, activation_type, input, use_pooling, pooling_type, use_intermediate, intermediate_size, use_task_attention, attention_type, use_ffn, ffn_type, ffn_expansion_factor, initializer_range, dropout_rate, name, output_embeddings, similarity_function, num_attention_heads`)
	_, err = heads.ParseOptions([]byte(`{"pooling_type":"mean","input_dim":4}`))
	require.ErrorContains(t, err, "unknown field")
	for _, key := range []string{"intermediate_size", "ffn_expansion_factor", "num_attention_heads"} {
		_, err = heads.ParseOptions([]byte(`{"` + key + `":0}`))
		require.ErrorContains(t, err, "head options: "+key+" is 0, want more than 0")
	}
	for _, key := range []string{"pooling_type", "activation_type", "ffn_type", "name"} {
		_, err = heads.ParseOptions([]byte(`{"` + key + `":""}`))
		require.ErrorContains(t, err, key+" is empty")
	}
	_, err = heads.ParseOptions([]byte(`{"pooling_type":"mean"}]`))
	require.ErrorContains(t, err, "more than one JSON value")
	o, err := heads.ParseOptions([]byte(`{"pooling_type":null,"dropout_rate":0,"output_embeddings":false}`))
	require.NoError(t, err)
	require.Equal(t, heads.Options{DropoutRate: ptr(0.0), OutputEmbeddings: ptr(false)}, o)
	classify := heads.TaskConfig{Name: "x", TaskType: heads.SentimentAnalysis, NumClasses: 2}
	tokens := heads.TaskConfig{Name: "x", TaskType: heads.NamedEntityRecognition, NumClasses: 2}
	generate := heads.TaskConfig{Name: "x", TaskType: heads.TextGenerationTask}
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
		{classify, 8, heads.Options{Input: "pooled", UseTaskAttention: true}, "use_task_attention true has no effect without input sequence"},
		{classify, 8, heads.Options{SimilarityFunction: "dot"}, "but for TextSimilarity"},
		{classify, 8, heads.Options{TieTo: "word_embeddings"}, `tie_to "word_embeddings" is not for a TextClassification head, but for TextGeneration`},
		{classify, 8, heads.Options{CRFConstraints: true}, "crf_constraints true is not for a TextClassification head"},
		{classify, 8, heads.Options{IntermediateSize: -1}, "want more than 0"},
		{classify, 8, heads.Options{DropoutRate: ptr(1.0)}, "dropout_rate is 1"},
		{classify, 8, heads.Options{InitializerRange: ptr(-1.0)}, "initializer_range is -1"},
		{classify, -8, heads.Options{}, "input_dim is -8, want more than 0"},
		{classify, 8, heads.Options{FFNExpansion: -1}, "ffn_expansion_factor is -1"},
		{classify, 8, heads.Options{UseFFN: true, FFNExpansion: 1 << 29}, "ffn_expansion_factor is 536870912, want at most 16777216"},
		{classify, 8, heads.Options{NumAttentionHeads: -1}, "num_attention_heads is -1"},
		{classify, 8, heads.Options{TokenMean: true}, "crf_token_mean true is not for a TextClassification head"},
		{classify, 8, heads.Options{OutputEmbeddings: ptr(true)}, "output_embeddings true is not for a TextClassification head"},
		{generate, 8, heads.Options{TieTo: "decoder"}, `tie_to "decoder" is unknown, want one of word_embeddings`},
		{generate, 8, heads.Options{Pooling: "cls"}, `pooling_type "cls" is not for a TextGeneration head`},
		{generate, 8, heads.Options{SimilarityFunction: "cosine"}, "but for TextSimilarity"},
		{heads.TaskConfig{Name: "x", TaskType: heads.QuestionAnsweringTask}, 8, heads.Options{Pooling: "median"}, `pooling_type "median" is not for a QuestionAnswering head`},
		{heads.TaskConfig{Name: "x", TaskType: heads.MultipleChoiceTask}, 8, heads.Options{Input: "pooled"}, `input "pooled" is not for a MultipleChoice head, but for TextClassification, TextSimilarity`},
		{heads.TaskConfig{Name: "x", TaskType: heads.NamedEntityRecognition, NumClasses: 2, UseAttentionPooling: true}, 8, heads.Options{}, "use_attention_pooling true is not for a TokenClassification head"},
		{attentive, 8, heads.Options{UsePooling: ptr(false)}, "use_attention_pooling true has no effect without input sequence and use_pooling"},
		{attentive, 8, heads.Options{Pooling: "mean"}, `use_attention_pooling and pooling_type "mean" exclude each other`},
		{tokens, 8, heads.Options{Pooling: "mean"}, `pooling_type "mean" is not for a TokenClassification head`},
		{tokens, 8, heads.Options{Input: "pooled"}, `input "pooled" is not for a TokenClassification head`},
		{tokens, 12, heads.Options{UseTaskAttention: true}, `head "x": task attention: width 12 is not a multiple of num_attention_heads 8`},
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
	for _, pooling := range []string{"", "attention"} {
		h, _ := newHead(t, cpu(t), attentive, 8, heads.Options{Pooling: pooling})
		require.Equal(t, "attention", h.(*heads.TextClassification).Options().Pooling)
	}
	for _, task := range heads.Tasks() { // resolving is idempotent
		kind, _ := task.Kind()
		cfg := of("x", task)
		o, err := heads.Options{UsePooling: ptr(true)}.Resolve(cfg, kind, 8)
		require.NoError(t, err)
		again, err := o.Resolve(cfg, kind, 8)
		require.NoError(t, err, task)
		require.Equal(t, o, again, task)
		require.Equal(t, o.Pooling != "", *o.UsePooling, "%s: forced false where every token is read", task)
		require.Equal(t, []any{"layer_norm", "gelu", "sequence", true, "multi_head", "mlp", 4, 8, 0.02, 0.1, "x_head"},
			[]any{o.Normalization, o.Activation, o.Input, *o.UseIntermediate, o.Attention, o.FFN, o.FFNExpansion, o.NumAttentionHeads, *o.InitializerRange, *o.DropoutRate, o.Name})
		if kind == heads.KindTextSimilarity {
			require.Equal(t, []any{"cosine", true}, []any{o.SimilarityFunction, *o.OutputEmbeddings})
		}
	}
	_, err = heads.Options{}.Resolve(heads.TaskConfig{}, heads.KindTextClassification, 8)
	require.ErrorContains(t, err, "name is empty")
	_, err = heads.Options{}.Resolve(classify, heads.KindQuestionAnswering, 8)
	require.ErrorContains(t, err, `sentiment_analysis is served by TextClassification, not by "QuestionAnswering"`)
	// The options' dropout goes before the task's.
	set := classify
	set.DropoutRate = ptr(0.4)
	for want, opt := range map[float64]heads.Options{0.4: {}, 0.2: {DropoutRate: ptr(0.2)}, 0: {DropoutRate: ptr(0.0)}} {
		o, err := opt.Resolve(set, heads.KindTextClassification, 8)
		require.NoError(t, err)
		require.Equal(t, want, *o.DropoutRate)
	}
}
