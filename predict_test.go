package cephalo_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/tensor"
)

// everyHead is one head of each kind that reads texts.
func everyHead() []heads.Task {
	one := func(name string, task heads.TaskType, labels ...string) heads.Task {
		return heads.Task{Config: heads.TaskConfig{Name: name, TaskType: task, Labels: labels}}
	}
	ner := one("ner", heads.NamedEntityRecognition, bio...)
	ner.Config.UseCRF = true
	return []heads.Task{
		one("topic", heads.TopicClassification, "x", "y"), ner, one("qa", heads.QuestionAnsweringTask), one("similar", heads.TextSimilarityTask),
		one("choice", heads.MultipleChoiceTask), one("rank", heads.Ranking), one("match", heads.TextMatching, "x", "y"), one("parser", heads.DependencyParsing, "x", "y"),
		one("roles", heads.SemanticRoleLabeling, "O", "B-V", "B-ARG0"), one("senses", heads.WordSenseDisambiguation, "x", "y"),
		one("relations", heads.RelationExtraction, "x", "y"), one("events", heads.EventExtraction, "O", "B-Hit", "B-Hit.By"), one("value", heads.QualityScoring),
	}
}

// everything is an input that every head finds what it needs in.
func everything() cephalo.Input {
	const text = "the film is good and long"
	pair := "a dull film"
	return cephalo.Input{
		Text:     &cephalo.Text{Text: text, Pair: &pair, Targets: []cephalo.Span{span(text, "film"), span(text, "good")}},
		Question: &cephalo.Question{Question: "what is good", Context: text},
		Choice:   &cephalo.Choice{Question: text, Choices: []string{"yes", "no", "a dull film"}},
		Query:    &cephalo.Query{Query: text, Texts: []string{"a dull film", "good"}},
	}
}

// TestPredictEveryHead: all heads of a batch run in one submit, each with what it
// gives when it runs alone, whatever the batch.
func TestPredictEveryHead(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := sentiment(t, b)
		require.NoError(t, m.NewHeads(t.Context(), everyHead(), true, 5))
		res, err := m.Predict(t.Context(), []cephalo.Input{everything()}, cephalo.PredictOptions{})
		require.NoError(t, err)
		require.EqualValues(t, 1, m.Stats().Submits)
		require.EqualValues(t, 1, m.Stats().Maps)
		all := res[0]
		require.Len(t, all, len(m.Tasks()))
		require.IsType(t, cephalo.Classification{}, all["topic"])
		require.Len(t, all["value"].(cephalo.Classification).Values, 1)
		require.IsType(t, []cephalo.Entity{}, all["ner"])
		require.NotEmpty(t, all["qa"].([]cephalo.AnswerSpan)[0].Answer)
		require.IsType(t, 0.0, all["similar"])
		require.Len(t, all["choice"].(cephalo.Chosen).Scores, 3)
		require.Len(t, all["rank"].([]cephalo.Hit), 2)
		require.IsType(t, cephalo.Classification{}, all["match"])
		require.Len(t, all["parser"].([]cephalo.Dependency), 6)
		require.Len(t, all["roles"].([]cephalo.Frame), 2)
		require.Len(t, all["senses"].([]cephalo.Sense), 2)
		require.Len(t, all["relations"].([]cephalo.Relation), 2)
		require.IsType(t, []cephalo.Event{}, all["events"])

		cpu := strings.HasPrefix(b.Name(), "cpu")
		for _, name := range m.Tasks() {
			alone, err := m.Predict(t.Context(), []cephalo.Input{everything()}, cephalo.PredictOptions{Tasks: []string{name}})
			require.NoError(t, err)
			require.Len(t, alone[0], 1)
			require.IsType(t, all[name], alone[0][name])
			if cpu { // the same bits
				require.Equal(t, all[name], alone[0][name], name)
			}
		}
		texts := mixed(9)
		inputs := make([]cephalo.Input, len(texts))
		for i := range texts {
			if inputs[i] = everything(); i%2 == 0 {
				inputs[i] = cephalo.Input{Text: &texts[i]}
			}
		}
		batch, err := m.Predict(t.Context(), inputs, cephalo.PredictOptions{})
		require.NoError(t, err)
		if cpu {
			require.Equal(t, all, batch[1])
			require.Equal(t, all, batch[7])
		}
		require.NotContains(t, batch[0], "qa")
		require.NotContains(t, batch[0], "match", "a pair is wanted")
		require.Len(t, batch[0]["similar"], 128, "the embedding of a text alone")
	})
}

// TestPredictErrors: what is missing is left out, or said where it was asked for.
func TestPredictErrors(t *testing.T) {
	b, err := cephalo.OpenBackend(t.Context(), cephalo.BackendOptions{Name: cephalo.BackendCPU})
	require.NoError(t, err)
	defer b.Close()
	m := sentiment(t, b)
	require.NoError(t, m.NewHeads(t.Context(), everyHead(), false, 5))
	_, err = m.Predict(t.Context(), []cephalo.Input{{}}, cephalo.PredictOptions{})
	require.ErrorContains(t, err, "want a text, or a question and a context, or choices, or a query and texts, or a pair of texts, or a text and at least two targets")
	_, err = m.Predict(t.Context(), cephalo.Inputs("a film"), cephalo.PredictOptions{Tasks: []string{"topic", "qa"}})
	require.ErrorContains(t, err, `task "qa" wants a question and a context`)
	_, err = m.Predict(t.Context(), cephalo.Inputs("a film"), cephalo.PredictOptions{Tasks: []string{"nonsense"}})
	require.ErrorContains(t, err, `unknown task "nonsense"; tasks: ["topic" "ner"`)
	_, err = m.Predict(t.Context(), []cephalo.Input{{Text: &cephalo.Text{Text: "a"}, Question: &cephalo.Question{Question: "who"}}}, cephalo.PredictOptions{})
	require.ErrorContains(t, err, `task "qa": context is empty`)
	n := 0
	for r, err := range m.PredictSeq(t.Context(), func(yield func(cephalo.Input) bool) {
		_ = yield(cephalo.Inputs("a film")[0]) && yield(cephalo.Input{Err: errors.New("unreadable")}) && yield(cephalo.Inputs("a film")[0])
	}, cephalo.PredictOptions{}) {
		var in *cephalo.InputError
		if n == 1 {
			require.ErrorAs(t, err, &in)
			require.Equal(t, 1, in.Index)
		} else {
			require.NoError(t, err)
			require.Contains(t, r, "topic")
		}
		n++
	}
	require.Equal(t, 3, n)
}

