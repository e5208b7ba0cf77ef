package encoders_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/cpuref"
	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/gpu"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/kernels"
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// onBackends runs a test on the CPU and, where there is an adapter, on WebGPU.
func onBackends(t *testing.T, fn func(t *testing.T, b tensor.Backend, cpu bool)) {
	t.Helper()
	t.Run("cpu", func(t *testing.T) {
		b, err := cpuref.New(cpuref.Options{})
		require.NoError(t, err)
		defer b.Close()
		fn(t, b, true)
	})
	t.Run("webgpu", func(t *testing.T) {
		b, err := kernels.New(t.Context(), gpu.Options{AllowSoftware: true})
		if err != nil {
			testutil.NoDevice(t, err)
		}
		defer b.Close()
		fn(t, b, false)
	})
}

// small are tiny configs of every family, with odd sizes.
func small() map[string]encoders.Model {
	bert := encoders.BERTTiny
	bert.VocabSize, bert.HiddenSize, bert.NumHiddenLayers, bert.NumAttentionHeads, bert.IntermediateSize, bert.MaxPositionEmbeddings = 50, 36, 2, 4, 44, 40
	roberta := bert
	roberta.ModelType, roberta.PadTokenID, roberta.TypeVocabSize = "roberta", 1, 1
	distil := bert
	distil.ModelType, distil.TypeVocabSize = "distilbert", 0
	modern := encoders.ModernBERTBase
	modern.VocabSize, modern.HiddenSize, modern.NumHiddenLayers, modern.NumAttentionHeads, modern.IntermediateSize = 50, 40, 4, 4, 28
	modern.MaxPositionEmbeddings, modern.LocalAttention, modern.PadTokenID = 40, 6, 0
	half := modern
	half.RopePercentage, half.AttentionBias, half.MLPBias, half.NormBias = .5, true, true, true
	qwen := encoders.Qwen3Size06B
	qwen.VocabSize, qwen.HiddenSize, qwen.NumHiddenLayers, qwen.NumAttentionHeads, qwen.NumKeyValueHeads, qwen.HeadDim, qwen.IntermediateSize, qwen.MaxPositionEmbeddings = 50, 24, 2, 6, 2, 10, 36, 40
	biased := qwen
	biased.AttentionBias = true
	gpt := encoders.GPT2Tiny
	gpt.VocabSize, gpt.NPositions, gpt.NEmbd, gpt.NLayer, gpt.NHead, gpt.NInner = 50, 40, 36, 2, 3, 0
	return map[string]encoders.Model{
		"bert": encoders.BERT(bert), "roberta": encoders.BERT(roberta), "distilbert": encoders.BERT(distil), "modernbert": encoders.ModernBERT(modern),
		"modernbert-half": encoders.ModernBERT(half), "qwen3": encoders.Qwen3(qwen), "qwen3-bias": encoders.Qwen3(biased), "gpt2": encoders.GPT2(gpt),
	}
}

func forward(t *testing.T, b tensor.Backend, enc encoders.Encoder, batch *encoders.Batch) []float32 {
	t.Helper()
	s, err := b.Begin()
	require.NoError(t, err)
	defer s.Close()
	out, err := enc.Forward(&tensor.Scope{Stream: s}, batch, encoders.Want{})
	require.NoError(t, err)
	v, err := tensor.Download(t.Context(), s, out.Hidden)
	require.NoError(t, err)
	return v
}

