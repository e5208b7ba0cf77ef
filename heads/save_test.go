package heads_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/internal/safetensors"
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// saved is a head's folder in memory.
func saved(t testing.TB, cfg heads.TaskConfig, opt heads.Options) fstest.MapFS {
	t.Helper()
	head, w := newHead(t, cpu(t), cfg, 16, opt)
	dir := filepath.Join(t.TempDir(), "m")
	require.NoError(t, heads.Save(t.Context(), dir, head.(heads.Module), w))
	return files(t, dir)
}

// files are the files of heads in a folder.
func files(t testing.TB, dir string) fstest.MapFS {
	t.Helper()
	fsys := fstest.MapFS{}
	for _, name := range []string{heads.ConfigFile, heads.WeightsFile} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		fsys[name] = &fstest.MapFile{Data: raw}
	}
	return fsys
}

var savedConfig = heads.TaskConfig{
	Name: "mood", TaskType: heads.SentimentAnalysis, Labels: []string{"neg", "pos"}, MaxLength: 77, DropoutRate: ptr(0.3), HiddenSize: 8, LossWeight: ptr(0.0),
	LabelSmoothing: 0.1, UseAttentionPooling: true,
}

// TestSavedFields: heads.json holds every field of the config and every option, and
// loading gives them back.
func TestSavedFields(t *testing.T) {
	fsys := saved(t, savedConfig, heads.Options{UseFFN: true})
	var f struct {
		FormatVersion int `json:"format_version"`
		Heads         []struct {
			Task    map[string]any `json:"task"`
			Options map[string]any `json:"options"`
		} `json:"heads"`
	}
	require.NoError(t, json.Unmarshal(fsys[heads.ConfigFile].Data, &f))
	require.Equal(t, 1, f.FormatVersion)
	require.Equal(t, map[string]any{
		"name": "mood", "task_type": "sentiment_analysis", "num_classes": 2.0, "num_labels": 2.0, "labels": []any{"neg", "pos"}, "problem_type": "single_label",
		"max_length": 77.0, "dropout_rate": 0.3, "hidden_size": 8.0, "loss_weight": 0.0, "label_smoothing": 0.1, "use_crf": false,
		"use_attention_pooling": true, "vocabulary_size": nil, "beam_size": 1.0, "temperature": 1.0,
	}, f.Heads[0].Task)
	require.Equal(t, map[string]any{
		"normalization_type": "layer_norm", "activation_type": "gelu", "input": "sequence", "use_pooling": true, "pooling_type": "attention",
		"use_intermediate": true, "intermediate_size": nil, "use_task_attention": false, "attention_type": "multi_head", "use_ffn": true, "ffn_type": "mlp",
		"ffn_expansion_factor": 4.0, "initializer_range": 0.02, "dropout_rate": 0.3, "name": "mood_head", "output_embeddings": nil, "similarity_function": nil,
		"num_attention_heads": 8.0, "crf_constraints": false, "crf_token_mean": false, "tie_to": nil,
	}, f.Heads[0].Options)
	m, w, err := heads.Load(t.Context(), cpu(t), fsys, heads.LoadOptions{})
	require.NoError(t, err)
	defer w.Release()
	want, err := savedConfig.Validate()
	require.NoError(t, err)
	require.Equal(t, want, m.(heads.Head).Config())
}

