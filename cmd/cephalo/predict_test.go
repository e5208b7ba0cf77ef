package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/models"
)

// withHeads saves the embedded encoder with fresh heads.
func withHeads(t *testing.T, tasks ...heads.Task) string {
	t.Helper()
	embedded(t)
	fsys, _ := models.Default()
	m, err := cephalo.OpenFS(t.Context(), fsys, cephalo.WithBackend("cpu"))
	require.NoError(t, err)
	defer m.Close()
	if len(tasks) == 1 {
		require.NoError(t, m.NewHead(t.Context(), tasks[0].Config, tasks[0].Options, 1))
	} else {
		require.NoError(t, m.NewHeads(t.Context(), tasks, false, 1))
	}
	dir := filepath.Join(t.TempDir(), "model")
	require.NoError(t, m.Save(t.Context(), dir))
	return dir
}

func one(name string, task heads.TaskType, labels ...string) heads.Task {
	return heads.Task{Config: heads.TaskConfig{Name: name, TaskType: task, Labels: labels}}
}

// everyHead is a head of each kind with an input that it reads, and a key of its
// JSON, "[" for a list.
var everyHead = []struct {
	task heads.Task
	in   string
	want string
}{
	{one("topic", heads.TopicClassification, "x", "y"), `{"text":"a film"}`, `{"label":`},
	{one("value", heads.QualityScoring), `a film`, `{"value":`},
	{one("ner", heads.NamedEntityRecognition, "O", "B-PER"), `a film`, `[`},
	{one("events", heads.EventExtraction, "O", "B-Hit", "B-Hit.By"), `a film`, `[`},
	{one("opinions", heads.OpinionExtraction, "O", "B-POS"), `a film`, `[`},
	{one("phrases", heads.KeyPhraseExtraction, "O", "B", "I"), `a film`, `[`},
	{one("qa", heads.QuestionAnsweringTask), `{"question":"what","context":"a film"}`, `{"answer":`},
	{one("similar", heads.TextSimilarityTask), `{"text":"a film","text_pair":"a bore"}`, `{"score":`},
	{one("vector", heads.ParaphraseDetection), `a film`, `{"embedding":`},
	{one("choice", heads.MultipleChoiceTask), `{"question":"what","choices":["a","b"]}`, `{"choice":`},
	{one("rank", heads.Ranking), `{"query":"what","texts":["a","b"]}`, `[{"index":`},
	{one("match", heads.TextMatching, "x", "y"), `{"text":"a film","text_pair":"a bore"}`, `{"label":`},
	{one("parser", heads.DependencyParsing, "x", "y"), `a film`, `[{"index":1,"head":`},
	{one("roles", heads.SemanticRoleLabeling, "O", "B-ARG0"), `{"text":"a film ends","targets":["ends"]}`, `[{"predicate":{"word":"ends","start":7,"end":11},"arguments":[`},
	{one("facts", heads.FactExtraction, "O", "B-A0"), `{"text":"a film ends","targets":[[7,11]]}`, `[{"predicate":{"word":"ends","start":7,"end":11},"arguments":[`},
	{one("senses", heads.WordSenseDisambiguation, "x", "y"), `{"text":"é film","targets":["film"]}`, `[{"label":`},
	{one("relations", heads.RelationExtraction, "x", "y"), `{"text":"a film ends","targets":["film","ends"]}`, `[{"label":`},
	{one("coref", heads.CoreferenceResolution), `a film ends`, `[`},
}

// TestPredictEveryHead: one command for every head, in all three forms.
func TestPredictEveryHead(t *testing.T) {
	for _, c := range everyHead {
		t.Run(c.task.Config.Name, func(t *testing.T) {
			dir := withHeads(t, c.task)
			out, errOut, code := command(t, c.in+"\n", "predict", "--model", dir, "--format", "json")
			require.Zero(t, code, errOut)
			require.True(t, strings.HasPrefix(out, c.want), out)
			var v any
			require.NoError(t, json.Unmarshal([]byte(out), &v))
			for _, format := range []string{"text", "tsv"} {
				out, errOut, code := command(t, c.in+"\n", "predict", "--model", dir, "--format", format)
				require.Zero(t, code, errOut)
				require.NotContains(t, out, "{", format)
				if format == "tsv" {
					require.Equal(t, 1, strings.Count(out, "\n"), "a row an input: %q", out)
				}
			}
		})
	}
}

