package heads_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/internal/safetensors"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// published is a folder's encoder and head in one builder, as the façade opens it.
func published(t testing.TB, b tensor.Backend, config []byte, weights string) (encoders.Encoder, *heads.PublishedHead, *nn.Weights) {
	t.Helper()
	m, err := encoders.Parse(config)
	require.NoError(t, err)
	src, err := safetensors.Open(weights)
	require.NoError(t, err)
	defer src.Close()
	cfg := m.Config()
	bld := nn.NewBuilder(t.Context(), b, nn.Options{Source: src, Candidates: encoders.Candidates(m)})
	eb := bld
	class := cfg.Architectures[0]
	if !heads.IsBare(class) {
		eb = bld.At(m.Prefix())
	}
	enc := m.Build(eb)
	head, err := heads.Published(bld, heads.Checkpoint{Class: class, ModelType: cfg.ModelType, HiddenSize: cfg.HiddenSize, VocabSize: cfg.VocabSize, Config: config, WordEmbeddings: enc.WordEmbeddings()})
	require.NoError(t, err)
	w, err := bld.Finish(encoders.Ignores(m))
	require.NoError(t, err)
	t.Cleanup(w.Release)
	return enc, head, w
}

// TestPublished: every golden folder with a head gives the stored outputs, from
// packed rows and from the padded form; saved under its own names it loads strictly,
// with equal bits, and is saved again to equal bytes.
func TestPublished(t *testing.T) {
	for _, dir := range testutil.GoldenModels(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			onBackends(t, func(t *testing.T, b tensor.Backend) {
				config, err := os.ReadFile(filepath.Join(dir, "config.json"))
				require.NoError(t, err)
				enc, head, w := published(t, b, config, filepath.Join(dir, "model.safetensors"))
				first, second := filepath.Join(t.TempDir(), "a.safetensors"), filepath.Join(t.TempDir(), "b.safetensors")
				require.NoError(t, nn.SaveWeights(t.Context(), first, w))
				enc2, head2, w2 := published(t, b, config, first)
				require.NoError(t, nn.SaveWeights(t.Context(), second, w2))
				x, err := os.ReadFile(first)
				require.NoError(t, err)
				y, err := os.ReadFile(second)
				require.NoError(t, err)
				require.Equal(t, x, y)
				if head == nil {
					return
				}
				io, err := safetensors.Open(filepath.Join(dir, "io.safetensors"))
				require.NoError(t, err)
				defer io.Close()
				got := publishedRun(t, b, io, enc, head)
				require.Equal(t, got, publishedRun(t, b, io, enc2, head2))
				comparePublished(t, io, got)
			})
		})
	}
}

// publishedRun runs a folder's inputs: "packed" and, where the head pools or reads
// every token, "padded".
func publishedRun(t testing.TB, b tensor.Backend, io *safetensors.File, enc encoders.Encoder, head *heads.PublishedHead) results {
	t.Helper()
	ids := stored(t, io, "input_ids")
	dims := io.Dims("input_ids")
	mask := stored(t, io, "attention_mask")
	return forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
		bt, err := encoders.NewBatch(encoders.Padded{IDs: ids, Mask: mask, Types: stored(t, io, "token_type_ids"), Batch: dims[0], Cols: dims[1]})
		require.NoError(t, err)
		e, err := enc.Forward(s, bt, encoders.Want{Pooled: head.Reads() == heads.PooledRow})
		require.NoError(t, err)
		outs := map[string]heads.Output{}
		if head.Kind() != heads.KindTextClassification { // packed rows, given back in the padded form
			out, err := head.Forward(s, heads.Input{Hidden: e.Hidden, Layout: bt.Layout})
			require.NoError(t, err)
			for _, x := range []*tensor.Tensor{&out.Logits, &out.StartLogits, &out.EndLogits, &out.Predictions} {
				if x.Present() {
					if *x, err = bt.Unpack(s, *x, 0); err != nil {
						return nil, err
					}
				}
			}
			outs["packed"] = out
		}
		padded, err := bt.Unpack(s, e.Hidden, 0)
		require.NoError(t, err)
		outs["padded"], err = head.Forward(s, heads.Input{Hidden: padded, Mask: maskHost(t, mask, dims...), Pooled: e.Pooled})
		return outs, err
	})
}

func stored(t testing.TB, f *safetensors.File, name string) []int32 {
	t.Helper()
	if f.Dims(name) == nil {
		return nil
	}
	h, err := f.Read(name)
	require.NoError(t, err)
	v, err := h.Int64()
	require.NoError(t, err)
	out := make([]int32, len(v))
	for i, x := range v {
		out[i] = int32(x)
	}
	return out
}

func comparePublished(t testing.TB, io *safetensors.File, got results) {
	t.Helper()
	mask := stored(t, io, "attention_mask")
	compared := 0
	for form, r := range got {
		for _, key := range []string{"logits", "start_logits", "end_logits"} {
			if io.Dims(key) == nil {
				continue
			}
			compared++
			h, err := io.Read(key)
			require.NoError(t, err)
			want, err := h.Float32()
			require.NoError(t, err)
			v := floats(t, r, key, h.Dims()...)
			if h.Dim(1) == io.Dims("input_ids")[1] { // by position: kept ones
				each := len(v) / len(mask)
				for i, m := range mask {
					if m == 0 {
						copy(want[i*each:(i+1)*each], v[i*each:(i+1)*each])
					}
				}
			}
			near(t, want, v, 5e-5, form+" "+key)
		}
	}
	require.NotZero(t, compared)
}

