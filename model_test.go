package cephalo_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/gpu"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/models"
	"github.com/cephalo-ml/cephalo/tensor"
)

// sentiment opens the embedded model.
func sentiment(t *testing.T, b tensor.Backend, opts ...cephalo.Option) *cephalo.Model {
	t.Helper()
	fsys, ok := models.Default()
	if !ok {
		t.Skip("built without the embedded model (tag nomodel)")
	}
	m, err := cephalo.OpenFS(t.Context(), fsys, append(opts, cephalo.WithSharedBackend(b))...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// mixed are texts of many lengths.
func mixed(n int) []cephalo.Text {
	words := strings.Fields("a moving wonderful film that is never dull and its long slow ending is a bore")
	out := make([]cephalo.Text, n)
	for i := range out {
		var s []string
		for j := range 1 + (i*7)%40 {
			s = append(s, words[(i*3+j*5)%len(words)])
		}
		out[i].Text = strings.Join(s, " ")
	}
	return out
}

// TestRaceGoroutines: 32 goroutines x 50 predictions of mixed lengths on one model
// equal the serial run, bit for bit on the CPU; bad inputs touch no other.
func TestRaceGoroutines(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		cpu := strings.HasPrefix(b.Name(), "cpu")
		goroutines, each := 32, 50
		if !cpu && testing.Short() {
			each = 5
		}
		m := sentiment(t, b)
		texts := mixed(each)
		want := make([][]cephalo.Score, each)
		for i := range texts {
			got, err := m.Classify(t.Context(), texts[i:i+1], cephalo.ClassifyOptions{TopK: 2})
			require.NoError(t, err)
			want[i] = got[0]
		}
		var wg sync.WaitGroup
		errs := make(chan error, goroutines*each)
		for g := range goroutines {
			wg.Go(func() {
				for k := range each {
					i := (g*11 + k) % each
					if g == 0 && k%3 == 0 { // a bad neighbour
						_, err := m.Classify(t.Context(), []cephalo.Text{{Err: fmt.Errorf("unreadable")}})
						if err == nil {
							errs <- fmt.Errorf("a bad input gave no error")
						}
					}
					if g == 1 && k%3 == 0 { // a cancelled one
						ctx, cancel := context.WithCancel(t.Context())
						cancel()
						if _, err := m.Classify(ctx, texts[:1]); err == nil {
							errs <- fmt.Errorf("a cancelled call gave no error")
						}
					}
					got, err := m.Classify(t.Context(), texts[i:i+1], cephalo.ClassifyOptions{TopK: 2})
					if err != nil {
						errs <- err
						return
					}
					for j, s := range got[0] {
						d := s.Score - want[i][j].Score
						if s.Label != want[i][j].Label || (cpu && d != 0) || !(d <= 1e-5 && d >= -1e-5) {
							errs <- fmt.Errorf("text %d: %v, serially %v", i, got[0], want[i])
							return
						}
					}
				}
			})
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			t.Error(err)
		}
	})
}

// TestStats: one submit and one map a forward, no allocation from the third on.
func TestStats(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := sentiment(t, b)
		var before int64
		for i := range 5 {
			_, err := m.Classify(t.Context(), mixed(3))
			require.NoError(t, err)
			st := m.Stats()
			require.EqualValues(t, 1, st.Submits)
			require.EqualValues(t, 1, st.Maps)
			if i >= 2 {
				require.Zero(t, st.Allocs, "forward %d", i)
				require.Equal(t, before, b.Stats().Allocs, "forward %d", i)
			}
			before = b.Stats().Allocs
		}
	})
}

// TestLongSequence: a forward over 4,096 tokens x 12 heads holds no score matrix,
// which alone would be 805 MB.
func TestLongSequence(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		const rows = 4096
		cfg := encoders.BERTBase
		cfg.NumHiddenLayers, cfg.VocabSize, cfg.MaxPositionEmbeddings = 1, 10, rows
		enc, w, err := encoders.New(t.Context(), b, encoders.BERT(cfg), 1)
		require.NoError(t, err)
		defer w.Release()
		batch, err := encoders.PackBatch([][]int32{make([]int32, rows)}, nil)
		require.NoError(t, err)
		s, err := b.Begin()
		require.NoError(t, err)
		defer s.Close()
		out, err := enc.Forward(&tensor.Scope{Stream: s}, batch, encoders.Want{})
		require.NoError(t, err)
		if strings.HasPrefix(b.Name(), "cpu") { // minutes on software Vulkan: there it is recorded alone
			require.NoError(t, s.Read(t.Context(), [][]byte{make([]byte, out.Hidden.Bytes())}, out.Hidden))
		}
		peak := s.Stats().PeakBytes
		require.Greater(t, peak, int64(rows*768*4*4), "q, k, v and the input at least")
		require.Less(t, peak, int64(200e6))
	})
}

