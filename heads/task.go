package heads

import (
	"fmt"
	"slices"
	"strings"
)

// TaskType is one of the 37 tasks. Its value is the lower-case name.
type TaskType string

// Group is one of the 8 groups of tasks.
type Group string

// The groups.
const (
	TokenLevel            Group = "Token-Level"
	SequenceLevel         Group = "Sequence-Level"
	SpanLevel             Group = "Span-Level"
	SentencePair          Group = "Sentence-Pair"
	Generation            Group = "Generation"
	Regression            Group = "Regression"
	Structured            Group = "Structured"
	InformationExtraction Group = "Information Extraction"
)

// The tasks, by group.
const (
	TokenClassificationTask TaskType = "token_classification"
	NamedEntityRecognition  TaskType = "named_entity_recognition"
	PartOfSpeechTagging     TaskType = "part_of_speech_tagging"
	DependencyParsing       TaskType = "dependency_parsing"
	SemanticRoleLabeling    TaskType = "semantic_role_labeling"
	WordSenseDisambiguation TaskType = "word_sense_disambiguation"

	TextClassificationTask TaskType = "text_classification"
	SentimentAnalysis      TaskType = "sentiment_analysis"
	EmotionDetection       TaskType = "emotion_detection"
	IntentClassification   TaskType = "intent_classification"
	TopicClassification    TaskType = "topic_classification"
	SpamDetection          TaskType = "spam_detection"

	QuestionAnsweringTask TaskType = "question_answering"
	SpanExtraction        TaskType = "span_extraction"
	CoreferenceResolution TaskType = "coreference_resolution"
	EventExtraction       TaskType = "event_extraction"
	RelationExtraction    TaskType = "relation_extraction"

	TextSimilarityTask       TaskType = "text_similarity"
	NaturalLanguageInference TaskType = "natural_language_inference"
	ParaphraseDetection      TaskType = "paraphrase_detection"
	DuplicateDetection       TaskType = "duplicate_detection"

	TextGenerationTask     TaskType = "text_generation"
	MaskedLanguageModeling TaskType = "masked_language_modeling"
	TextSummarization      TaskType = "text_summarization"
	MachineTranslation     TaskType = "machine_translation"
	TextCompletion         TaskType = "text_completion"
	DialogueGeneration     TaskType = "dialogue_generation"

	TextRegression     TaskType = "text_regression"
	ReadabilityScoring TaskType = "readability_scoring"
	QualityScoring     TaskType = "quality_scoring"

	MultipleChoiceTask TaskType = "multiple_choice"
	Ranking            TaskType = "ranking"
	SequenceLabeling   TaskType = "sequence_labeling"
	TextMatching       TaskType = "text_matching"

	KeyPhraseExtraction TaskType = "key_phrase_extraction"
	FactExtraction      TaskType = "fact_extraction"
	OpinionExtraction   TaskType = "opinion_extraction"
)

// groups lists every task once, in the order of the spec.
var groups = []struct {
	group Group
	tasks []TaskType
}{
	{TokenLevel, []TaskType{TokenClassificationTask, NamedEntityRecognition, PartOfSpeechTagging, DependencyParsing, SemanticRoleLabeling, WordSenseDisambiguation}},
	{SequenceLevel, []TaskType{TextClassificationTask, SentimentAnalysis, EmotionDetection, IntentClassification, TopicClassification, SpamDetection}},
	{SpanLevel, []TaskType{QuestionAnsweringTask, SpanExtraction, CoreferenceResolution, EventExtraction, RelationExtraction}},
	{SentencePair, []TaskType{TextSimilarityTask, NaturalLanguageInference, ParaphraseDetection, DuplicateDetection}},
	{Generation, []TaskType{TextGenerationTask, MaskedLanguageModeling, TextSummarization, MachineTranslation, TextCompletion, DialogueGeneration}},
	{Regression, []TaskType{TextRegression, ReadabilityScoring, QualityScoring}},
	{Structured, []TaskType{MultipleChoiceTask, Ranking, SequenceLabeling, TextMatching}},
	{InformationExtraction, []TaskType{KeyPhraseExtraction, FactExtraction, OpinionExtraction}},
}

// Groups lists the groups in the order of the spec.
func Groups() []Group {
	var out []Group
	for _, g := range groups {
		out = append(out, g.group)
	}
	return out
}

// Tasks lists all tasks, by group.
func Tasks() []TaskType {
	var out []TaskType
	for _, g := range groups {
		out = append(out, g.tasks...)
	}
	return out
}

// TasksOf lists the tasks of a group; nil for an unknown one.
func TasksOf(g Group) []TaskType {
	for _, e := range groups {
		if e.group == g {
			return slices.Clone(e.tasks)
		}
	}
	return nil
}

// Group is the task's group, "" for an unknown task.
func (t TaskType) Group() Group {
	for _, e := range groups {
		if slices.Contains(e.tasks, t) {
			return e.group
		}
	}
	return ""
}

// ParseTask reads a task by name, trimmed and lower-cased; an unknown one is an
// error that lists all valid names.
func ParseTask(name string) (TaskType, error) {
	t := TaskType(strings.ToLower(strings.TrimSpace(name)))
	if t.Group() == "" {
		var names []string
		for _, v := range Tasks() {
			names = append(names, string(v))
		}
		slices.Sort(names)
		return "", fmt.Errorf("task type %q is unknown, want one of %s", name, strings.Join(names, ", "))
	}
	return t, nil
}

// UnmarshalText makes JSON decoding strict.
func (t *TaskType) UnmarshalText(text []byte) error {
	v, err := ParseTask(string(text))
	if err == nil {
		*t = v
	}
	return err
}
