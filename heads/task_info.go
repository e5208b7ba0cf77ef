package heads

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cephalo-ml/cephalo/tensor"
)

// OutputField is a tensor that a head gives.
type OutputField struct {
	Name  string // key of Output.Map
	DType tensor.DType
	// Axes name the sizes: B batch, L sequence, C classes, V vocabulary, N choices,
	// H head width, M targets or mentions. [B,L] is [R] on packed rows.
	Axes []string
	When string // "" always, else the condition
}

func (f OutputField) String() string {
	s := fmt.Sprintf("%s %s[%s]", f.Name, f.DType, strings.Join(f.Axes, ","))
	if f.When != "" {
		s += " (" + f.When + ")"
	}
	return s
}

func out(name, axes, when string) OutputField {
	return OutputField{Name: name, DType: tensor.F32, Axes: strings.Split(axes, ","), When: when}
}

var predicted = OutputField{Name: "predictions", DType: tensor.I32, Axes: []string{"B", "L"}}

// outputSpecs are the outputs of each kind of head.
var outputSpecs = map[Kind][]OutputField{
	KindTextClassification: {
		out("logits", "B,C", ""), out("probabilities", "B,C", "problem_type single_label or multi_label"),
		out("value", "B", "problem_type regression; [B,C] for C > 1"),
	},
	KindTokenClassification: {out("logits", "B,L,C", ""), predicted, out("path_score", "B", "use_crf")},
	KindQuestionAnswering:   {out("start_logits", "B,L", ""), out("end_logits", "B,L", "")},
	KindTextSimilarity: {
		out("embeddings", "B,H", "a single input"), out("similarity_score", "B", "a pair"),
		out("embeddings_1", "B,H", "a pair, output_embeddings"), out("embeddings_2", "B,H", "a pair, output_embeddings"),
	},
	KindTextGeneration:       {out("logits", "B,L,V", "")},
	KindMultipleChoice:       {out("logits", "B,N", ""), out("probabilities", "B,N", "choices given")},
	KindDependencyParsing:    {out("arc_logits", "B,L,L+1", ""), out("label_logits", "B,L,C,L+1", "")},
	KindPredicateTagging:     {out("logits", "B,L,C", ""), predicted, out("path_score", "B", "use_crf")},
	KindTargetClassification: {out("logits", "M,C", ""), out("probabilities", "M,C", "")},
	KindRelationExtraction:   {out("logits", "M,C", ""), out("probabilities", "M,C", "")},
	KindCoreference:          {out("mention_scores", "B,M", ""), out("antecedent_logits", "B,M,M+1", "")},
	KindRanking:              {out("scores", "B,N", "[B] without choices"), out("probabilities", "B,N", "choices given")},
	KindTextMatching:         {out("logits", "B,C", ""), out("probabilities", "B,C", "")},
}

// OutputSpec lists what the head of a task gives; an error for an unknown task or
// one without a head.
func OutputSpec(task TaskType) ([]OutputField, error) {
	kind, err := kindOf(task)
	if err != nil {
		return nil, err
	}
	fields := slices.Clone(outputSpecs[kind])
	if kind == KindTextClassification {
		regression := task.Group() == Regression
		fields = slices.DeleteFunc(fields, func(f OutputField) bool {
			return regression && f.Name == "probabilities" || !regression && f.Name == "value"
		})
	}
	return fields, nil
}

// kindOf is the head of a task, or the error that names it and lists the served.
func kindOf(task TaskType) (Kind, error) {
	t, err := ParseTask(string(task))
	if err != nil {
		return "", err
	}
	kind, ok := t.Kind()
	if !ok {
		return "", fmt.Errorf("task %s has no head; served: %s: %w", t, strings.Join(ServedTasks(), ", "), tensor.ErrUnsupported)
	}
	return kind, nil
}

// The kinds of text input.
const (
	SingleSequence    = "single_sequence"
	SequencePair      = "sequence_pair"
	MultipleSequences = "multiple_sequences"
)

