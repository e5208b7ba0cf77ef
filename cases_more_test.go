package cephalo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/internal/safetensors"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/tensor"
	"github.com/cephalo-ml/cephalo/tokenizers"
)

// copyFolder copies a model folder, with the config's keys and the tensors changed.
func copyFolder(t *testing.T, from string, config map[string]any, change func(map[string]tensor.Host)) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(from)))
	require.NoError(t, filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chmod(p, 0o755)
	}))
	path := filepath.Join(dir, "config.json")
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	var cfg map[string]any
	require.NoError(t, json.Unmarshal(raw, &cfg))
	maps.Copy(cfg, config)
	raw, err = json.Marshal(cfg)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, raw, 0o644))
	if change == nil {
		return dir
	}
	path = filepath.Join(dir, "model.safetensors")
	f, err := safetensors.Open(path)
	require.NoError(t, err)
	all := map[string]tensor.Host{}
	for _, n := range f.Names() {
		all[n], err = f.Read(n)
		require.NoError(t, err)
	}
	require.NoError(t, f.Close())
	change(all)
	var named []safetensors.Named
	for n, h := range all {
		named = append(named, safetensors.Named{Name: n, Host: h})
	}
	require.NoError(t, safetensors.Write(path, named, nil))
	return dir
}

// hidden is the dump of a folder's verification.
func hidden(t *testing.T, b tensor.Backend, dir string) map[string][]byte {
	t.Helper()
	m := open(t, b, dir)
	dump := filepath.Join(t.TempDir(), "dump.safetensors")
	_, err := m.Verify(t.Context(), cephalo.VerifyOptions{Dump: dump})
	require.NoError(t, err)
	f, err := safetensors.Open(dump)
	require.NoError(t, err)
	defer f.Close()
	out := map[string][]byte{}
	for _, n := range f.Names() {
		h, err := f.Read(n)
		require.NoError(t, err)
		out[n] = h.Data
	}
	return out
}

// TestCase4: older and newer exports load alike.
func TestCase4(t *testing.T) {
	from := testutil.Testdata("goldens", "bert-base-model")
	rename := func(prefix, old bool) func(map[string]tensor.Host) {
		return func(all map[string]tensor.Host) {
			for n, h := range maps.Clone(all) {
				to := n
				if prefix {
					to = "bert." + to
				}
				if old && strings.Contains(n, "LayerNorm") {
					to = strings.NewReplacer("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta").Replace(to)
				}
				delete(all, n)
				all[to] = h
			}
		}
	}
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		want := hidden(t, b, from)
		require.NotEmpty(t, want)
		for _, prefix := range []bool{false, true} {
			for _, old := range []bool{false, true} {
				got := hidden(t, b, copyFolder(t, from, nil, rename(prefix, old)))
				require.Equal(t, want, got, "prefix %v, gamma and beta %v", prefix, old)
			}
		}
	})
}

// TestCase6: tied output embeddings may be left out or stored redundantly.
func TestCase6(t *testing.T) {
	from := testutil.Testdata("goldens", "qwen3-tied")
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		want := hidden(t, b, from)
		require.Contains(t, want, "logits")
		got := hidden(t, b, copyFolder(t, from, nil, func(all map[string]tensor.Host) { all["lm_head.weight"] = all["model.embed_tokens.weight"] }))
		require.Equal(t, want["logits"], got["logits"])
	})
}

// TestCase25: the activation and the norm's epsilon are the config's.
func TestCase25(t *testing.T) {
	from := testutil.Testdata("goldens", "bert-base-model")
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		last := map[string][]byte{}
		for _, act := range []string{"gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu"} {
			last[act] = hidden(t, b, copyFolder(t, from, map[string]any{"hidden_act": act}, nil))["last_hidden_state"]
		}
		require.Equal(t, last["gelu_new"], last["gelu_pytorch_tanh"])
		for _, other := range []string{"gelu_new", "relu", "silu"} {
			require.NotEqual(t, last["gelu"], last[other], other)
		}
		eps := hidden(t, b, copyFolder(t, from, map[string]any{"layer_norm_eps": 1e-5}, nil))["last_hidden_state"]
		require.NotEqual(t, last["gelu"], eps)
		_, err := cephalo.Open(t.Context(), copyFolder(t, from, map[string]any{"hidden_act": "gelou"}, nil), cephalo.WithSharedBackend(b))
		require.ErrorContains(t, err, `"gelou" is unknown`)
		require.ErrorContains(t, err, "gelu_new")
		s, err := b.Begin()
		require.NoError(t, err)
		defer s.Close()
		for act, want := range map[tensor.Act]float64{tensor.ActGelu: 2.995950, tensor.ActGeluTanh: 2.996363} {
			x, err := tensor.Upload(s, []float32{3}, 1)
			require.NoError(t, err)
			y, err := tensor.Activation(s, x, act)
			require.NoError(t, err)
			got, err := tensor.Download(t.Context(), s, y)
			require.NoError(t, err)
			require.InDelta(t, want, got[0], 1e-5)
		}
	})
}

