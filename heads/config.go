package heads

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ProblemType says what the logits of a text classification head mean.
type ProblemType string

// The problem types, by their short names; Hugging Face's long ones are read too.
const (
	SingleLabel       ProblemType = "single_label"
	MultiLabel        ProblemType = "multi_label"
	RegressionProblem ProblemType = "regression"
)

// ParseProblemType reads the short or the long name.
func ParseProblemType(name string) (ProblemType, error) {
	switch name {
	case "single_label", "single_label_classification":
		return SingleLabel, nil
	case "multi_label", "multi_label_classification":
		return MultiLabel, nil
	case "regression":
		return RegressionProblem, nil
	}
	return "", fmt.Errorf("problem_type %q is unknown, want single_label, multi_label or regression", name)
}

// UnmarshalText makes JSON decoding strict.
func (p *ProblemType) UnmarshalText(text []byte) error {
	v, err := ParseProblemType(string(text))
	if err == nil {
		*p = v
	}
	return err
}

// TaskConfig is what a task needs of its head (spec 2.1). The zero value of a
// field is its default; pointers tell "unset" from zero. Validate fills the
// defaults in.
type TaskConfig struct {
	Name                string      `json:"name"` // without dots, commas, slashes, control characters and space at its ends
	TaskType            TaskType    `json:"task_type"`
	NumClasses          int         `json:"num_classes,omitempty"`
	NumLabels           int         `json:"num_labels,omitempty"` // a synonym of NumClasses
	Labels              []string    `json:"labels,omitempty"`
	ProblemType         ProblemType `json:"problem_type,omitempty"`
	MaxLength           int         `json:"max_length,omitempty"`   // default 512
	DropoutRate         *float64    `json:"dropout_rate,omitempty"` // default 0.1
	HiddenSize          int         `json:"hidden_size,omitempty"`  // default intermediate_size
	LossWeight          *float64    `json:"loss_weight,omitempty"`  // default 1
	LabelSmoothing      float64     `json:"label_smoothing,omitempty"`
	UseCRF              bool        `json:"use_crf,omitempty"`
	UseAttentionPooling bool        `json:"use_attention_pooling,omitempty"`
	VocabularySize      int         `json:"vocabulary_size,omitempty"`
	BeamSize            int         `json:"beam_size,omitempty"`   // default 1
	Temperature         *float64    `json:"temperature,omitempty"` // default 1
}

// ParseTaskConfig decodes a JSON object strictly and validates it.
func ParseTaskConfig(raw []byte) (TaskConfig, error) {
	var c TaskConfig
	if err := decodeStrict(raw, &c); err != nil {
		return TaskConfig{}, fmt.Errorf("task config: %w", err)
	}
	return c.Validate()
}

// needsClasses are the tasks that must say num_classes when the config is made.
var needsClasses = []TaskType{TextClassificationTask, TokenClassificationTask, SentimentAnalysis, NamedEntityRecognition, PartOfSpeechTagging}

// keyPhraseLabels are the classes of key phrase extraction where the task names none.
var keyPhraseLabels = []string{"O", "B-KEY", "I-KEY"}

// defaultVocabulary is filled in for generation tasks that name no vocabulary.
const defaultVocabulary = 32000