// TestBatchInvariance: a batch of mixed lengths, longer than the window, gives each
// row as alone, on either padding side.
func TestBatchInvariance(t *testing.T) {
	rows := [][]int32{{7}, {3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}, {21, 22, 23}, {30, 31, 32, 33, 34, 35, 36, 37}}
	const cols = 15
	onBackends(t, func(t *testing.T, b tensor.Backend, cpu bool) {
		for name, m := range small() {
			t.Run(name, func(t *testing.T) {
				enc, w, err := encoders.New(t.Context(), b, m, 3)
				require.NoError(t, err)
				defer w.Release()
				pad := int32(max(m.Config().PadTokenID, 0))
				for _, left := range []bool{false, true} {
					p := encoders.Padded{Batch: len(rows), Cols: cols}
					for _, r := range rows {
						gap := make([]int32, cols-len(r))
						for i := range gap {
							gap[i] = pad
						}
						ids, mask := append(append([]int32{}, r...), gap...), append(ones(len(r)), make([]int32, len(gap))...)
						if left {
							ids, mask = append(gap, r...), append(make([]int32, len(gap)), ones(len(r))...)
						}
						p.IDs, p.Mask = append(p.IDs, ids...), append(p.Mask, mask...)
					}
					batch, err := encoders.NewBatch(p)
					require.NoError(t, err)
					got := forward(t, b, enc, batch)
					at, h := 0, m.Config().HiddenSize
					for i, r := range rows {
						one := encoders.Padded{Batch: 1, Cols: cols, IDs: p.IDs[i*cols : (i+1)*cols], Mask: p.Mask[i*cols : (i+1)*cols]}
						alone, err := encoders.NewBatch(one)
						require.NoError(t, err)
						want := forward(t, b, enc, alone)
						require.Len(t, want, len(r)*h)
						for j, v := range want {
							g := got[at+j]
							if cpu && math.Float32bits(g) != math.Float32bits(v) || !(math.Abs(float64(g-v)) <= 1e-5) {
								t.Fatalf("left %v row %d value %d: %g in the batch, %g alone", left, i, j, g, v)
							}
						}
						at += len(want)
					}
				}
			})
		}
	})
}

func ones(n int) []int32 {
	v := make([]int32, n)
	for i := range v {
		v[i] = 1
	}
	return v
}

// TestSeeds: the same seed gives the same weights on every backend, another seed others.
func TestSeeds(t *testing.T) {
	digests := map[string]uint64{}
	onBackends(t, func(t *testing.T, b tensor.Backend, cpu bool) {
		for name, m := range small() {
			_, w, err := encoders.New(t.Context(), b, m, 3)
			require.NoError(t, err)
			d, err := w.Digest(t.Context())
			require.NoError(t, err)
			w.Release()
			if cpu {
				digests[name] = d
				_, other, err := encoders.New(t.Context(), b, m, 4)
				require.NoError(t, err)
				d2, err := other.Digest(t.Context())
				require.NoError(t, err)
				require.NotEqual(t, d, d2)
				other.Release()
			}
			require.Equal(t, digests[name], d, name)
		}
	})
}

// TestConfigRoundTrip: the config that a model writes reads as the same model.
func TestConfigRoundTrip(t *testing.T) {
	for name, m := range small() {
		raw, err := json.Marshal(m)
		require.NoError(t, err)
		again, err := encoders.Parse(raw)
		require.NoError(t, err, name)
		twice, err := json.Marshal(again)
		require.NoError(t, err)
		require.JSONEq(t, string(raw), string(twice), name)
		require.Equal(t, m.Config(), again.Config(), name)
	}
}

// TestParameterCounts are those of the published sizes.
func TestParameterCounts(t *testing.T) {
	if testing.Short() {
		t.Skip("draws hundreds of millions of numbers")
	}
	sizes := map[string]struct {
		m    encoders.Model
		want int64
	}{
		"bert base": {encoders.BERT(encoders.BERTBase), 109482240}, "distilbert": {encoders.BERT(encoders.DistilBERT), 66362880},
	}
	if os.Getenv("CEPHALO_FULL") == "1" {
		maps.Copy(sizes, map[string]struct {
			m    encoders.Model
			want int64
		}{
			"roberta base": {encoders.BERT(encoders.RoBERTaBase), 124645632}, "xlm-r base": {encoders.BERT(encoders.XLMRBase), 278043648},
			"qwen3 0.6B": {encoders.Qwen3(encoders.Qwen3Size06B), 596049920}, "gpt2 small": {encoders.GPT2(encoders.GPT2Small), 124439808},
		})
	}
	b, err := cpuref.New(cpuref.Options{})
	require.NoError(t, err)
	defer b.Close()
	for name, c := range sizes {
		_, w, err := encoders.New(t.Context(), b, c.m, 1)
		require.NoError(t, err)
		require.Equal(t, c.want, w.Count(), name)
		w.Release()
	}
}