// TestSavedOptions: every field and every option survives with a value that is not its
// default, and the folder is saved again to the same bytes.
func TestSavedOptions(t *testing.T) {
	tags := heads.TaskConfig{
		Name: "tags", TaskType: heads.NamedEntityRecognition, Labels: []string{"O", "B-X", "I-X"}, MaxLength: 99, DropoutRate: ptr(0.0), HiddenSize: 16, LossWeight: ptr(2.5),
		UseCRF: true,
	}
	values := heads.TaskConfig{Name: "values", TaskType: heads.EmotionDetection, NumLabels: 2, ProblemType: heads.RegressionProblem}
	all := heads.Options{
		Normalization: "band_rms", Activation: "mish", UseIntermediate: ptr(true), IntermediateSize: 24, UseTaskAttention: true, Attention: "differential",
		UseFFN: true, FFN: "lowrank", FFNExpansion: 3, InitializerRange: ptr(0.01), DropoutRate: ptr(0.2), Name: "tagger", NumAttentionHeads: 4, CRFConstraints: true, TokenMean: true,
	}
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for _, c := range []struct {
			cfg heads.TaskConfig
			opt heads.Options
			run func(heads.Module) results
		}{
			{tags, all, runHead(t, b, 2, 5, 16)},
			{values, heads.Options{Normalization: "rms_norm", Input: "pooled", UseIntermediate: ptr(false), InitializerRange: ptr(0.0)}, runHead(t, b, 2, 16)},
			{heads.TaskConfig{Name: "off", TaskType: heads.SpamDetection, NumClasses: 2}, heads.Options{UsePooling: ptr(false)}, runHead(t, b, 2, 16)},
			{heads.TaskConfig{Name: "last", TaskType: heads.SpamDetection, NumClasses: 2, LabelSmoothing: 0.25}, heads.Options{Pooling: "last"}, runHead(t, b, 2, 5, 16)},
			{heads.TaskConfig{Name: "attentive", TaskType: heads.SpamDetection, NumClasses: 2, UseAttentionPooling: true}, heads.Options{}, runHead(t, b, 2, 5, 16)},
			{heads.TaskConfig{Name: "writer", TaskType: heads.TextCompletion, BeamSize: 3, Temperature: ptr(1.5), VocabularySize: 12}, heads.Options{}, runHead(t, b, 2, 5, 16)},
			{heads.TaskConfig{Name: "same", TaskType: heads.DuplicateDetection}, heads.Options{SimilarityFunction: "dot", OutputEmbeddings: ptr(false)}, runHead(t, b, 2, 16)},
		} {
			head, w := newHead(t, b, c.cfg, 16, c.opt)
			o := head.(interface{ Options() heads.Options }).Options()
			want, err := c.cfg.Validate()
			require.NoError(t, err)
			require.Equal(t, want, head.Config())
			resolved, err := c.opt.Resolve(want, head.Kind(), 16)
			require.NoError(t, err)
			require.Equal(t, resolved, o)
			requireSaved(t, b, head.(heads.Module), w, c.run)
		}
	})
	head, _ := newHead(t, cpu(t), tags, 16, all)
	o := head.(*heads.TokenClassification).Options()
	all.Input, all.UsePooling = "sequence", ptr(false) // the rest is as it was given
	require.Equal(t, all, o)
}

