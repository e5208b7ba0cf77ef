package heads

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// TaskSet is a set of tasks for one encoder, and what they ask of it.
type TaskSet struct{ tasks []TaskType }

// exclusive are the pairs of tasks that do not go together.
var exclusive = [][2]TaskType{{TextGenerationTask, TokenClassificationTask}, {DependencyParsing, TextGenerationTask}}

// NLPTaskConfiguration makes a set of tasks. Errors: an empty list, a task twice,
// an unknown task, and, where validate says so, two tasks that exclude each other.
func NLPTaskConfiguration(tasks []TaskType, validate bool) (*TaskSet, error) {
	if len(tasks) == 0 {
		return nil, fmt.Errorf("task set: no tasks")
	}
	s := &TaskSet{}
	for _, name := range tasks {
		t, err := ParseTask(string(name))
		if err != nil {
			return nil, fmt.Errorf("task set: %w", err)
		}
		if s.Has(t) {
			return nil, fmt.Errorf("task set: %s comes twice", t)
		}
		s.tasks = append(s.tasks, t)
	}
	for _, p := range exclusive {
		if validate && s.Has(p[0]) && s.Has(p[1]) {
			return nil, fmt.Errorf("task set: %s and %s exclude each other", p[0], p[1])
		}
	}
	return s, nil
}

// Tasks are the tasks as they were given.
func (s *TaskSet) Tasks() []TaskType { return slices.Clone(s.tasks) }

// Has says whether the set holds a task.
func (s *TaskSet) Has(t TaskType) bool { return slices.Contains(s.tasks, t) }

func (s *TaskSet) any(ts ...TaskType) bool { return slices.ContainsFunc(ts, s.Has) }

// RequiresTokenLevel says whether a task reads every token.
func (s *TaskSet) RequiresTokenLevel() bool {
	return s.any(TokenClassificationTask, NamedEntityRecognition, PartOfSpeechTagging, DependencyParsing, SemanticRoleLabeling)
}

// RequiresPair says whether a task reads pairs of texts.
func (s *TaskSet) RequiresPair() bool {
	return s.any(NaturalLanguageInference, TextSimilarityTask, ParaphraseDetection, QuestionAnsweringTask)
}

// RequiresGeneration says whether a task writes text.
func (s *TaskSet) RequiresGeneration() bool {
	return s.any(TextGenerationTask, TextSummarization, MachineTranslation, DialogueGeneration)
}

// MaxLength is the number of tokens that the tasks want: 512, 1024 with a
// generation task, 2048 with summarization.
func (s *TaskSet) MaxLength() int {
	switch {
	case s.Has(TextSummarization):
		return 2048
	case s.RequiresGeneration():
		return 1024
	}
	return 512
}

// MarshalJSON gives the list of tasks, sorted.
func (s TaskSet) MarshalJSON() ([]byte, error) {
	return json.Marshal(slices.Sorted(slices.Values(s.tasks)))
}

// UnmarshalJSON reads a list of tasks and validates it.
func (s *TaskSet) UnmarshalJSON(raw []byte) error {
	var tasks []TaskType
	if err := json.Unmarshal(raw, &tasks); err != nil {
		return err
	}
	v, err := NLPTaskConfiguration(tasks, true)
	if err != nil {
		return err
	}
	*s = *v
	return nil
}

// presets are the task sets with a name, in the order of the spec.
var presets = []struct {
	name  string
	tasks []TaskType
}{
	{"text_classification_only", []TaskType{TextClassificationTask}},
	{"ner_only", []TaskType{NamedEntityRecognition}},
	{"sentiment_only", []TaskType{SentimentAnalysis}},
	{"question_answering_only", []TaskType{QuestionAnsweringTask}},
	{"generation_only", []TaskType{TextGenerationTask}},
	{"token_tasks", []TaskType{NamedEntityRecognition, PartOfSpeechTagging, DependencyParsing}},
	{"classification_suite", []TaskType{TextClassificationTask, SentimentAnalysis, EmotionDetection}},
	{"information_extraction", []TaskType{NamedEntityRecognition, RelationExtraction, EventExtraction}},
	{"comprehension", []TaskType{QuestionAnsweringTask, NaturalLanguageInference, MultipleChoiceTask}},
	{"similarity_suite", []TaskType{TextSimilarityTask, ParaphraseDetection, DuplicateDetection}},
	{"glue_like", []TaskType{TextClassificationTask, SentimentAnalysis, TextSimilarityTask, NaturalLanguageInference, ParaphraseDetection}},
}

// Presets lists the names of the ready task sets.
func Presets() []string {
	var names []string
	for _, p := range presets {
		names = append(names, p.name)
	}
	return names
}

// Preset is a ready task set by name; an unknown one is an error that lists the known.
func Preset(name string) (*TaskSet, error) {
	for _, p := range presets {
		if p.name == name {
			return NLPTaskConfiguration(p.tasks, true)
		}
	}
	return nil, fmt.Errorf("preset %q is unknown, want one of %s", name, strings.Join(Presets(), ", "))
}