// TestParseErrors: a key that changes results and is not supported is named.
func TestParseErrors(t *testing.T) {
	for in, want := range map[string]string{
		`{"model_type":"t5"}`: `"t5" is unknown, want one of bert, distilbert, gpt2, modernbert, qwen3, roberta, xlm-roberta`,
		`{}`:                  `"" is unknown`,
		`[]`:                  "config.json",
		`{"model_type":"bert","layer_norm_eps":NaN}`:                                                         "config.json",
		`{"model_type":"bert","num_hidden_layers":1000000000}`:                                               "num_hidden_layers is 1000000000, want a whole number from 1 to 4096",
		`{"model_type":"gpt2","n_embd":1e12}`:                                                                "n_embd is 1e12, want a whole number from 1 to 2147483647",
		`{"model_type":"bert","hidden_size":"big"}`:                                                          "hidden_size",
		`{"model_type":"bert","hidden_dropout_prob":1.5}`:                                                    "hidden_dropout_prob",
		`{"model_type":"qwen3","rope_scaling":{"type":"yarn"}}`:                                              "rope_scaling",
		`{"model_type":"qwen3","rope_parameters":{"rope_type":"yarn","rope_theta":1}}`:                       "yarn",
		`{"model_type":"qwen3","use_sliding_window":true}`:                                                   "use_sliding_window",
		`{"model_type":"qwen3","num_experts":8}`:                                                             "num_experts",
		`{"model_type":"qwen3","num_attention_heads":6,"num_key_value_heads":4}`:                             "not a multiple",
		`{"model_type":"qwen3","num_hidden_layers":2,"layer_types":["full_attention","sliding_attention"]}`:  "sliding_attention",
		`{"model_type":"gpt2","n_embd":10,"n_head":3}`:                                                       "not a multiple",
		`{"model_type":"gpt2","scale_attn_by_inverse_layer_idx":true}`:                                       "scale_attn_by_inverse_layer_idx",
		`{"model_type":"modernbert","num_hidden_layers":2,"layer_types":["full_attention"]}`:                 "layer_types",
		`{"model_type":"modernbert","rope_parameters":{"full_attention":{"rope_type":"linear","factor":2}}}`: "rope_parameters.full_attention",
		`{"model_type":"modernbert","rope_scaling":{"rope_type":"linear"}}`:                                  "rope_scaling",
		`{"model_type":"distilbert","dim":30,"n_heads":4}`:                                                   "not a multiple",
		`{"model_type":"roberta","position_embedding_type":"relative_key"}`:                                  "relative_key",
	} {
		_, err := encoders.Parse([]byte(in))
		require.ErrorContains(t, err, want, in)
	}
}

// TestSpellings: old and new config spellings give the same model.
func TestSpellings(t *testing.T) {
	same := func(a, b string) {
		t.Helper()
		x, err := encoders.Parse([]byte(a))
		require.NoError(t, err)
		y, err := encoders.Parse([]byte(b))
		require.NoError(t, err)
		require.Equal(t, x, y)
	}
	same(`{"model_type":"qwen3","rope_theta":1e6}`, `{"model_type":"qwen3","rope_parameters":{"rope_type":"default","rope_theta":1e6}}`)
	same(`{"model_type":"modernbert","global_rope_theta":5000,"local_rope_theta":300}`,
		`{"model_type":"modernbert","rope_parameters":{"full_attention":{"rope_type":"default","rope_theta":5000},"sliding_attention":{"rope_theta":300}}}`)
	same(`{"model_type":"bert","num_hidden_layers":3,"num_attention_heads":4}`, `{"model_type":"bert","num_layers":3,"num_heads":4}`)
	same(`{"model_type":"qwen3","num_attention_heads":8,"num_key_value_heads":8}`, `{"model_type":"qwen3","num_attention_heads":8,"num_key_value_heads":null}`)
}