// TestSavedNames: the tensors lie under the names of spec 8.
func TestSavedNames(t *testing.T) {
	for _, c := range []struct {
		cfg  heads.TaskConfig
		opt  heads.Options
		want string
	}{
		{heads.TaskConfig{TaskType: heads.TopicClassification}, heads.Options{Pooling: "attention", UseTaskAttention: true, UseFFN: true},
			"norm.weight norm.bias pooling.weight pooling.bias intermediate.dense.weight intermediate.dense.bias intermediate.norm.weight intermediate.norm.bias attention.qkv.weight attention.proj.weight ffn.up.weight ffn.up.bias ffn.down.weight ffn.down.bias classifier.weight classifier.bias"},
		{heads.TaskConfig{TaskType: heads.QuestionAnsweringTask}, heads.Options{UseIntermediate: ptr(false), UseTaskAttention: true, Attention: "differential"},
			"norm.weight norm.bias attention.q1.weight attention.q1.bias attention.k1.weight attention.k1.bias attention.q2.weight attention.q2.bias attention.k2.weight attention.k2.bias attention.v.weight attention.v.bias attention.proj.weight attention.proj.bias attention.lambda start.weight start.bias end.weight end.bias"},
		{heads.TaskConfig{TaskType: heads.TextSimilarityTask}, heads.Options{UseIntermediate: ptr(false), SimilarityFunction: "learned"},
			"norm.weight norm.bias projection.weight projection.bias sim_hidden.weight sim_hidden.bias sim_output.weight sim_output.bias"},
		{heads.TaskConfig{TaskType: heads.TextGenerationTask}, heads.Options{UseIntermediate: ptr(false), UseTaskAttention: true, Attention: "cbam"},
			"norm.weight norm.bias attention.mlp1.weight attention.mlp2.weight attention.conv.weight attention.conv.bias lm_head.weight lm_head.bias"},
		{heads.TaskConfig{TaskType: heads.MultipleChoiceTask}, heads.Options{UseIntermediate: ptr(false)}, "norm.weight norm.bias scorer.weight scorer.bias"},
		{heads.TaskConfig{TaskType: heads.NamedEntityRecognition, UseCRF: true}, heads.Options{UseIntermediate: ptr(false)},
			"norm.weight norm.bias classifier.weight classifier.bias crf.transitions crf.start crf.end"},
	} {
		cfg := of("x", c.cfg.TaskType)
		cfg.UseCRF = c.cfg.UseCRF
		fsys := saved(t, cfg, c.opt)
		f, err := safetensors.OpenFS(fsys, heads.WeightsFile)
		require.NoError(t, err)
		var want []string
		for _, n := range strings.Fields(c.want) {
			want = append(want, "head."+n)
		}
		require.ElementsMatch(t, want, f.Names())
		require.NoError(t, f.Close())
	}
	m, w := newMulti(t, cpu(t), []heads.Task{task("a", heads.TopicClassification, heads.Options{UseIntermediate: ptr(false)})}, 16, true)
	var names []string
	for _, p := range w.Params {
		names = append(names, p.Name)
	}
	require.ElementsMatch(t, []string{"projections.a.weight", "projections.a.bias", "heads.a.norm.weight", "heads.a.norm.bias", "heads.a.classifier.weight", "heads.a.classifier.bias"}, names)
	require.True(t, m.Projections())
}

