package heads_test

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
)

// meter is a backend that hands out a bounded amount of memory and counts what it was
// asked for.
type meter struct {
	tensor.Backend
	asked int64
}

func (m *meter) Alloc(n int64) (tensor.Buffer, error) {
	if m.asked += n; m.asked > 1<<24 {
		return nil, errors.New("the test's memory is at an end")
	}
	return m.Backend.Alloc(n)
}

// TestHugeSizes: a size beyond what any head takes is an error that names the field, its
// value and what is allowed, and takes no memory.
func TestHugeSizes(t *testing.T) {
	huge := math.MaxInt // of the platform
	classify := heads.TaskConfig{Name: "x", TaskType: heads.SentimentAnalysis, NumClasses: 2}
	with := func(set func(c *heads.TaskConfig)) heads.TaskConfig {
		c := classify
		set(&c)
		return c
	}
	for _, c := range []struct {
		say string
		cfg heads.TaskConfig
		dim int
		opt heads.Options
	}{
		{"num_classes is {huge}, want at most 1048576", with(func(c *heads.TaskConfig) { c.NumClasses = huge }), 8, heads.Options{}},
		{"num_labels is {huge}, want at most 1048576", with(func(c *heads.TaskConfig) { c.NumClasses, c.NumLabels = 0, huge }), 8, heads.Options{}},
		{"hidden_size is {huge}, want at most 32768", with(func(c *heads.TaskConfig) { c.HiddenSize = huge }), 8, heads.Options{}},
		{"max_length is {huge}, want at most 16777216", with(func(c *heads.TaskConfig) { c.MaxLength = huge }), 8, heads.Options{}},
		{"beam_size is {huge}, want at most 16777216", with(func(c *heads.TaskConfig) { c.BeamSize = huge }), 8, heads.Options{}},
		{"vocabulary_size is {huge}, want at most 16777216", heads.TaskConfig{Name: "x", TaskType: heads.TextCompletion, VocabularySize: huge}, 8, heads.Options{}},
		{"input_dim is {huge}, want at most 32768", classify, huge, heads.Options{}},
		{"intermediate_size is {huge}, want at most 32768", classify, 8, heads.Options{IntermediateSize: huge}},
		{"ffn_expansion_factor is {huge}, want at most 16777216", classify, 8, heads.Options{UseFFN: true, FFNExpansion: huge}},
		{"num_attention_heads is {huge}, want at most 32768", classify, 8, heads.Options{UseTaskAttention: true, NumAttentionHeads: huge}},
		// Each in bounds, their product not: 2^32 elements are 16 GiB.
		{"num_classes is 1048576, want at most 131072 at the width 32768", with(func(c *heads.TaskConfig) { c.NumClasses = 1 << 20 }), 1 << 15, heads.Options{}},
		{"vocabulary_size is 16777216, want at most 131072 at the width 32768", heads.TaskConfig{Name: "x", TaskType: heads.TextCompletion, VocabularySize: 1 << 24, HiddenSize: 1 << 15}, 8, heads.Options{}},
		{"ffn_expansion_factor is 4, want at most 2 at the width 32768", classify, 1 << 15, heads.Options{UseFFN: true}},
		{"ffn_expansion_factor is 65536, want at most 2048 at the width 1024", classify, 8, heads.Options{IntermediateSize: 1 << 10, UseFFN: true, FFNExpansion: 1 << 16}},
	} {
		b := &meter{Backend: cpu(t)}
		_, _, err := heads.New(t.Context(), b, c.cfg, c.dim, c.opt, 1)
		require.ErrorIs(t, err, heads.ErrSize, c.say)
		require.ErrorContains(t, err, strings.ReplaceAll(c.say, "{huge}", sprint("%d", huge)))
		require.Zero(t, b.asked, c.say)
		_, _, err = heads.NewMulti(t.Context(), b, []heads.Task{{Config: c.cfg, Options: c.opt}}, c.dim, c.cfg.HiddenSize == huge || c.dim == huge, 1)
		require.ErrorIs(t, err, heads.ErrSize, c.say)
		require.Zero(t, b.asked, c.say)
	}
}

// TestHugeFiles: a heads.json that asks for more than its tensors are takes no memory
// for what is not there.
func TestHugeFiles(t *testing.T) {
	multi, w := newMulti(t, cpu(t), []heads.Task{task("a", heads.TopicClassification, heads.Options{})}, 16, true)
	dir := filepath.Join(t.TempDir(), "m")
	require.NoError(t, heads.Save(t.Context(), dir, multi, w))
	alone := saved(t, heads.TaskConfig{Name: "x", TaskType: heads.TopicClassification, NumClasses: 3}, heads.Options{})
	type keys = map[string]any
	for name, good := range map[string]fstest.MapFS{"alone": alone, "multi": files(t, dir)} {
		for _, c := range []struct {
			task, options keys
			say           string
		}{
			{keys{"hidden_size": 1 << 20}, nil, "hidden_size is 1048576, want at most 32768"},
			{keys{"num_classes": 1 << 21, "num_labels": nil, "labels": nil}, nil, "num_classes is 2097152, want at most 1048576"},
			{nil, keys{"intermediate_size": 99999}, "intermediate_size is 99999, want at most 32768"},
			{keys{"num_classes": 1 << 20, "num_labels": nil, "labels": nil}, nil, "classifier.weight is [3 16], want [1048576 16]"},
			{nil, keys{"intermediate_size": 30000}, "intermediate.dense.weight is [16 16], want [30000 16]"},
			{nil, keys{"use_ffn": true, "ffn_expansion_factor": 100000}, "missing: "},
			{nil, keys{"use_ffn": true, "ffn_type": "geglu", "ffn_expansion_factor": 100000}, "missing: "},
		} {
			var f struct {
				FormatVersion int    `json:"format_version"`
				InputDim      int    `json:"input_dim"`
				MultiTask     bool   `json:"multi_task"`
				Projections   bool   `json:"projections"`
				Heads         []keys `json:"heads"`
			}
			require.NoError(t, json.Unmarshal(good[heads.ConfigFile].Data, &f))
			maps.Copy(f.Heads[0]["task"].(keys), c.task)
			maps.Copy(f.Heads[0]["options"].(keys), c.options)
			raw, err := json.Marshal(f)
			require.NoError(t, err)
			b := &meter{Backend: cpu(t)}
			_, _, err = heads.Load(t.Context(), b, fstest.MapFS{heads.ConfigFile: &fstest.MapFile{Data: raw}, heads.WeightsFile: good[heads.WeightsFile]}, heads.LoadOptions{})
			require.ErrorContains(t, err, c.say, name)
			require.LessOrEqual(t, b.asked, int64(len(good[heads.WeightsFile].Data)), "%s: %s", name, c.say)
			require.Zero(t, b.Stats().Bytes)
			if strings.Contains(c.say, "at most") {
				require.ErrorIs(t, err, heads.ErrSize)
			}
		}
	}
}