// TestPredictSeveral: an object of all heads' values, or of those asked for.
func TestPredictSeveral(t *testing.T) {
	var tasks []heads.Task
	for _, c := range everyHead {
		tasks = append(tasks, c.task)
	}
	dir := withHeads(t, tasks...)
	in := `{"text":"é film ends","text_pair":"a bore","targets":["film","ends"],"question":"what","context":"a film","choices":["a","b"],"query":"q","texts":["x"]}`
	out, errOut, code := command(t, in, "predict", "--model", dir, "--format", "json")
	require.Zero(t, code, errOut)
	var got map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	require.Len(t, got, len(tasks))
	require.Contains(t, string(got["senses"]), `"word":"film","start":2,"end":6`, "characters, not bytes")
	out, errOut, code = command(t, "a film", "predict", "--model", dir, "--format", "json", "--tasks", "topic,parser")
	require.Zero(t, code, errOut)
	got = nil
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	require.Len(t, got, 2)
	out, _, code = command(t, "a film", "predict", "--model", dir, "--tasks", "topic,value")
	require.Zero(t, code)
	require.Regexp(t, `(?s)^topic: [xy]\t0\.\d+\nvalue: `, out)
	_, errOut, code = command(t, "a film", "predict", "--model", dir, "--tasks", "topic,qa")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut, `task "qa" wants a question and a context`)
	_, errOut, code = command(t, "a film", "predict", "--model", dir, "--tasks", "nonsense")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errOut, `--tasks: unknown head "nonsense", want some of topic, value, `)
	_, errOut, code = command(t, "a film", "predict", "--model", dir, "--tasks", "")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errOut, `--tasks names no head: want some of topic, value, `)
	spaced, _, code := command(t, "a film", "predict", "--model", dir, "--tasks", " topic , value")
	require.Zero(t, code)
	require.Equal(t, out, spaced)
	out, errOut, code = command(t, `{"text":"a film","text_pair":"a film"}`, "similar", "--model", withHeads(t, everyHead[7].task, everyHead[0].task))
	require.Zero(t, code, errOut)
	require.InDelta(t, 1, parse(t, out), 1e-5, "the only head for it")
	out, _, code = command(t, "", "inspect", dir)
	require.Zero(t, code)
	require.Contains(t, out, "parser, dependency_parsing, DependencyParsing")
}

func parse(t *testing.T, out string) (x float64) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(out), &x))
	return x
}

// TestPredictTargets: places are found as they were written, or the line is at fault.
func TestPredictTargets(t *testing.T) {
	dir := withHeads(t, one("senses", heads.WordSenseDisambiguation, "x", "y"))
	lines := []string{
		`{"text":"👋🏽 a film, a film","targets":["film","film",[3,4]]}`,
		`{"text":"a film","targets":["bore"]}`,
		`{"text":"a film","targets":["film","film"]}`,
		`{"text":"a film","targets":[[2,99]]}`,
		`{"text":"a film","targets":[[2,2]]}`,
		`{"text":"a film","targets":[[1,2]]}`,
		`{"text":"a film","targets":[""]}`,
	}
	out, errOut, code := command(t, strings.Join(lines, "\n"), "predict", "--model", dir, "--format", "json")
	require.Equal(t, exitFailed, code)
	got := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, got, len(lines))
	for _, at := range []string{`"start":5,"end":9`, `"start":13,"end":17`, `"word":"a","start":3,"end":4`} {
		require.Contains(t, got[0], at)
	}
	for i, want := range []string{`\"bore\" is not in the text`, `\"film\": want place 2 of that word, the text has 1`, "[2,99] is no place of a text of 6 characters", "want a string or [start,end] with 0", `target 0 (\" \") holds no token`, "target 0: the word is empty"} {
		require.Contains(t, got[i+1], want)
	}
	require.Equal(t, 6, strings.Count(errOut, "cephalo: line"))
	out, _, code = command(t, strings.Replace(lines[0], "[3,4]", "[5,6]", 1), "predict", "--model", dir, "--format", "json", "--offsets", "utf16")
	require.Equal(t, exitDone, code)
	require.Contains(t, out, `"start":7,"end":11`)
	require.Contains(t, out, `"word":"a","start":5,"end":6`)
	_, errOut, code = command(t, lines[0], "predict", "--model", dir, "--offsets", "utf16")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut, "[3,4] cuts a character of the text, counted in UTF-16 units", "half of a surrogate pair")
	_, errOut, code = command(t, lines[0], "predict", "--model", dir, "--offsets", "byte")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut, "target 2: [3,4] cuts a character of the text, counted in bytes")
	out, _, code = command(t, strings.Replace(lines[0], "[3,4]", "[9,10]", 1), "predict", "--model", dir, "--format", "json", "--offsets", "byte")
	require.Equal(t, exitDone, code)
	require.Contains(t, out, `"word":"a","start":9,"end":10`)
}