// TestGenerationHeads: a generation head of ours continues on a causal encoder; one
// that sees later tokens is refused.
func TestGenerationHeads(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for _, name := range []string{"gpt2-lm", "qwen3-tied"} {
			m := open(t, b, testutil.Testdata("goldens", name))
			for _, task := range []heads.TaskType{heads.MachineTranslation, heads.DialogueGeneration, heads.TextSummarization} {
				cfg := heads.TaskConfig{Name: "writer", TaskType: task, VocabularySize: m.Config().VocabSize}
				require.NoError(t, m.NewHead(t.Context(), cfg, heads.Options{}, 4))
				prompts := [][]int32{{5, 17, 9}, {7}}
				o := cephalo.GenerateOptions{MaxNewTokens: 4, IgnoreEOS: true}
				got, err := m.GenerateIDs(t.Context(), prompts, o)
				require.NoError(t, err)
				for i, p := range prompts {
					alone, err := m.GenerateIDs(t.Context(), [][]int32{p}, o)
					require.NoError(t, err)
					require.Len(t, got[i], 4)
					require.Equal(t, alone[0], got[i])
				}
				require.NoError(t, m.NewHead(t.Context(), cfg, heads.Options{UseTaskAttention: true}, 4))
				_, err = m.GenerateIDs(t.Context(), prompts, o)
				require.ErrorIs(t, err, tensor.ErrUnsupported)
				require.ErrorContains(t, err, "task attention")
			}
			require.NoError(t, m.NewHeads(t.Context(), []heads.Task{{Config: heads.TaskConfig{Name: "writer", TaskType: heads.DialogueGeneration, VocabularySize: m.Config().VocabSize}}, everyHead()[0]}, false, 4))
			got, err := m.GenerateIDs(t.Context(), [][]int32{{7}}, cephalo.GenerateOptions{MaxNewTokens: 2, IgnoreEOS: true})
			require.NoError(t, err, "the only head for it among several")
			require.Len(t, got[0], 2)
		}
	})
}

// TestPredictWriters: heads that continue texts run beside those that read them, and
// give what Generate does.
func TestPredictWriters(t *testing.T) {
	dir := testutil.CausalWithTokenizer(t)
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := open(t, b, dir)
		o := cephalo.PredictOptions{Generate: cephalo.GenerateOptions{MaxNewTokens: 4}}
		var texts []string
		for i := range 40 { // more than a batch
			texts = append(texts, strings.Repeat("ab", 1+i%3))
		}
		check := func(name string) {
			t.Helper()
			res, err := m.Predict(t.Context(), cephalo.Inputs(texts...), o)
			require.NoError(t, err)
			g := o.Generate
			g.Task = name
			for i, r := range res {
				want, err := m.Generate(t.Context(), texts[i:i+1], g)
				require.NoError(t, err)
				require.Equal(t, want[0], r[name])
			}
		}
		check("GPT2LMHeadModel")
		writer := func(name string, task heads.TaskType) heads.Task {
			return heads.Task{Config: heads.TaskConfig{Name: name, TaskType: task, VocabularySize: m.Config().VocabSize}}
		}
		require.NoError(t, m.NewHeads(t.Context(), []heads.Task{writer("translate", heads.MachineTranslation), everyHead()[0], writer("reply", heads.DialogueGeneration), everyHead()[2]}, false, 4))
		check("translate")
		check("reply")
		q := cephalo.Input{Question: &cephalo.Question{Question: "a", Context: "bc"}}
		res, err := m.Predict(t.Context(), []cephalo.Input{cephalo.Inputs("ab")[0], q}, o)
		require.NoError(t, err)
		require.Len(t, res[0], 3)
		require.Contains(t, res[0], "topic")
		require.Len(t, res[1], 1)
		require.Contains(t, res[1], "qa")
		_, err = m.Generate(t.Context(), texts[:1], o.Generate)
		require.ErrorContains(t, err, "translate and reply are all heads for that: name one as the task")
		long := cephalo.Inputs(strings.Repeat("a", 2000))
		_, err = m.Predict(t.Context(), long, o)
		var of *cephalo.InputError
		require.ErrorAs(t, err, &of)
		require.NotErrorAs(t, of.Err, &of)
		require.ErrorContains(t, err, "prompt of 2000 tokens leaves no room")
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		for _, err := range m.PredictSeq(ctx, slices.Values(cephalo.Inputs(texts...)), o) {
			if n++; n == 2 {
				require.ErrorIs(t, err, context.Canceled)
				break
			}
			cancel()
		}
		require.Equal(t, 2, n)
		cancel()
	})
}