// TestBadBatches: each with the error it gives.
func TestBadBatches(t *testing.T) {
	b, err := cpuref.New(cpuref.Options{})
	require.NoError(t, err)
	defer b.Close()
	_, err = encoders.NewBatch(encoders.Padded{Batch: 1, Cols: 2})
	require.ErrorContains(t, err, "input_ids are missing")
	_, err = encoders.NewBatch(encoders.Padded{IDs: []int32{1, 2}, Mask: []int32{1, 2}, Batch: 1, Cols: 2})
	require.ErrorContains(t, err, "attention_mask[0,1] is 2")
	_, err = encoders.NewBatch(encoders.Padded{IDs: []int32{1}, Batch: 1, Cols: 2})
	require.ErrorContains(t, err, "input_ids has 1 values")
	for name, m := range small() {
		enc, w, err := encoders.New(t.Context(), b, m, 3)
		require.NoError(t, err)
		run := func(p encoders.Padded, want encoders.Want) error {
			batch, err := encoders.NewBatch(p)
			require.NoError(t, err)
			s, err := b.Begin()
			require.NoError(t, err)
			defer s.Close()
			_, err = enc.Forward(&tensor.Scope{Stream: s}, batch, want)
			return err
		}
		require.ErrorContains(t, run(encoders.Padded{IDs: []int32{1, 50}, Batch: 1, Cols: 2}, encoders.Want{}), "input_ids of sequence 0 at column 1 is 50, want 0 to 49", name)
		require.ErrorContains(t, run(encoders.Padded{IDs: []int32{-1}, Batch: 1, Cols: 1}, encoders.Want{}), "is -1", name)
		long := 41
		require.ErrorContains(t, run(encoders.Padded{IDs: make([]int32, long), Batch: 1, Cols: long}, encoders.Want{}), "41 tokens", name)
		require.ErrorContains(t, run(encoders.Padded{IDs: []int32{1}, Positions: []int32{40}, Batch: 1, Cols: 1}, encoders.Want{}), "position_ids", name)
		err = run(encoders.Padded{IDs: []int32{1}, Types: []int32{5}, Batch: 1, Cols: 1}, encoders.Want{})
		if m.Config().TypeVocabSize > 0 {
			require.ErrorContains(t, err, "token_type_ids", name)
		} else {
			require.NoError(t, err, "%s ignores token types", name)
		}
		err = run(encoders.Padded{IDs: []int32{2}, Batch: 1, Cols: 1}, encoders.Want{Pooled: true})
		if enc.HasPooler() {
			require.NoError(t, err, name)
		} else {
			require.True(t, errors.Is(err, encoders.ErrNoPooler), name)
		}
		w.Release()
	}
}

// TestAllPadding: a row of padding only makes no NaN, in itself or elsewhere.
func TestAllPadding(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend, cpu bool) {
		for name, m := range small() {
			enc, w, err := encoders.New(t.Context(), b, m, 3)
			require.NoError(t, err)
			batch, err := encoders.NewBatch(encoders.Padded{IDs: []int32{4, 5, 6, 0, 0, 0}, Mask: []int32{1, 1, 1, 0, 0, 0}, Batch: 2, Cols: 3})
			require.NoError(t, err)
			alone, err := encoders.NewBatch(encoders.Padded{IDs: []int32{4, 5, 6}, Batch: 1, Cols: 3})
			require.NoError(t, err)
			got, want := forward(t, b, enc, batch), forward(t, b, enc, alone)
			require.Len(t, got, len(want))
			for i := range want {
				if !(math.Abs(float64(got[i]-want[i])) <= 1e-5) {
					t.Fatalf("%s: %g beside padding, %g alone", name, got[i], want[i])
				}
			}
			w.Release()
		}
	})
}

// TestGoldensWebGPU holds the shipped folders on the other backend too.
func TestGoldensWebGPU(t *testing.T) {
	b, err := kernels.New(t.Context(), gpu.Options{AllowSoftware: true})
	if err != nil {
		testutil.NoDevice(t, err)
	}
	defer b.Close()
	found, err := filepath.Glob(testutil.Testdata("goldens", "*", "io.safetensors"))
	require.NoError(t, err)
	require.NotEmpty(t, found)
	for _, f := range found {
		t.Run(filepath.Base(filepath.Dir(f)), func(t *testing.T) { holdGolden(t, b, filepath.Dir(f)) })
	}
}