// Validate checks every rule of spec 2.1 and gives the config with its defaults
// filled in; it is idempotent. A value that is not the default and that the task's head
// does not read is an error.
func (c TaskConfig) Validate() (TaskConfig, error) {
	bad := func(format string, args ...any) (TaskConfig, error) {
		return TaskConfig{}, fmt.Errorf("task %q: "+format, append([]any{c.Name}, args...)...)
	}
	if err := checkName(c.Name); err != nil {
		return bad("%w", err)
	}
	task, err := ParseTask(string(c.TaskType))
	if err != nil {
		return bad("%w", err)
	}
	c.TaskType = task
	given := c
	if err := inBounds(bound{"num_classes", c.NumClasses, maxClasses}, bound{"num_labels", c.NumLabels, maxClasses}, bound{"labels", len(c.Labels), maxClasses},
		bound{"max_length", c.MaxLength, maxCount}, bound{"hidden_size", c.HiddenSize, maxWidth}, bound{"vocabulary_size", c.VocabularySize, maxVocabulary},
		bound{"beam_size", c.BeamSize, maxCount}); err != nil {
		return bad("%w", err)
	}
	if c.ProblemType != "" {
		if c.ProblemType, err = ParseProblemType(string(c.ProblemType)); err != nil {
			return bad("%w", err)
		}
	}
	if c.NumClasses != 0 && c.NumLabels != 0 && c.NumClasses != c.NumLabels {
		return bad("num_classes %d and num_labels %d differ", c.NumClasses, c.NumLabels)
	}
	n := max(c.NumClasses, c.NumLabels)
	if c.Labels != nil {
		if n == 0 {
			n = len(c.Labels)
		}
		if err := checkLabels(c.Labels, n); err != nil {
			return bad("%w", err)
		}
	}
	if n == 0 {
		switch {
		case task.Group() == Regression || c.ProblemType == RegressionProblem:
			n = 1
		case task == NaturalLanguageInference:
			n = 3
		case task == TextMatching:
			n = 2
		case task == KeyPhraseExtraction:
			c.Labels = slices.Clone(keyPhraseLabels)
			n = len(c.Labels)
		case slices.Contains(needsClasses, task):
			return bad("%s needs num_classes", task)
		}
	}
	c.NumClasses, c.NumLabels = n, n
	if n > 0 && c.Labels == nil {
		for i := range n {
			c.Labels = append(c.Labels, fmt.Sprintf("LABEL_%d", i))
		}
	}
	kind, _ := task.Kind()
	if c.ProblemType == "" && kind == KindTextClassification {
		c.ProblemType = SingleLabel
		if task.Group() == Regression {
			c.ProblemType = RegressionProblem
		}
	}
	if c.VocabularySize == 0 {
		switch task {
		case TextGenerationTask, MaskedLanguageModeling, TextSummarization, MachineTranslation:
			c.VocabularySize = defaultVocabulary
		case TextCompletion:
			return bad("%s needs vocabulary_size", task)
		}
	}
	c.MaxLength, c.BeamSize = orInt(c.MaxLength, 512), orInt(c.BeamSize, 1)
	c.DropoutRate, c.LossWeight, c.Temperature = orFloat(c.DropoutRate, 0.1), orFloat(c.LossWeight, 1), orFloat(c.Temperature, 1)
	for _, f := range []struct {
		key string
		v   float64
		ok  bool
		say string
	}{
		{"dropout_rate", *c.DropoutRate, isRate(*c.DropoutRate), "0 up to below 1"},
		{"label_smoothing", c.LabelSmoothing, isRate(c.LabelSmoothing), "0 up to below 1"},
		{"loss_weight", *c.LossWeight, finiteFrom(*c.LossWeight, 0), "0 or more"},
		{"temperature", *c.Temperature, finiteFrom(*c.Temperature, math.SmallestNonzeroFloat32), "more than 0"},
	} {
		if !f.ok {
			return bad("%s is %v, want %s", f.key, f.v, f.say)
		}
	}
	if err := unread(taskFields, setting{cfg: given, kind: kind}); err != nil {
		return bad("%w", err)
	}
	return c, nil
}

// checkName refuses what cannot be told apart in the names of parameters, which dots
// divide, and in lists of tasks.
func checkName(name string) error {
	if name == "" {
		return fmt.Errorf("name is empty")
	}
	if !utf8.ValidString(name) || strings.TrimSpace(name) != name || strings.ContainsAny(name, `.,/\`) || strings.ContainsFunc(name, unicode.IsControl) {
		return fmt.Errorf("%q is no name: want text without dots, commas, slashes, control characters and space at its ends", name)
	}
	return nil
}

// finiteFrom says that v is lo or more, and finite as the float32 that computes with it.
func finiteFrom(v, lo float64) bool { return v >= lo && v <= math.MaxFloat32 }

// isRate says that v is 0 up to below 1, as a float32 too.
func isRate(v float64) bool { return v >= 0 && float32(v) < 1 }

func orInt(v, def int) int {
	if v == 0 {
		return def
	}
	return v
}

func orFloat(v *float64, def float64) *float64 {
	if v == nil {
		return &def
	}
	return v
}

func checkLabels(labels []string, n int) error {
	if len(labels) == 0 {
		return fmt.Errorf("labels is empty, want a name for each class")
	}
	if len(labels) != n {
		return fmt.Errorf("%d labels for %d classes", len(labels), n)
	}
	seen := map[string]bool{}
	for i, l := range labels {
		if l == "" {
			return fmt.Errorf("label %d is empty", i)
		}
		if seen[l] {
			return fmt.Errorf("label %q comes twice", l)
		}
		seen[l] = true
	}
	return nil
}