// TestOddInput: odd text that is no error.
func TestOddInput(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := sentiment(t, b)
		for name, text := range map[string]string{"empty": "", "long": strings.Repeat("good film ", 10000), "invalid UTF-8": "good \xff\xfe film\x80", "controls": "\r\n\x11", "one word without end": strings.Repeat("a", 100000)} {
			got, err := m.Classify(t.Context(), []cephalo.Text{{Text: text}}, cephalo.ClassifyOptions{TopK: 2})
			require.NoError(t, err, name)
			require.Len(t, got[0], 2, name)
			require.InDelta(t, 1, got[0][0].Score+got[0][1].Score, 1e-9, name)
		}
		none, err := m.Classify(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, none)
	})
}

// TestClosed: Close twice is fine, and a closed model says so.
func TestClosed(t *testing.T) {
	b, err := cephalo.OpenBackend(t.Context(), cephalo.BackendOptions{Name: cephalo.BackendCPU})
	require.NoError(t, err)
	defer b.Close()
	m := sentiment(t, b)
	require.NoError(t, m.Close())
	require.NoError(t, m.Close())
	_, err = m.Classify(t.Context(), mixed(1))
	require.ErrorIs(t, err, cephalo.ErrClosed)
}

// TestBackendChoice: a forced backend that is absent is an error, never a fallback.
func TestBackendChoice(t *testing.T) {
	_, err := cephalo.OpenBackend(t.Context(), cephalo.BackendOptions{Name: "cuda"})
	require.ErrorContains(t, err, `"cuda" is unknown`)
	t.Setenv("CEPHALO_BACKEND", "cpu")
	var said string
	b, err := cephalo.OpenBackend(t.Context(), cephalo.BackendOptions{Log: func(l string) { said = l }})
	require.NoError(t, err)
	require.Contains(t, said, "cpu")
	require.NoError(t, b.Close())
	_, err = cephalo.OpenBackend(t.Context(), cephalo.BackendOptions{Name: cephalo.BackendWebGPU, Device: "no such adapter"})
	require.Error(t, err)
	require.ErrorIs(t, err, gpu.ErrNoDevice)
	b, err = cephalo.OpenBackend(t.Context(), cephalo.BackendOptions{Name: cephalo.BackendAuto})
	require.NoError(t, err)
	require.False(t, strings.Contains(b.Name(), "software"), "auto took %s", b.Name())
	require.NoError(t, b.Close())
}