// source is a checkpoint in memory.
type source map[string]tensor.Host

func (s source) Names() []string {
	var n []string
	for k := range s {
		n = append(n, k)
	}
	return n
}

func (s source) Dims(name string) []int {
	h, ok := s[name]
	if !ok {
		return nil
	}
	return h.Dims()
}

func (s source) ReadFloat32(name string, chunk func(int64, []float32) error) error {
	v, err := s[name].Float32()
	if err != nil {
		return err
	}
	return chunk(0, v)
}

// TestLoadErrors lists everything that does not fit, at once.
func TestLoadErrors(t *testing.T) {
	b, err := cpuref.New(cpuref.Options{})
	require.NoError(t, err)
	defer b.Close()
	for name, m := range small() {
		_, w, err := encoders.New(t.Context(), b, m, 3)
		require.NoError(t, err)
		src := source{}
		for _, p := range w.Params {
			var v []float32
			require.NoError(t, w.Read(t.Context(), p, func(x []float32) error { v = append(v, x...); return nil }))
			src[m.Prefix()+"."+p.Name], err = tensor.FromSlice(v, p.Dims()...)
			require.NoError(t, err)
		}
		first, second := w.Params[0].Name, w.Params[len(w.Params)-1].Name
		w.Release()
		load := func(lenient bool) (*nn.Weights, error) {
			bld := nn.NewBuilder(t.Context(), b, nn.Options{Source: src, Lenient: lenient, Candidates: encoders.Candidates(m)})
			m.Build(bld)
			return bld.Finish(encoders.Ignores(m))
		}
		w, err = load(false)
		require.NoError(t, err, name)
		w.Release()
		delete(src, m.Prefix()+"."+first)
		src["stray.weight"] = src[m.Prefix()+"."+second]
		_, err = load(false)
		var le *nn.LoadError
		require.ErrorAs(t, err, &le, name)
		require.Equal(t, []string{first}, le.Missing)
		require.Equal(t, []string{"stray.weight"}, le.Surplus)
		w, err = load(true)
		require.NoError(t, err)
		require.Equal(t, []string{first}, w.Filled)
		w.Release()
		bad, err := tensor.FromSlice([]float32{1}, 1)
		require.NoError(t, err)
		src[m.Prefix()+"."+first] = bad
		_, err = load(true)
		require.ErrorContains(t, err, "of another shape", name)
		require.ErrorContains(t, err, strings.TrimSpace(fmt.Sprint([]int{1})))
	}
}

// TestRoBERTaLimit: positions begin behind the padding id, so 514 of them take 512
// tokens (case 18).
func TestRoBERTaLimit(t *testing.T) {
	m, err := encoders.Parse([]byte(`{"model_type":"roberta","vocab_size":20,"hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":8,"max_position_embeddings":514,"pad_token_id":1}`))
	require.NoError(t, err)
	require.Equal(t, 512, m.Config().MaxTokens)
	onBackends(t, func(t *testing.T, b tensor.Backend, cpu bool) {
		enc, w, err := encoders.New(t.Context(), b, m, 1)
		require.NoError(t, err)
		defer w.Release()
		full, err := encoders.NewBatch(encoders.Padded{IDs: make([]int32, 512), Batch: 1, Cols: 512})
		require.NoError(t, err)
		require.Len(t, forward(t, b, enc, full), 512*8)
		over, err := encoders.NewBatch(encoders.Padded{IDs: make([]int32, 513), Batch: 1, Cols: 513})
		require.NoError(t, err)
		s, err := b.Begin()
		require.NoError(t, err)
		defer s.Close()
		_, err = enc.Forward(&tensor.Scope{Stream: s}, over, encoders.Want{})
		require.ErrorContains(t, err, "at most 512")
	})
}