// TestOccurrence: a word by itself goes before one within another.
func TestOccurrence(t *testing.T) {
	for _, c := range []struct {
		text, word string
		want       []int
	}{
		{"you cannot, I can", "can", []int{14}},
		{"can can, cannot can.", "can", []int{0, 4, 16}},
		{"私は東京に東京", "東京", []int{6, 15}},
		{"scan", "can", nil},
		{"catalog cats", "cat", nil},
		{"日本語 日", "日", []int{10}},
		{"日本語だ", "本語", []int{3}},
		{"その can です", "can", []int{7}},
		{"そのcanです", "can", []int{6}},
		{"cafe\u0301 cafe", "cafe", []int{7}},
		{"cafe\u0301", "cafe", nil},
		{"(a), 'a'", "a", []int{1, 6}},
		{"$5 and 5", "5", []int{1, 7}},
		{"x$y", "$", []int{1}},
		{"a_b b", "b", []int{4}},
	} {
		for i, at := range c.want {
			got, err := occurrence(c.text, c.word, i)
			require.NoError(t, err, c.text)
			require.Equal(t, cephalo.Span{Start: at, End: at + len(c.word)}, got, "%q", c.text)
		}
		_, err := occurrence(c.text, c.word, len(c.want))
		require.Error(t, err, "%q", c.text)
	}
}

// TestHalves: what says nothing by itself is named with what is missing.
func TestHalves(t *testing.T) {
	dir := withHeads(t, everyHead[0].task, everyHead[6].task, everyHead[10].task, everyHead[16].task)
	for in, want := range map[string]string{
		`{"text_pair":"a"}`:                    `the key "text" is missing: "text_pair" is there without it`,
		`{"targets":["a"]}`:                    `the key "text" is missing: "targets"`,
		`{"context":"a"}`:                      `the key "question" is missing: "context"`,
		`{"text":"a","question":"a"}`:          `the key "context" is missing: "question"`,
		`{"query":"a"}`:                        `the key "texts" is missing: "query"`,
		`{"texts":["a"]}`:                      `the key "query" is missing: "texts"`,
		`{"labels":["a"]}`:                     `the key "labels" is of zero-shot`,
		`{"text":"a","ids":[1]}`:               `the key "ids" is of tokenize --decode`,
		`{}`:                                   `the input is empty, want a text, or a question and a context`,
		`{"question":"which","choices":["a"]}`: `the input is choices, want a text`,
	} {
		_, errOut, code := command(t, in, "predict", "--model", dir)
		require.Equal(t, exitFailed, code, in)
		require.Contains(t, errOut, want)
	}
	dir = withHeads(t, everyHead[16].task)
	_, errOut, code := command(t, `{"text":"a film","targets":["film"]}`, "predict", "--model", dir)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut, "the input is a text with one target, want a text and at least two targets")
	_, errOut, code = command(t, "a film", "predict", "--model", dir)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut, "the input is a text, want a text and at least two targets")
}