func TestPublishedUnserved(t *testing.T) {
	b := nn.NewBuilder(t.Context(), cpu(t), nn.Options{})
	_, err := heads.Published(b, heads.Checkpoint{Class: "BertForNextSentencePrediction", ModelType: "bert", HiddenSize: 8, Config: []byte("{}")})
	require.True(t, errors.Is(err, heads.ErrNoHead))
	require.ErrorContains(t, err, "BertForNextSentencePrediction")
}

// TestPublishedChoices: with Choices the scores of a question lie in a row.
func TestPublishedChoices(t *testing.T) {
	b := cpu(t)
	bld := nn.NewBuilder(t.Context(), b, nn.Options{})
	head, err := heads.Published(bld, heads.Checkpoint{Class: "BertForMultipleChoice", ModelType: "bert", HiddenSize: 8, Config: []byte("{}")})
	require.NoError(t, err)
	w, err := bld.Finish(nil)
	require.NoError(t, err)
	defer w.Release()
	got := forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
		x := hidden(t, s, 1, 6, 8)
		alone, err := head.Forward(s, x)
		require.NoError(t, err)
		x.Choices = 3
		rows, err := head.Forward(s, x)
		require.NoError(t, err)
		x.Choices = 4
		_, err = head.Forward(s, x)
		require.ErrorIs(t, err, heads.ErrInputFormat)
		return map[string]heads.Output{"alone": alone, "rows": rows}, nil
	})
	require.Equal(t, floats(t, got["alone"], "logits", 6, 1), floats(t, got["rows"], "logits", 2, 3))
	requireDistribution(t, floats(t, got["rows"], "probabilities", 2, 3), 3)
}

// TestPublishedInputs: a published head refuses what no head takes, as ours do.
func TestPublishedInputs(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for class, takes := range map[string]string{
			"BertForTokenClassification":       "packed rows or rank 3 [B,L,D]",
			"BertForQuestionAnswering":         "packed rows or rank 3 [B,L,D]",
			"BertForSequenceClassification":    "rank 2 [B,D]",
			"RobertaForSequenceClassification": "packed rows, rank 3 [B,L,D] or rank 2 [B,D]",
		} {
			bld := nn.NewBuilder(t.Context(), b, nn.Options{})
			head, err := heads.Published(bld, heads.Checkpoint{Class: class, ModelType: strings.ToLower(class[:strings.Index(class, "For")]), HiddenSize: 8, Config: []byte("{}")})
			require.NoError(t, err)
			w, err := bld.Finish(nil)
			require.NoError(t, err)
			defer w.Release()
			s := begin(t, b)
			refuse := func(in heads.Input, say string) {
				_, err := head.Forward(s, in)
				require.ErrorIs(t, err, heads.ErrInputFormat, "%s: %s", class, say)
				require.ErrorContains(t, err, say, class)
			}
			deep := hidden(t, s, 1, 2, 3, 4, 8)
			deep.Pooled = deep.Hidden
			refuse(deep, "of rank 4 (layout given: false), want "+takes)
			none := hidden(t, s, 1, 0, 3, 8)
			none.Pooled = hidden(t, s, 1, 0, 8).Hidden
			refuse(none, "an empty batch")
			if head.Reads() == heads.EveryRow {
				refuse(hidden(t, s, 1, 6, 8), "of rank 2 (layout given: false), want "+takes)
			}
			if head.Reads() != heads.PooledRow {
				short := hidden(t, s, 1, 6, 8)
				short.Layout = tensor.NewLayout(2, 2)
				require.NoError(t, short.Layout.Upload(s))
				refuse(short, "6 rows for a layout of 4")
			}
		}
	})
}

// TestPublishedKeys: keys of config.json that no layer takes are errors that name them,
// and labels are read for the classes that have some.
func TestPublishedKeys(t *testing.T) {
	build := func(class, config string) (*heads.PublishedHead, error) {
		bld := nn.NewBuilder(t.Context(), cpu(t), nn.Options{})
		head, err := heads.Published(bld, heads.Checkpoint{Class: class, ModelType: "bert", HiddenSize: 8, VocabSize: 9, Config: []byte(config)})
		w, e := bld.Finish(nil)
		require.NoError(t, e)
		w.Release()
		return head, err
	}
	for config, say := range map[string]string{
		`{"classifier_dropout":1.5}`:         "config.json: classifier_dropout is 1.5, want 0 up to below 1",
		`{"hidden_dropout_prob":-1}`:         "hidden_dropout_prob is -1, want 0",
		`{"initializer_range":-0.1}`:         "initializer_range is -0.1, want 0 or more",
		`{"layer_norm_eps":-1}`:              "layer_norm_eps is -1, want 0 or more",
		`{"id2label":{}}`:                    "id2label is empty",
		`{"id2label":{"0":"a","00":"b"}}`:    `id2label has the id "00", want 0 to 1`,
		`{"num_labels":2000000000}`:          "num_labels is 2000000000, want at most 1048576",
		`{"id2label":{"0":"a","2":"b"}}`:     `id2label has the id "2", want 0 to 1`,
		`{"num_labels":0}`:                   "num_labels is 0, want at least 1",
		`{"problem_type":"causal_language"}`: "problem_type",
	} {
		_, err := build("BertForSequenceClassification", config)
		require.ErrorContains(t, err, say)
	}
	for _, class := range []string{"BertForQuestionAnswering", "BertForMultipleChoice"} {
		head, err := build(class, `{"id2label":{},"num_labels":0}`)
		require.NoError(t, err)
		require.Empty(t, head.Config().Labels)
	}
}
