package heads_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/heads"
)

// of is a valid config of a task: what its head must be told, and nothing else.
func of(name string, task heads.TaskType) heads.TaskConfig {
	c := heads.TaskConfig{Name: name, TaskType: task}
	switch kind, _ := task.Kind(); kind {
	case heads.KindTextClassification, heads.KindTokenClassification, heads.KindDependencyParsing, heads.KindPredicateTagging,
		heads.KindTargetClassification, heads.KindRelationExtraction, heads.KindTextMatching:
		c.NumClasses = 3
	case heads.KindTextGeneration:
		c.VocabularySize = 11
	}
	return c
}

// TestUnread: a value that nothing reads is an error, when the config is made where its
// task alone decides, else when the head is, and names what would read it.
func TestUnread(t *testing.T) {
	const (
		sentiment, ner, qa        = heads.SentimentAnalysis, heads.NamedEntityRecognition, heads.QuestionAnsweringTask
		same, choice, gen, regres = heads.TextSimilarityTask, heads.MultipleChoiceTask, heads.TextGenerationTask, heads.TextRegression
	)
	with := func(task heads.TaskType, edit func(*heads.TaskConfig)) heads.TaskConfig {
		c := of("x", task)
		edit(&c)
		return c
	}
	classes := func(c *heads.TaskConfig) { c.NumClasses = 3 }
	for _, c := range []struct {
		cfg  heads.TaskConfig
		opt  heads.Options
		say  string
		more string
	}{
		// The options of blocks that are off.
		{of("x", sentiment), heads.Options{UseIntermediate: ptr(false), IntermediateSize: 64}, "intermediate_size 64 has no effect", "without use_intermediate or use_ffn"},
		{with(qa, func(c *heads.TaskConfig) { c.HiddenSize = 64 }), heads.Options{UseIntermediate: ptr(false)}, "hidden_size 64 has no effect", "without use_intermediate or use_ffn"},
		{of("x", ner), heads.Options{UseIntermediate: ptr(false), Activation: "relu"}, `activation_type "relu" has no effect`, "without use_intermediate"},
		{of("x", sentiment), heads.Options{FFN: "swiglu"}, `ffn_type "swiglu" has no effect`, "without use_ffn"},
		{of("x", ner), heads.Options{FFNExpansion: 8}, "ffn_expansion_factor 8 has no effect", "without use_ffn"},
		{of("x", sentiment), heads.Options{Attention: "cbam"}, `attention_type "cbam" has no effect`, "without use_task_attention"},
		{of("x", qa), heads.Options{NumAttentionHeads: 2}, "num_attention_heads 2 has no effect", "without use_task_attention"},
		{of("x", qa), heads.Options{NumAttentionHeads: 2, UseTaskAttention: true, Attention: "cbam"}, "num_attention_heads 2 has no effect", "of type multi_head or differential"},
		// Pooling of a vector.
		{of("x", sentiment), heads.Options{Input: "pooled", Pooling: "mean"}, `pooling_type "mean" has no effect`, "without input sequence and use_pooling"},
		{of("x", choice), heads.Options{UsePooling: ptr(false), Pooling: "max"}, `pooling_type "max" has no effect`, "without input sequence and use_pooling"},
		{of("x", sentiment), heads.Options{UsePooling: ptr(false), UseTaskAttention: true}, "use_task_attention true has no effect", "without input sequence and use_pooling"},
		{of("x", same), heads.Options{Input: "pooled", UseTaskAttention: true}, "use_task_attention true has no effect", "without input sequence and use_pooling"},
		{with(sentiment, func(c *heads.TaskConfig) { c.UseAttentionPooling = true }), heads.Options{Input: "pooled"}, "use_attention_pooling true has no effect", "without input sequence and use_pooling"},
		// Options of other heads: the error lists those of this one.
		{of("x", qa), heads.Options{Pooling: "mean"}, `pooling_type "mean" is not for a QuestionAnswering head`, "head takes normalization_type, activation_type, use_pooling, use_intermediate, intermediate_size, use_task_attention, attention_type, use_ffn, ffn_type, ffn_expansion_factor, initializer_range, dropout_rate, name, num_attention_heads"},
		{of("x", qa), heads.Options{Pooling: "cls"}, `pooling_type "cls" is not for a QuestionAnswering head`, "but for TextClassification, TextSimilarity, TextMatching, MultipleChoice, Ranking"},
		{of("x", qa), heads.Options{SimilarityFunction: "cosine"}, `similarity_function "cosine" is not for a QuestionAnswering head`, "but for TextSimilarity"},
		{of("x", sentiment), heads.Options{OutputEmbeddings: ptr(true)}, "output_embeddings true is not for a TextClassification head", "but for TextSimilarity"},
		{of("x", sentiment), heads.Options{CRFConstraints: true}, "crf_constraints true is not for a TextClassification head", "but for TokenClassification, PredicateTagging"},
		{of("x", ner), heads.Options{CRFConstraints: true}, "crf_constraints true has no effect", "without use_crf"},
		{of("x", ner), heads.Options{TokenMean: true}, "crf_token_mean true has no effect", "without use_crf"},
		{of("x", choice), heads.Options{Input: "pooled"}, `input "pooled" is not for a MultipleChoice head`, "but for TextClassification, TextSimilarity"},
		{of("x", sentiment), heads.Options{TieTo: "word_embeddings"}, `tie_to "word_embeddings" is not for a TextClassification head`, "but for TextGeneration"},
		{of("x", gen), heads.Options{TieTo: "word_embeddings", InitializerRange: ptr(0.1)}, "initializer_range 0.1 has no effect", "tie_to"},
		// Fields of the task.
		{with(qa, classes), heads.Options{}, "num_classes 3 is not for a QuestionAnswering head", "head takes name, task_type, max_length, dropout_rate, hidden_size, loss_weight, label_smoothing"},
		{with(same, classes), heads.Options{}, "num_classes 3 is not for a TextSimilarity head", "but for TextClassification"},
		{with(same, func(c *heads.TaskConfig) { c.Labels = []string{"a", "b"} }), heads.Options{}, `labels ["a" "b"] is not for a TextSimilarity head`, ""},
		{with(choice, func(c *heads.TaskConfig) { c.NumLabels = 4 }), heads.Options{}, "num_labels 4 is not for a MultipleChoice head", ""},
		{with(gen, classes), heads.Options{}, "num_classes 3 is not for a TextGeneration head", ""},
		{with(heads.Ranking, classes), heads.Options{}, "num_classes 3 is not for a Ranking head", ""},
		{with(heads.CoreferenceResolution, classes), heads.Options{}, "num_classes 3 is not for a CoreferenceResolution head", ""},
		{with(sentiment, func(c *heads.TaskConfig) { c.VocabularySize = 9 }), heads.Options{}, "vocabulary_size 9 is not for a TextClassification head", "but for TextGeneration"},
		{with(ner, func(c *heads.TaskConfig) { c.BeamSize = 4 }), heads.Options{}, "beam_size 4 is not for a TokenClassification head", "but for TextGeneration"},
		{with(sentiment, func(c *heads.TaskConfig) { c.Temperature = ptr(0.5) }), heads.Options{}, "temperature 0.5 is not for a TextClassification head", "but for TextGeneration"},
		{with(sentiment, func(c *heads.TaskConfig) { c.UseCRF = true }), heads.Options{}, "use_crf true is not for a TextClassification head", "but for TokenClassification, PredicateTagging"},
		{with(qa, func(c *heads.TaskConfig) { c.UseAttentionPooling = true }), heads.Options{}, "use_attention_pooling true is not for a QuestionAnswering head", ""},
		{with(qa, func(c *heads.TaskConfig) { c.ProblemType = "multi_label" }), heads.Options{}, `problem_type "multi_label" is not for a QuestionAnswering head`, "but for TextClassification"},
		{with(same, func(c *heads.TaskConfig) { c.LabelSmoothing = 0.1 }), heads.Options{}, "label_smoothing 0.1 has no effect", "without a cross-entropy over classes"},
		{with(regres, func(c *heads.TaskConfig) { c.LabelSmoothing = 0.1 }), heads.Options{}, "label_smoothing 0.1 has no effect", "without a cross-entropy over classes"},
		{with(ner, func(c *heads.TaskConfig) { c.LabelSmoothing, c.UseCRF = 0.1, true }), heads.Options{}, "label_smoothing 0.1 has no effect", "without a cross-entropy over classes"},
	} {
		b := cpu(t)
		_, _, err := heads.New(t.Context(), b, c.cfg, 16, c.opt, 1)
		require.ErrorContains(t, err, c.say)
		require.ErrorContains(t, err, c.more)
		require.Zero(t, b.Stats().Bytes, c.say)
	}
	_, err := with(qa, classes).Validate()
	require.ErrorContains(t, err, `task "x": num_classes 3 is not for a QuestionAnswering head`, "the task alone says so")
}