func TestLoadErrors(t *testing.T) {
	good := saved(t, savedConfig, heads.Options{})
	b := cpu(t)
	load := func(fsys fstest.MapFS) error {
		_, _, err := heads.Load(t.Context(), b, fsys, heads.LoadOptions{})
		require.Error(t, err)
		require.Zero(t, b.Stats().Bytes, "nothing is held after an error")
		return err
	}
	edit := func(pairs ...string) fstest.MapFS {
		text := string(good[heads.ConfigFile].Data)
		for i := 0; i < len(pairs); i += 2 {
			require.Contains(t, text, pairs[i])
			text = strings.Replace(text, pairs[i], pairs[i+1], 1)
		}
		return fstest.MapFS{heads.ConfigFile: &fstest.MapFile{Data: []byte(text)}, heads.WeightsFile: good[heads.WeightsFile]}
	}
	withoutIntermediate := edit(`"use_intermediate": true`, `"use_intermediate": false`, `"hidden_size": 8`, `"hidden_size": null`)
	require.ErrorIs(t, load(edit(`"format_version": 1`, `"format_version": 2, "more": 3`)), tensor.ErrUnsupported)
	require.ErrorContains(t, load(edit(`"format_version": 1`, `"format_version": 1, "more": 3`)), "unknown field")
	require.ErrorContains(t, load(edit(`"beam_size": 1`, `"beam_size": 1, "beams": 3`)), "unknown field")
	require.ErrorContains(t, load(edit(`"task_type": "sentiment_analysis"`, `"task_type": "chess"`)), "chess")
	require.ErrorContains(t, load(edit(`"input_dim": 16`, `"input_dim": 12`)), "input_dim")
	require.ErrorContains(t, load(edit(`"projections": false`, `"projections": true`)), "multi_task")
	require.ErrorContains(t, load(edit(`"hidden_size": 8`, `"hidden_size": 9`)), "of another shape")
	require.ErrorContains(t, load(edit(`"use_ffn": false`, `"use_ffn": true`)), "missing: head.ffn.up.weight")
	require.ErrorContains(t, load(edit(`"use_intermediate": true`, `"use_intermediate": false`)), "hidden_size 8 has no effect")
	require.ErrorContains(t, load(withoutIntermediate), "surplus: head.intermediate.dense.bias")
	var le *nn.LoadError
	require.ErrorAs(t, load(edit(`"use_ffn": false`, `"use_ffn": true`)), &le)
	require.Len(t, le.Missing, 4)

	raw := good[heads.WeightsFile].Data
	require.ErrorIs(t, load(fstest.MapFS{heads.ConfigFile: good[heads.ConfigFile], heads.WeightsFile: &fstest.MapFile{Data: raw[:len(raw)-4]}}), safetensors.ErrFormat)
	require.ErrorIs(t, load(fstest.MapFS{heads.ConfigFile: good[heads.ConfigFile]}), os.ErrNotExist)
	require.ErrorIs(t, load(fstest.MapFS{heads.WeightsFile: good[heads.WeightsFile]}), os.ErrNotExist)

	text := string(good[heads.ConfigFile].Data)
	for _, bad := range []string{
		"", "{", "null", "[]", `{"format_version": 1}`, `{"format_version": "1"}`, text + text,
		strings.Replace(text, `"format_version": 1,`, "", 1), // no version
		strings.Replace(text, `"format_version": 1`, `"format_version": 0`, 1),
		strings.Replace(text, `"beam_size": 1`, `"beam_size": 0`, 1),
		strings.Replace(text, `"max_length": 77`, `"max_length": -77`, 1),
		strings.Replace(text, `"heads": [`, `"heads": [null, `, 1),
	} {
		require.ErrorContains(t, load(fstest.MapFS{heads.ConfigFile: &fstest.MapFile{Data: []byte(bad)}, heads.WeightsFile: good[heads.WeightsFile]}), heads.ConfigFile, "%s", bad)
	}
	for cut := 0; cut < len(raw); cut += 1 + len(raw)/50 {
		require.ErrorIs(t, load(fstest.MapFS{heads.ConfigFile: good[heads.ConfigFile], heads.WeightsFile: &fstest.MapFile{Data: raw[:cut]}}), safetensors.ErrFormat)
	}

	// Lenient: what is missing is drawn, and named; what is too much is passed over.
	_, surplus, err := heads.Load(t.Context(), b, withoutIntermediate, heads.LoadOptions{Lenient: true})
	require.ErrorContains(t, err, "of another shape", "the classifier follows the width")
	require.Nil(t, surplus)
	narrow := saved(t, heads.TaskConfig{Name: "x", TaskType: heads.SpamDetection, NumClasses: 2}, heads.Options{})
	less := strings.Replace(string(narrow[heads.ConfigFile].Data), `"use_intermediate": true`, `"use_intermediate": false`, 1)
	_, surplus, err = heads.Load(t.Context(), b, fstest.MapFS{heads.ConfigFile: &fstest.MapFile{Data: []byte(less)}, heads.WeightsFile: narrow[heads.WeightsFile]}, heads.LoadOptions{Lenient: true})
	require.NoError(t, err)
	require.Empty(t, surplus.Filled)
	surplus.Release()
	_, w, err := heads.Load(t.Context(), b, edit(`"use_ffn": false`, `"use_ffn": true`), heads.LoadOptions{Lenient: true})
	require.NoError(t, err)
	defer w.Release()
	require.Len(t, w.Filled, 4)
}

// TestSaveKeepsOthers: a folder that holds more than heads is not replaced.
func TestSaveKeepsOthers(t *testing.T) {
	head, w := newHead(t, cpu(t), savedConfig, 16, heads.Options{})
	dir := t.TempDir()
	other := filepath.Join(dir, "config.json")
	require.NoError(t, os.WriteFile(other, []byte("{}"), 0o666))
	for _, name := range []string{dir, dir + "/absent/.."} {
		require.ErrorContains(t, heads.Save(t.Context(), name, head.(heads.Module), w), "config.json, which would be lost", name)
	}
	require.ErrorContains(t, heads.Save(t.Context(), "", head.(heads.Module), w), "the name is empty")
	require.NoError(t, heads.Write(t.Context(), dir, head.(heads.Module), w))
	require.FileExists(t, other)
	_, lw, err := heads.LoadDir(t.Context(), cpu(t), dir, heads.LoadOptions{})
	require.NoError(t, err)
	lw.Release()
}

