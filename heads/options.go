package heads

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cephalo-ml/cephalo/tensor"
)

// Options are the choices of a head beyond its task (spec 2.2). The zero value of
// a field is its default; pointers tell "unset" from zero.
type Options struct {
	Normalization      string   `json:"normalization_type,omitempty"` // default layer_norm
	Activation         string   `json:"activation_type,omitempty"`    // default gelu
	Input              string   `json:"input,omitempty"`              // sequence (default), pooled
	UsePooling         *bool    `json:"use_pooling,omitempty"`        // default true; false: the head reads vectors [B,D] alone
	Pooling            string   `json:"pooling_type,omitempty"`       // default cls
	UseIntermediate    *bool    `json:"use_intermediate,omitempty"`   // default true
	IntermediateSize   int      `json:"intermediate_size,omitempty"`  // default input_dim; the task's hidden_size goes before it
	UseTaskAttention   bool     `json:"use_task_attention,omitempty"`
	Attention          string   `json:"attention_type,omitempty"` // default multi_head
	UseFFN             bool     `json:"use_ffn,omitempty"`
	FFN                string   `json:"ffn_type,omitempty"`             // default mlp
	FFNExpansion       int      `json:"ffn_expansion_factor,omitempty"` // default 4
	InitializerRange   *float64 `json:"initializer_range,omitempty"`    // default 0.02
	DropoutRate        *float64 `json:"dropout_rate,omitempty"`         // overrides the task's
	Name               string   `json:"name,omitempty"`                 // default {task.name}_head
	OutputEmbeddings   *bool    `json:"output_embeddings,omitempty"`    // similarity; default true
	SimilarityFunction string   `json:"similarity_function,omitempty"`  // similarity; default cosine
	NumAttentionHeads  int      `json:"num_attention_heads,omitempty"`  // default 8
	CRFConstraints     bool     `json:"crf_constraints,omitempty"`      // CRF: BIO legality from the labels
	TokenMean          bool     `json:"crf_token_mean,omitempty"`       // CRF: loss divided by tokens
	TieTo              string   `json:"tie_to,omitempty"`               // generation: "word_embeddings"

	// WordEmbeddings [V,D] are the encoder's, which TieTo asks for. They are read
	// when the head is built, and are part of no file.
	WordEmbeddings tensor.Tensor `json:"-"`
}

// The valid values of the enums, in the order of the spec.
var (
	attentionTypes  = []string{"multi_head", "cbam", "differential"}
	ffnTypes        = []string{"mlp", "glu", "geglu", "swiglu", "reglu", "bilinear", "gelu_tanh", "squared_relu", "swin_mlp", "residual", "lowrank"}
	inputs          = []string{"sequence", "pooled"}
	similarityTypes = []string{"cosine", "dot", "learned"}
	shapeChanging   = []string{"decoupled_max_logit", "dml_plus_focal", "dml_plus_center"}
)

// ParseOptions decodes a JSON object strictly.
func ParseOptions(raw []byte) (Options, error) {
	var o Options
	if err := decodeStrict(raw, &o); err != nil {
		return Options{}, fmt.Errorf("head options: %w", err)
	}
	return o, nil
}

func oneOf(key, v string, valid []string) error {
	if !slices.Contains(valid, v) {
		return fmt.Errorf("%s %q is unknown, want one of %s: %w", key, v, strings.Join(valid, ", "), tensor.ErrUnsupported)
	}
	return nil
}

func orString(v, def string) string {
	if v == "" {
		return def
	}
	return v
}

// ptr is the address of a copy: for the fields that tell unset from zero.
func ptr[T any](v T) *T { return &v }

// Kind is the head that serves a task.
type Kind string

// The kinds of heads.
const (
	KindTextClassification   Kind = "TextClassification"
	KindTokenClassification  Kind = "TokenClassification"
	KindQuestionAnswering    Kind = "QuestionAnswering"
	KindTextSimilarity       Kind = "TextSimilarity"
	KindTextGeneration       Kind = "TextGeneration"
	KindMultipleChoice       Kind = "MultipleChoice"
	KindDependencyParsing    Kind = "DependencyParsing"
	KindPredicateTagging     Kind = "PredicateTagging"
	KindTargetClassification Kind = "TargetClassification"
	KindRelationExtraction   Kind = "RelationExtraction"
	KindCoreference          Kind = "CoreferenceResolution"
	KindRanking              Kind = "Ranking"
	KindTextMatching         Kind = "TextMatching"
)

// kinds are the heads of the tasks.
var kinds = map[TaskType]Kind{
	TokenClassificationTask: KindTokenClassification, NamedEntityRecognition: KindTokenClassification,
	PartOfSpeechTagging: KindTokenClassification, SequenceLabeling: KindTokenClassification,
	EventExtraction: KindTokenClassification, KeyPhraseExtraction: KindTokenClassification, OpinionExtraction: KindTokenClassification,
	TextClassificationTask: KindTextClassification, SentimentAnalysis: KindTextClassification,
	EmotionDetection: KindTextClassification, IntentClassification: KindTextClassification,
	TopicClassification: KindTextClassification, SpamDetection: KindTextClassification,
	NaturalLanguageInference: KindTextClassification, TextRegression: KindTextClassification,
	ReadabilityScoring: KindTextClassification, QualityScoring: KindTextClassification,
	QuestionAnsweringTask: KindQuestionAnswering, SpanExtraction: KindQuestionAnswering,
	TextSimilarityTask: KindTextSimilarity, ParaphraseDetection: KindTextSimilarity, DuplicateDetection: KindTextSimilarity,
	TextGenerationTask: KindTextGeneration, MaskedLanguageModeling: KindTextGeneration,
	TextSummarization: KindTextGeneration, TextCompletion: KindTextGeneration,
	MachineTranslation: KindTextGeneration, DialogueGeneration: KindTextGeneration,
	MultipleChoiceTask: KindMultipleChoice, Ranking: KindRanking, TextMatching: KindTextMatching,
	DependencyParsing: KindDependencyParsing, SemanticRoleLabeling: KindPredicateTagging, FactExtraction: KindPredicateTagging,
	WordSenseDisambiguation: KindTargetClassification, RelationExtraction: KindRelationExtraction, CoreferenceResolution: KindCoreference,
}

// Kind is the head that serves the task; false for an unknown task.
func (t TaskType) Kind() (Kind, bool) {
	k, ok := kinds[t]
	return k, ok
}

// ServedTasks lists the tasks that have a head, sorted.
func ServedTasks() []string {
	var names []string
	for t := range kinds {
		names = append(names, string(t))
	}
	slices.Sort(names)
	return names
}