// Requirement is what a task reads.
type Requirement struct {
	Sequences      string // SingleSequence, SequencePair, MultipleSequences
	MaxLength      int    // tokens; 0: the task names none
	Autoregressive bool   // wants a causal encoder
	Targets        string // what Input.Targets must hold; "" nothing
}

// InputRequirements says what a task reads; an error for an unknown task.
func InputRequirements(task TaskType) (Requirement, error) {
	t, err := ParseTask(string(task))
	if err != nil {
		return Requirement{}, err
	}
	r := Requirement{Sequences: SingleSequence}
	switch t {
	case NaturalLanguageInference, QuestionAnsweringTask:
		r.Sequences, r.MaxLength = SequencePair, 512
	case TextClassificationTask, TokenClassificationTask:
		r.MaxLength = 512
	case TextGenerationTask:
		r.MaxLength, r.Autoregressive = 1024, true
	case MultipleChoiceTask:
		r.Sequences, r.MaxLength = MultipleSequences, 512
	case TextMatching:
		r.Sequences = SequencePair
	case Ranking:
		r.Sequences = MultipleSequences
	case MachineTranslation, DialogueGeneration:
		r.Autoregressive = true
	case SemanticRoleLabeling, FactExtraction:
		r.Targets = "the predicate of each sequence"
	case WordSenseDisambiguation:
		r.Targets = "the words in question"
	case RelationExtraction:
		r.Targets = "pairs of entities"
	case CoreferenceResolution:
		r.Targets = "candidate spans, in the order of the text"
	}
	return r, nil
}

// compatible lists the tasks that go well with a task on one encoder.
var compatible = map[TaskType][]TaskType{
	NamedEntityRecognition:   {PartOfSpeechTagging, DependencyParsing, RelationExtraction, EventExtraction, CoreferenceResolution},
	SentimentAnalysis:        {EmotionDetection, OpinionExtraction, TextClassificationTask, QualityScoring},
	QuestionAnsweringTask:    {SpanExtraction, NaturalLanguageInference, TextMatching, MultipleChoiceTask},
	TextClassificationTask:   {SentimentAnalysis, TopicClassification, IntentClassification, SpamDetection},
	PartOfSpeechTagging:      {NamedEntityRecognition, DependencyParsing, SemanticRoleLabeling},
	TextGenerationTask:       {TextCompletion, DialogueGeneration, TextSummarization},
	NaturalLanguageInference: {TextSimilarityTask, ParaphraseDetection, QuestionAnsweringTask},
}

// CompatibleTasks lists the tasks that go well with a task on one encoder; empty
// for most.
func CompatibleTasks(task TaskType) []TaskType { return slices.Clone(compatible[task]) }

// DefaultHeadConfig suggests a config and options for a task; nothing applies them
// by itself. The config still wants a name, and num_classes where the task has
// classes. An unknown task, or one without a head, is an error.
func DefaultHeadConfig(task TaskType) (TaskConfig, Options, error) {
	kind, err := kindOf(task)
	if err != nil {
		return TaskConfig{}, Options{}, err
	}
	c := TaskConfig{TaskType: task, DropoutRate: ptr(0.1)}
	o := Options{Normalization: "layer_norm", Activation: "gelu", UseIntermediate: ptr(true), InitializerRange: ptr(0.02)}
	switch kind {
	default:
		o.UsePooling = ptr(false)
	case KindTextClassification, KindMultipleChoice, KindRanking, KindTextMatching:
		o.Pooling = "cls"
	case KindQuestionAnswering:
		o.UsePooling, o.UseTaskAttention, o.Attention = ptr(false), true, "multi_head"
	case KindTextSimilarity:
		o.Pooling, o.OutputEmbeddings, o.SimilarityFunction = "mean", ptr(true), "cosine"
	case KindTextGeneration:
		c.VocabularySize, o.UseFFN, o.FFN = defaultVocabulary, true, "swiglu"
	}
	return c, o, nil
}