// TestStrictFile: at every level of heads.json a key stands once, as it is written, and
// none that is required is missing; an option that is left out has its default.
func TestStrictFile(t *testing.T) {
	good := saved(t, savedConfig, heads.Options{})
	text := string(good[heads.ConfigFile].Data)
	load := func(t *testing.T, text string) error {
		m, w, err := heads.Load(t.Context(), cpu(t), fstest.MapFS{heads.ConfigFile: &fstest.MapFile{Data: []byte(text)}, heads.WeightsFile: good[heads.WeightsFile]}, heads.LoadOptions{})
		if err == nil {
			w.Release()
			require.Equal(t, "mood", m.(heads.Head).Config().Name)
		}
		return err
	}
	require.NoError(t, load(t, text))
	for _, c := range []struct{ old, new, say string }{
		{`"format_version": 1`, `"format_version": 1, "format_version": 1`, `key "format_version" comes twice`},
		{`"heads": [`, `"heads": [], "heads": [`, `key "heads" comes twice`},
		{`"task": {`, `"task": {}, "task": {`, `head 0: key "task" comes twice`},
		{`"max_length": 77`, `"max_length": 12, "max_length": 77`, `head 0: task: key "max_length" comes twice`},
		{`"use_ffn": false`, `"use_ffn": true, "use_ffn": false`, `head 0: options: key "use_ffn" comes twice`},
		{`"heads": [`, `"Heads": [`, `unknown field "Heads", want one of format_version, input_dim, multi_task, projections, heads`},
		{`"format_version"`, `"Format_Version"`, `unknown field "Format_Version", want one of format_version`},
		{`"task": {`, `"Task": {`, `head 0: unknown field "Task", want one of input_dim, task, options`},
		{`"max_length"`, `"Max_length"`, `head 0: task: unknown field "Max_length", want one of name, task_type`},
		{`"use_ffn"`, `"use_FFN"`, `head 0: options: unknown field "use_FFN", want one of normalization_type`},
		{`"projections": false`, `"projections": false, "colour": 1`, `unknown field "colour", want one of format_version`},
		{`"options": {`, `"options": null, "more": {`, `head 0: unknown field "more", want one of input_dim, task, options`},
		{`"multi_task": false`, `"multi_task": "no"`, "multi_task"},
		{`"beam_size": 1`, `"beam_size": "1"`, "head 0: task: beam_size: "},
		{`"heads": [`, `"heads": 3, "projections": [`, `key "projections" comes twice`},
	} {
		require.Contains(t, text, c.old)
		err := load(t, strings.Replace(text, c.old, c.new, 1))
		require.ErrorContains(t, err, "heads.json: ")
		require.ErrorContains(t, err, c.say)
	}
	var f map[string]any
	at := func(level string) map[string]any {
		f = nil
		require.NoError(t, json.Unmarshal([]byte(text), &f))
		if level == "" {
			return f
		}
		head := f["heads"].([]any)[0].(map[string]any)
		if level == "head" {
			return head
		}
		return head[level].(map[string]any)
	}
	write := func() string {
		raw, err := json.Marshal(f)
		require.NoError(t, err)
		return string(raw)
	}
	for level, required := range map[string][]string{"": {"format_version", "input_dim", "heads"}, "head": {"input_dim", "task", "options"}} {
		for _, key := range required {
			delete(at(level), key)
			require.ErrorContains(t, load(t, write()), sprint("key %q is missing", key))
			at(level)[key] = nil
			require.ErrorContains(t, load(t, write()), sprint("key %q is null", key))
		}
	}
	options := at("options") // the rest is as it was given
	for key := range options {
		if key != "pooling_type" {
			delete(options, key)
		}
	}
	require.NoError(t, load(t, write()))
	f["heads"] = 3
	require.ErrorContains(t, load(t, write()), "heads: ")
}
