package cephalo_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
)

// tasks are three heads of our own on one encoder.
func tasks() []heads.Task {
	return []heads.Task{
		{Config: heads.TaskConfig{Name: "topic", TaskType: heads.TopicClassification, Labels: []string{"x", "y", "z"}}},
		{Config: heads.TaskConfig{Name: "ner", TaskType: heads.NamedEntityRecognition, Labels: bio}},
		{Config: heads.TaskConfig{Name: "similar", TaskType: heads.TextSimilarityTask}},
	}
}

// inputs are texts as a multi-task model takes them.
func inputs(texts []cephalo.Text) []cephalo.Input {
	out := make([]cephalo.Input, len(texts))
	for i := range texts {
		out[i].Text = &texts[i]
	}
	return out
}

func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(p)
		out[d.Name()] = string(raw)
		return err
	}))
	return out
}

// TestSaveLoad: load gives bit-equal outputs, and save, load, save identical bytes;
// all heads run in the submit of the encoder.
func TestSaveLoad(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := sentiment(t, b)
		require.NoError(t, m.NewHeads(t.Context(), tasks(), true, 5))
		texts := mixed(4)
		want, err := m.Predict(t.Context(), inputs(texts), cephalo.PredictOptions{Classify: cephalo.ClassifyOptions{TopK: 3}})
		require.NoError(t, err)
		require.Len(t, want, 4)
		require.Len(t, want[0]["topic"].(cephalo.Classification).Scores, 3)
		require.Len(t, want[0]["similar"], 128)
		require.EqualValues(t, 1, m.Stats().Submits)
		require.EqualValues(t, 1, m.Stats().Maps)
		first := filepath.Join(t.TempDir(), "saved")
		require.NoError(t, m.Save(t.Context(), first))
		again := open(t, b, first)
		require.Equal(t, []string{"topic", "ner", "similar"}, again.Tasks())
		got, err := again.Predict(t.Context(), inputs(texts), cephalo.PredictOptions{Classify: cephalo.ClassifyOptions{TopK: 3}})
		require.NoError(t, err)
		require.Equal(t, want, got)
		second := filepath.Join(t.TempDir(), "saved")
		require.NoError(t, again.Save(t.Context(), second))
		require.Equal(t, read(t, first), read(t, second))
		require.NoError(t, again.Save(t.Context(), second), "an existing model folder is replaced")
	})
}

// TestSaveRefuses a folder that holds what would be lost, whatever it is called.
func TestSaveRefuses(t *testing.T) {
	b, err := cephalo.OpenBackend(t.Context(), cephalo.BackendOptions{Name: cephalo.BackendCPU})
	require.NoError(t, err)
	defer b.Close()
	m := sentiment(t, b)
	ctx := t.Context()
	folder := func(files ...string) string {
		dir := t.TempDir()
		for i := 0; i < len(files); i += 2 {
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, files[i])), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o644))
		}
		return dir
	}
	const model = `{"model_type":"bert"}`
	for want, files := range map[string][]string{
		"no config.json":                      {"letter.txt", "dear"},
		"names no model_type":                 {"config.json", `{"port":8080}`, "main.go", "package main"},
		"it holds .git/HEAD, which would be":  {"config.json", model, ".git/HEAD", "ref"},
		"it holds notes.txt, which would":     {"config.json", model, "model.safetensors", "", "notes.txt", "dear"},
		"it holds 1_notes/a, which would":     {"config.json", model, "1_notes/a", "dear"},
		"it holds data.bin, which would":      {"config.json", model, "data.bin", "", "model.safetensors", ""},
		"it holds vectors.safetensors, which": {"config.json", model, "vectors.safetensors", ""},
		"it holds training_args.bin, which":   {"config.json", model, "training_args.bin", ""},
		"it holds my.index.json, which":       {"config.json", model, "my.index.json", ""},
		"it holds io.safetensors, which":      {"config.json", model, "io.safetensors", ""},
		"it holds 1_Pooling/notes.txt, which": {"config.json", model, "1_Pooling/config.json", "{}", "1_Pooling/notes.txt", "dear"},
		"it holds 2024_Photos/a.jpg, which":   {"config.json", model, "2024_Photos/a.jpg", ""},
	} {
		dir := folder(files...)
		for _, name := range []string{dir, dir + "/absent/..", dir + "/."} {
			require.ErrorContains(t, m.Save(ctx, name), want, name)
		}
		t.Chdir(dir)
		for _, name := range []string{".", "absent/..", "../" + filepath.Base(dir)} {
			require.ErrorContains(t, m.Save(ctx, name), want, name)
		}
		require.ErrorContains(t, m.Save(ctx, ""), "the name is empty")
		for i := 0; i < len(files); i += 2 {
			raw, err := os.ReadFile(filepath.Join(dir, files[i]))
			require.NoError(t, err)
			require.Equal(t, files[i+1], string(raw))
		}
	}
	dir := folder("config.json", model, "1_Pooling/config.json", "{}", "pytorch_model.bin", "", "model-00001-of-00002.safetensors", "", "model.safetensors.index.json", "", "vocab.txt", "")
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(dir, link))
	require.NoError(t, m.Save(ctx, link))
	require.FileExists(t, filepath.Join(dir, "model.safetensors"), "where the link leads")
	for _, name := range []string{"pytorch_model.bin", "model-00001-of-00002.safetensors", "model.safetensors.index.json"} {
		require.NoFileExists(t, filepath.Join(dir, name))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "notes.bin"), nil, 0o644))
	own := open(t, b, dir)
	require.ErrorContains(t, own.Save(ctx, dir), "it holds notes.bin")
	require.NoError(t, os.Remove(filepath.Join(dir, "notes.bin")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("A"), 0o644))
	require.NoError(t, own.Save(ctx, dir), "what lies beside the model goes with it")
	require.FileExists(t, filepath.Join(dir, "notes.txt"))
	require.ErrorContains(t, own.Save(ctx, filepath.Join(dir, "sub")), "within the model's own folder")
	other := folder("config.json", model, "notes.txt", "B")
	require.ErrorContains(t, own.Save(ctx, other), "it holds notes.txt, which would be lost")
	fresh := filepath.Join(t.TempDir(), "fresh")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "model.fp16.safetensors"), nil, 0o644))
	require.NoError(t, own.Save(ctx, fresh))
	require.FileExists(t, filepath.Join(fresh, "notes.txt"))
	require.NoFileExists(t, filepath.Join(fresh, "model.fp16.safetensors"), "weights of another form")
	st, err := os.Lstat(link)
	require.NoError(t, err)
	require.NotZero(t, st.Mode()&os.ModeSymlink)
	require.NoError(t, os.RemoveAll(dir))
	require.ErrorContains(t, m.Save(ctx, link), "link that cannot be followed")
}