// TestRead: what is read, what equals its default, and what every task may carry stays
// accepted, by every kind of head.
func TestRead(t *testing.T) {
	for _, task := range heads.Tasks() {
		kind, _ := task.Kind()
		cfg := of("x", task)
		cfg.MaxLength, cfg.LossWeight, cfg.DropoutRate = 99, ptr(2.0), ptr(0.3)
		plain := heads.Options{
			Normalization: "layer_norm", Activation: "gelu", Input: "sequence", UseIntermediate: ptr(true), Attention: "multi_head", FFN: "mlp", FFNExpansion: 4,
			InitializerRange: ptr(0.02), DropoutRate: ptr(0.1), NumAttentionHeads: 8,
		}
		off := heads.Options{UseIntermediate: ptr(false), IntermediateSize: 16} // the width that it has anyway
		def, opt, err := heads.DefaultHeadConfig(task)
		require.NoError(t, err)
		suggested := of("x", task)
		suggested.DropoutRate = def.DropoutRate
		if def.VocabularySize != 0 {
			suggested.VocabularySize = def.VocabularySize
		}
		for _, c := range []struct {
			cfg heads.TaskConfig
			opt heads.Options
		}{{cfg, plain}, {cfg, off}, {suggested, opt}, {cfg, heads.Options{UsePooling: ptr(true)}}, {cfg, heads.Options{UsePooling: ptr(false)}}} {
			o, err := c.opt.Resolve(c.cfg, kind, 16)
			require.NoError(t, err, task)
			v, err := c.cfg.Validate()
			require.NoError(t, err, task)
			again, err := o.Resolve(v, kind, 16)
			require.NoError(t, err, task)
			require.Equal(t, o, again, task)
		}
	}
	for _, c := range []struct {
		cfg heads.TaskConfig
		opt heads.Options
	}{
		{of("x", heads.SentimentAnalysis), heads.Options{UseIntermediate: ptr(false), IntermediateSize: 64, UseFFN: true}}, // the FFN's width
		{of("x", heads.TextSimilarityTask), heads.Options{UseIntermediate: ptr(false), IntermediateSize: 64}},              // the embeddings'
		{of("x", heads.TextSimilarityTask), heads.Options{UseIntermediate: ptr(false), Activation: "relu", SimilarityFunction: "learned"}},
		{of("x", heads.RelationExtraction), heads.Options{UseIntermediate: ptr(false), Activation: "tanh"}},
		{of("x", heads.SpamDetection), heads.Options{UsePooling: ptr(false), Input: "pooled"}},                                          // both say that nothing pools
		{heads.TaskConfig{Name: "x", TaskType: heads.SpamDetection, NumClasses: 2, HiddenSize: 8}, heads.Options{IntermediateSize: 12}}, // goes before it
	} {
		kind, _ := c.cfg.TaskType.Kind()
		_, err := c.opt.Resolve(c.cfg, kind, 16)
		require.NoError(t, err)
	}
	// A projection has the task's hidden size, whatever the head does with it.
	narrow := heads.TaskConfig{Name: "x", TaskType: heads.SpamDetection, NumClasses: 2, HiddenSize: 8}
	tasks := []heads.Task{{Config: narrow, Options: heads.Options{UseIntermediate: ptr(false)}}}
	m, w := newMulti(t, cpu(t), tasks, 16, true)
	h, err := m.Head("x")
	require.NoError(t, err)
	require.Equal(t, 8, h.InputDim())
	require.NotZero(t, w.Count())
	_, _, err = heads.NewMulti(t.Context(), cpu(t), tasks, 16, false, 1)
	require.ErrorContains(t, err, "hidden_size 8 has no effect")
}

// TestNames: a name stands in parameter names and in lists of tasks.
func TestNames(t *testing.T) {
	for _, name := range []string{"", " a", "a ", "a.b", "a.intermediate", "a,b", "a/b", `a\b`, "a\nb", "a\x00", "\ta", "a\x7f", "\xff"} {
		_, err := heads.TaskConfig{Name: name, TaskType: heads.QuestionAnsweringTask}.Validate()
		require.ErrorContains(t, err, "name", "%q", name)
		if name != "" {
			require.ErrorContains(t, err, `want text without dots, commas, slashes, control characters and space at its ends`, "%q", name)
		}
	}
	for _, name := range []string{"a", "question answering", "a-b_c", "Ärger", "BertForSequenceClassification", "感情", "a:b", "1"} {
		_, err := heads.TaskConfig{Name: name, TaskType: heads.QuestionAnsweringTask}.Validate()
		require.NoError(t, err, name)
	}
}