// TestBadFolders: each bad folder with the error that it gives.
func TestBadFolders(t *testing.T) {
	b, err := cephalo.OpenBackend(t.Context(), cephalo.BackendOptions{Name: cephalo.BackendCPU})
	require.NoError(t, err)
	defer b.Close()
	from := testutil.Testdata("goldens", "bert-seqcls")
	drop := func(name string) func(map[string]tensor.Host) {
		return func(all map[string]tensor.Host) { delete(all, name) }
	}
	int32s, err := tensor.FromSlice(make([]int32, 32), 32)
	require.NoError(t, err)
	float, err := tensor.FromSlice(make([]float32, 31), 31)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		dir  string
		want []string
	}{
		"no folder":       {filepath.Join(t.TempDir(), "none"), []string{"no such file"}},
		"empty folder":    {t.TempDir(), []string{"no config.json"}},
		"missing tensor":  {copyFolder(t, from, nil, drop("bert.pooler.dense.bias")), []string{"1 missing", "pooler.dense.bias"}},
		"surplus tensor":  {copyFolder(t, from, nil, func(all map[string]tensor.Host) { all["bert.extra.weight"] = float }), []string{"1 surplus", "bert.extra.weight"}},
		"misshaped":       {copyFolder(t, from, nil, func(all map[string]tensor.Host) { all["bert.embeddings.LayerNorm.bias"] = float }), []string{"LayerNorm.bias", "[31]", "[32]"}},
		"wrong dtype":     {copyFolder(t, from, nil, func(all map[string]tensor.Host) { all["bert.embeddings.LayerNorm.bias"] = int32s }), []string{"LayerNorm.bias", "I32"}},
		"unknown family":  {copyFolder(t, from, map[string]any{"model_type": "mpnet"}, nil), []string{`"mpnet" is unknown`, "roberta"}},
		"decoder":         {copyFolder(t, from, map[string]any{"is_decoder": true}, nil), []string{"is_decoder"}},
		"relative":        {copyFolder(t, from, map[string]any{"position_embedding_type": "relative_key"}, nil), []string{"position_embedding_type", "relative_key"}},
		"heads":           {copyFolder(t, from, map[string]any{"num_attention_heads": 5}, nil), []string{"32", "5"}},
		"negative":        {copyFolder(t, from, map[string]any{"num_hidden_layers": -1}, nil), []string{"num_hidden_layers", "-1"}},
		"fraction":        {copyFolder(t, from, map[string]any{"hidden_size": 32.5}, nil), []string{"hidden_size", "32.5"}},
		"no id2label key": {copyFolder(t, from, map[string]any{"id2label": map[string]string{"7": "x"}}, nil), []string{"id2label"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := cephalo.Open(t.Context(), c.dir, cephalo.WithSharedBackend(b))
			require.Error(t, err)
			for _, w := range c.want {
				require.ErrorContains(t, err, w)
			}
		})
	}
	t.Run("no weights", func(t *testing.T) {
		dir := copyFolder(t, from, nil, nil)
		require.NoError(t, os.Remove(filepath.Join(dir, "model.safetensors")))
		_, err := cephalo.Open(t.Context(), dir, cephalo.WithSharedBackend(b))
		require.ErrorContains(t, err, "model.safetensors")
	})
	t.Run("truncated", func(t *testing.T) {
		dir := copyFolder(t, from, nil, nil)
		require.NoError(t, os.Truncate(filepath.Join(dir, "model.safetensors"), 5000))
		_, err := cephalo.Open(t.Context(), dir, cephalo.WithSharedBackend(b))
		require.ErrorContains(t, err, "model.safetensors")
	})
	t.Run("NaN in the config", func(t *testing.T) {
		dir := copyFolder(t, from, nil, nil)
		raw, err := os.ReadFile(filepath.Join(dir, "config.json"))
		require.NoError(t, err)
		raw = []byte(strings.Replace(string(raw), `"layer_norm_eps":1e-12`, `"layer_norm_eps":NaN`, 1))
		require.Contains(t, string(raw), "NaN")
		require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), raw, 0o644))
		_, err = cephalo.Open(t.Context(), dir, cephalo.WithSharedBackend(b))
		require.ErrorContains(t, err, "config.json")
	})
	t.Run("unserved class", func(t *testing.T) {
		dir := copyFolder(t, from, map[string]any{"architectures": []string{"BertForNextSentencePrediction"}}, func(all map[string]tensor.Host) {
			delete(all, "classifier.weight")
			delete(all, "classifier.bias")
		})
		_, err := cephalo.Open(t.Context(), dir, cephalo.WithSharedBackend(b))
		require.ErrorIs(t, err, heads.ErrNoHead)
		require.ErrorContains(t, err, "BertForNextSentencePrediction")
		require.ErrorContains(t, err, "ForSequenceClassification")
		m, err := cephalo.Open(t.Context(), dir, cephalo.WithSharedBackend(b), cephalo.WithLenient())
		require.NoError(t, err, "leniently the encoder alone is of use")
		defer m.Close()
		_, err = m.Classify(t.Context(), mixed(1))
		require.ErrorIs(t, err, heads.ErrNoHead)
	})
	t.Run("no class named", func(t *testing.T) {
		dir := copyFolder(t, testutil.Testdata("goldens", "qwen3-tied"), map[string]any{"architectures": []string{}}, func(all map[string]tensor.Host) { all["lm_head.weight"] = all["model.embed_tokens.weight"] })
		m, err := cephalo.Open(t.Context(), dir, cephalo.WithSharedBackend(b))
		require.NoError(t, err, "tensors of the language models are no surplus")
		require.NoError(t, m.Close())
		_, err = cephalo.Open(t.Context(), copyFolder(t, dir, nil, func(all map[string]tensor.Host) { all["score.weight"] = float }), cephalo.WithSharedBackend(b))
		require.ErrorContains(t, err, "score.weight")
	})
	t.Run("lenient", func(t *testing.T) {
		var said []string
		m, err := cephalo.Open(t.Context(), copyFolder(t, from, nil, drop("classifier.bias")), cephalo.WithSharedBackend(b), cephalo.WithLenient(), cephalo.WithLog(func(l string) { said = append(said, l) }))
		require.NoError(t, err)
		require.NoError(t, m.Close())
		require.Contains(t, strings.Join(said, "\n"), "classifier.bias")
	})
	t.Run("text without tokenizer", func(t *testing.T) {
		m, err := cephalo.Open(t.Context(), from, cephalo.WithSharedBackend(b))
		require.NoError(t, err)
		defer m.Close()
		_, err = m.Classify(t.Context(), mixed(1))
		require.ErrorContains(t, err, "no tokenizer")
	})
}