// embeddingFolder is an encoder alone with a small vocabulary.
func embeddingFolder(t *testing.T, extra map[string]string) string {
	t.Helper()
	words := []string{"hello"}
	for i := range 40 {
		words = append(words, fmt.Sprintf("w%d", i))
	}
	dir := definite{class: "BertForSequenceClassification", words: words, labels: []string{"x", "y"}, weight: "classifier"}.write(t)
	dir = copyFolder(t, dir, map[string]any{"architectures": []string{"BertModel"}}, func(all map[string]tensor.Host) {
		for n := range all {
			if strings.HasPrefix(n, "classifier.") {
				delete(all, n)
			}
		}
	})
	for name, text := range extra {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return dir
}

// TestCase17: a text's vector does not depend on its neighbours in the batch.
func TestCase17(t *testing.T) {
	from := testutil.Shared(t, "models", "stsb-bert-mini")
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := open(t, b, from)
		long := strings.Repeat("one of two hundred words ", 40)
		for _, pooling := range []string{"mean", "cls", "max", "last"} {
			o := cephalo.EmbedOptions{Pooling: pooling}
			alone, err := m.Embed(t.Context(), []string{"hello"}, o)
			require.NoError(t, err)
			for _, batch := range [][]string{{"hello", long}, {long, "short", "hello"}} {
				got, err := m.Embed(t.Context(), batch, o)
				require.NoError(t, err)
				for i, text := range batch {
					if text != "hello" {
						continue
					}
					for j := range alone[0] {
						if strings.HasPrefix(b.Name(), "cpu") {
							require.Equal(t, alone[0][j], got[i][j])
						} else {
							require.InDelta(t, alone[0][j], got[i][j], 1e-5)
						}
					}
				}
			}
		}
	})
}

// TestCase18: the length limit is the model's own.
func TestCase18(t *testing.T) {
	dir := embeddingFolder(t, map[string]string{"sentence_bert_config.json": `{"max_seq_length": 8}`})
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := open(t, b, dir)
		v, err := m.Embed(t.Context(), []string{strings.Repeat("hello ", 20), strings.Repeat("hello ", 6)})
		require.NoError(t, err)
		require.Equal(t, v[0], v[1])
		_, err = m.Embed(t.Context(), []string{strings.Repeat("hello ", 20)}, cephalo.EmbedOptions{Length: cephalo.Length{OnLong: cephalo.LongError}})
		require.ErrorContains(t, err, "22 tokens, the limit is 8")
	})
}

// TestCase19: normalization is what the folder says, and a switch overrides it.
func TestCase19(t *testing.T) {
	const pooling = `{"word_embedding_dimension": 64, "pooling_mode_mean_tokens": true}`
	module := func(kinds ...string) string {
		var all []string
		for i, k := range kinds {
			path := ""
			if i > 0 {
				path = fmt.Sprintf("%d_%s", i, k)
			}
			all = append(all, fmt.Sprintf(`{"idx": %d, "name": "%d", "path": %q, "type": "sentence_transformers.models.%s"}`, i, i, path, k))
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	with := embeddingFolder(t, map[string]string{"modules.json": module("Transformer", "Pooling", "Normalize"), "1_Pooling/config.json": pooling})
	without := embeddingFolder(t, map[string]string{"modules.json": module("Transformer", "Pooling"), "1_Pooling/config.json": pooling})
	norm := func(v []float32) float64 {
		sum := 0.0
		for _, x := range v {
			sum += float64(x) * float64(x)
		}
		return math.Sqrt(sum)
	}
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		yes, no := true, false
		one := func(dir string, o cephalo.EmbedOptions) float64 {
			v, err := open(t, b, dir).Embed(t.Context(), []string{"hello w1"}, o)
			require.NoError(t, err)
			return norm(v[0])
		}
		raw := one(without, cephalo.EmbedOptions{})
		require.Greater(t, raw, 1.5)
		require.InDelta(t, 1, one(with, cephalo.EmbedOptions{}), 1e-6)
		require.InDelta(t, raw, one(with, cephalo.EmbedOptions{Normalize: &no}), 1e-5)
		require.InDelta(t, 1, one(without, cephalo.EmbedOptions{Normalize: &yes}), 1e-6)
		require.InDelta(t, 1, one(with, cephalo.EmbedOptions{Dimensions: 3}), 1e-6)
		s, err := b.Begin()
		require.NoError(t, err)
		defer s.Close()
		x, err := tensor.Upload(s, make([]float32, 4), 1, 4)
		require.NoError(t, err)
		y, err := tensor.L2Normalize(s, x, 1e-12)
		require.NoError(t, err)
		got, err := tensor.Download(t.Context(), s, y)
		require.NoError(t, err)
		require.Equal(t, make([]float32, 4), got)
	})
}