// TestPredictWindows: windows are refused where a head reads a text in one piece.
func TestPredictWindows(t *testing.T) {
	dir := withHeads(t, everyHead[2].task, everyHead[12].task, everyHead[3].task)
	for _, flag := range [][]string{{"--on-long", "window"}, {"--overlap", "2"}} {
		args := append([]string{"predict", "--model", dir}, flag...)
		_, errOut, code := command(t, "a film", args...)
		require.Equal(t, exitUsage, code)
		require.Contains(t, errOut, "the head parser reads a text in one piece")
		_, errOut, code = command(t, "a film", append(args, "--tasks", "ner,events")...)
		require.Equal(t, exitDone, code, errOut)
		for _, name := range []string{"embed", "similar", "rank", "zero-shot", "fill-mask"} {
			_, errOut, code := command(t, "a film", append([]string{name, "--model", dir}, flag...)...)
			require.Equal(t, exitUsage, code)
			require.Contains(t, errOut, name+" reads a text in one piece")
		}
	}
}

// TestUntagged: a predicate that is asked about and not tagged has neither label
// nor score in a table.
func TestUntagged(t *testing.T) {
	p := placed{unit: "char", text: "é ends now"}
	arg := cephalo.Entity{Label: "ARG", Score: 0.5, Word: "ends now", Start: 3, End: 11}
	v := p.frames([]cephalo.Frame{{Predicate: cephalo.Entity{Word: "ends", Start: 3, End: 7}, Arguments: []cephalo.Entity{arg}}})
	require.Equal(t, []string{p.text, "predicate:2:6::ends", "ARG:2:10:0.5000:ends now"}, v.tsv)
	require.Equal(t, "é [[ends predicate] now ARG]", v.text)
	r := p.relations([]cephalo.Relation{{Head: cephalo.Mention{Word: "é", Start: 0, End: 2}, Tail: cephalo.Mention{Word: "now", Start: 8, End: 11}, Label: "x", Score: 1}})
	require.Equal(t, []string{p.text, "x:0:1:7:10:1.0000:é:now"}, r.tsv)
	c := p.clusters([][]cephalo.Mention{{{Word: "é", Start: 0, End: 2}, {Word: "now", Start: 8, End: 11}}})
	require.Equal(t, []string{p.text, "0:1:é=7:10:now"}, c.tsv)
}

// TestPredictFlags: a flag that no head reads is wrong use.
func TestPredictFlags(t *testing.T) {
	dir := withHeads(t, one("ner", heads.NamedEntityRecognition, "O", "B-PER"))
	for _, flag := range [][]string{{"--raw"}, {"--threshold", "0.5"}, {"--top-k", "2"}, {"--activation", "sigmoid"}, {"--tasks", "ner"}} {
		_, errOut, code := command(t, "a film", append([]string{"predict", "--model", dir}, flag...)...)
		require.Equal(t, exitUsage, code, flag)
		require.Contains(t, errOut, flag[0]+" does nothing here: the model")
	}
	for want, c := range map[string]struct {
		task heads.Task
		args []string
	}{
		"--aggregation does nothing":     {everyHead[0].task, []string{"--aggregation", "max"}},
		"--offsets does nothing":         {everyHead[0].task, []string{"--offsets", "byte"}},
		"--raw and --activation exclude": {everyHead[0].task, []string{"--raw", "--activation", "softmax"}},
		"--top-k does nothing":           {everyHead[1].task, []string{"--top-k", "3"}},
		"--threshold does nothing":       {everyHead[1].task, []string{"--threshold", "0.1"}},
		"--activation does nothing":      {everyHead[1].task, []string{"--activation", "sigmoid"}},
	} {
		_, errOut, code := command(t, "a film", append([]string{"predict", "--model", withHeads(t, c.task)}, c.args...)...)
		require.Equal(t, exitUsage, code, want)
		require.Contains(t, errOut, want)
	}
	out, _, code := command(t, "a film", "predict", "--model", withHeads(t, everyHead[1].task), "--raw", "--format", "json")
	require.Equal(t, exitDone, code)
	require.Contains(t, out, `{"value":`)
	dir = withHeads(t, everyHead[7].task)
	_, errOut, code := command(t, "", "similar", "--model", dir, "--dimensions", "3", "a", "b")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut, `the head "similar" compares texts its own way`)
}