// TestAttachMismatch is the guide's first troubleshooting case.
func TestAttachMismatch(t *testing.T) {
	b, err := cephalo.OpenBackend(t.Context(), cephalo.BackendOptions{Name: cephalo.BackendCPU})
	require.NoError(t, err)
	defer b.Close()
	cfg := encoders.BERTTiny
	cfg.VocabSize, cfg.NumHiddenLayers = 20, 1
	m, err := cephalo.New(t.Context(), encoders.BERT(cfg), 1, cephalo.WithSharedBackend(b))
	require.NoError(t, err)
	defer m.Close()
	h, w, err := heads.New(t.Context(), b, heads.TaskConfig{Name: "sentiment", TaskType: heads.SentimentAnalysis, NumClasses: 3}, 768, heads.Options{}, 1)
	require.NoError(t, err)
	defer w.Release()
	err = m.Attach(h.(heads.Module), w)
	require.True(t, errors.Is(err, heads.ErrDimMismatch))
	require.EqualError(t, err, `head "sentiment": input_dim 768 does not match hidden size 256; create the head with input_dim=256: `+heads.ErrDimMismatch.Error())
}

// TestHeadPipelines runs heads of our own through the pipelines: a pair through a
// similarity head, an answer through a span head, tags through a CRF, and regression.
func TestHeadPipelines(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := sentiment(t, b)
		pair := "a dull film"
		texts := []cephalo.Text{{Text: "a dull film", Pair: &pair}}
		for _, fn := range []string{"cosine", "dot", "learned"} {
			require.NoError(t, m.NewHead(t.Context(), heads.TaskConfig{Name: "similar", TaskType: heads.TextSimilarityTask}, heads.Options{SimilarityFunction: fn, Pooling: "mean"}, 3))
			got, err := m.Similar(t.Context(), texts, cephalo.EmbedOptions{})
			require.NoError(t, err)
			if fn == "cosine" {
				require.InDelta(t, 1, got[0], 1e-5)
			}
		}
		require.NoError(t, m.NewHead(t.Context(), heads.TaskConfig{Name: "qa", TaskType: heads.QuestionAnsweringTask}, heads.Options{UseTaskAttention: true}, 3))
		answers, err := m.Answer(t.Context(), []cephalo.Question{{Question: "what is good", Context: "the film is good and long"}})
		require.NoError(t, err)
		require.NotEmpty(t, answers[0][0].Answer)
		require.NoError(t, m.NewHead(t.Context(), heads.TaskConfig{Name: "ner", TaskType: heads.NamedEntityRecognition, UseCRF: true, Labels: bio}, heads.Options{CRFConstraints: true}, 3))
		tags, err := m.Tag(t.Context(), []string{"the film is good"}, cephalo.TagOptions{Aggregation: "none", IgnoreLabels: []string{}})
		require.NoError(t, err)
		require.Len(t, tags[0], 4)
		require.NoError(t, m.NewHead(t.Context(), heads.TaskConfig{Name: "quality", TaskType: heads.QualityScoring}, heads.Options{}, 3))
		for r, err := range m.ClassifySeq(t.Context(), func(yield func(cephalo.Text) bool) { yield(texts[0]) }, cephalo.ClassifyOptions{}) {
			require.NoError(t, err)
			require.Len(t, r.Values, 1)
		}
	})
}