// TestCase20: "last token" means the last kept one, wherever the padding is.
func TestCase20(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		mask := []int32{1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0}
		layout, at, err := tensor.LayoutOfMask(mask, 5, 5)
		require.NoError(t, err)
		rows := make([]float32, len(at))
		for i, p := range at {
			rows[i] = float32(p%5) + 1
		}
		s, err := b.Begin()
		require.NoError(t, err)
		defer s.Close()
		require.NoError(t, layout.Upload(s))
		x, err := tensor.Upload(s, rows, len(rows), 1)
		require.NoError(t, err)
		y, err := tensor.Pool(s, x, layout, tensor.PoolLast, tensor.Tensor{}, tensor.Tensor{})
		require.NoError(t, err)
		got, err := tensor.Download(t.Context(), s, y)
		require.NoError(t, err)
		require.Equal(t, []float32{3, 5, 4, 3, 0}, got)
	})
}

// TestCase21: a greedy continuation is the same alone and in a batch of unequal
// lengths, with the cache and, one token at a time, without it.
func TestCase21(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for _, name := range []string{"gpt2-lm", "qwen3-tied"} {
			m := open(t, b, testutil.Testdata("goldens", name))
			prompts := [][]int32{{5, 17, 9, 33, 2, 8, 41}, {5, 17, 9, 33}, {7}}
			o := cephalo.GenerateOptions{MaxNewTokens: 8, IgnoreEOS: true}
			together, err := m.GenerateIDs(t.Context(), prompts, o)
			require.NoError(t, err)
			for i, p := range prompts {
				alone, err := m.GenerateIDs(t.Context(), [][]int32{p}, o)
				require.NoError(t, err)
				require.Equal(t, alone[0], together[i], "%s prompt %d", name, i)
				ids := append([]int32{}, p...)
				for range together[i] { // each step from the beginning: no cache
					next, err := m.GenerateIDs(t.Context(), [][]int32{ids}, cephalo.GenerateOptions{MaxNewTokens: 1, IgnoreEOS: true})
					require.NoError(t, err)
					ids = append(ids, next[0]...)
				}
				require.Equal(t, together[i], ids[len(p):], "%s prompt %d without cache", name, i)
			}
			sampled := cephalo.GenerateOptions{MaxNewTokens: 8, IgnoreEOS: true, Temperature: 1.5, TopK: 20, TopP: 0.9, Seed: 7}
			a, err := m.GenerateIDs(t.Context(), prompts, sampled)
			require.NoError(t, err)
			again, err := m.GenerateIDs(t.Context(), prompts, sampled)
			require.NoError(t, err)
			require.Equal(t, a, again)
			beams, err := m.GenerateIDs(t.Context(), prompts, cephalo.GenerateOptions{MaxNewTokens: 6, IgnoreEOS: true, NumBeams: 3})
			require.NoError(t, err)
			lone, err := m.GenerateIDs(t.Context(), prompts[1:2], cephalo.GenerateOptions{MaxNewTokens: 6, IgnoreEOS: true, NumBeams: 3})
			require.NoError(t, err)
			require.Equal(t, lone[0], beams[1])
		}
	})
}

// TestCase23: fill-mask takes several masks and says which token is missing.
func TestCase23(t *testing.T) {
	dir := t.TempDir()
	from := testutil.Shared(t, "goldens", "bert-mlm")
	require.NoError(t, os.CopyFS(dir, os.DirFS(from)))
	vocab := append([]string{}, specials...)
	vocab = append(vocab, "it", "is", ".")
	for i := len(vocab); i < 120; i++ {
		vocab = append(vocab, fmt.Sprintf("w%d", i))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "vocab.txt"), []byte(strings.Join(vocab, "\n")), 0o644))
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := open(t, b, dir)
		got, err := m.FillMask(t.Context(), []string{"It is [MASK] [MASK]."}, cephalo.FillMaskOptions{TopK: 120})
		require.NoError(t, err)
		require.Len(t, got[0], 2)
		for _, fills := range got[0] {
			require.Len(t, fills, 120)
			sum := 0.0
			for _, f := range fills {
				sum += f.Score
			}
			require.InDelta(t, 1, sum, 1e-9)
			require.NotContains(t, fills[0].Sequence, "[CLS]")
			require.NotContains(t, fills[0].Sequence, "[SEP]")
			require.Equal(t, 1, strings.Count(strings.ReplaceAll(fills[0].Sequence, fills[0].TokenStr, ""), "[MASK]"))
		}
		_, err = m.FillMask(t.Context(), []string{"It is true."}, cephalo.FillMaskOptions{})
		require.ErrorContains(t, err, "[MASK]")
	})
}

// TestLimits: texts are cut at the encoder's positions where nothing else says so.
func TestLimits(t *testing.T) {
	dir := embeddingFolder(t, map[string]string{"tokenizer_config.json": `{"tokenizer_class": "BertTokenizer", "model_max_length": 1000000000000000019884624838656}`})
	b, err := cephalo.OpenBackend(t.Context(), cephalo.BackendOptions{Name: cephalo.BackendCPU})
	require.NoError(t, err)
	defer b.Close()
	m := open(t, b, dir)
	_, err = m.Embed(context.Background(), []string{strings.Repeat("hello ", 2000)})
	require.NoError(t, err)
	e, err := m.Tokenize(t.Context(), cephalo.Text{Text: strings.Repeat("hello ", 2000)}, tokenizers.Options{})
	require.NoError(t, err)
	require.Len(t, e.IDs, 2002)
}

// TestSentenceModules: a dense module and prompts of a sentence-transformers folder.
func TestSentenceModules(t *testing.T) {
	dir := embeddingFolder(t, map[string]string{
		"modules.json": `[{"path":"","type":"sentence_transformers.models.Transformer"},{"path":"1_Pooling","type":"sentence_transformers.models.Pooling"},
			{"path":"2_Dense","type":"sentence_transformers.models.Dense"}]`,
		"1_Pooling/config.json":             `{"pooling_mode_cls_token": true}`,
		"2_Dense/config.json":               `{"in_features": 64, "out_features": 2, "bias": true, "activation_function": "torch.nn.modules.linear.Identity"}`,
		"config_sentence_transformers.json": `{"prompts": {"query": "w1 ", "document": ""}, "default_prompt_name": null}`,
	})
	weight, err := tensor.FromSlice(append(row(3), make([]float32, 64)...), 2, 64) // [CLS] is row 3 of the vocabulary's matrix
	require.NoError(t, err)
	bias, err := tensor.FromSlice([]float32{0, 7}, 2)
	require.NoError(t, err)
	require.NoError(t, safetensors.Write(filepath.Join(dir, "2_Dense", "model.safetensors"), []safetensors.Named{{Name: "linear.weight", Host: weight}, {Name: "linear.bias", Host: bias}}, nil))
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := open(t, b, dir)
		v, err := m.Embed(t.Context(), []string{"hello"})
		require.NoError(t, err)
		require.InDeltaSlice(t, []float32{64, 7}, v[0], 1e-3)
		mean := func(texts []string, prompt string) []float32 {
			v, err := m.Embed(t.Context(), texts, cephalo.EmbedOptions{Pooling: "mean", Prompt: prompt})
			require.NoError(t, err)
			return v[0]
		}
		require.Equal(t, mean([]string{"w1 hello"}, ""), mean([]string{"hello"}, "query"))
		require.NotEqual(t, mean([]string{"hello"}, ""), mean([]string{"hello"}, "query"))
		_, err = m.Embed(t.Context(), []string{"hello"}, cephalo.EmbedOptions{Dimensions: 3})
		require.ErrorContains(t, err, "1 to the width 2")
	})
}
