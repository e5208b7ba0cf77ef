package heads_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// withoutRows are batches of two sequences whose encoder gives no row.
func withoutRows(t testing.TB) map[string]*encoders.Batch {
	t.Helper()
	padding, err := encoders.NewBatch(encoders.Padded{IDs: make([]int32, 6), Mask: make([]int32, 6), Batch: 2, Cols: 3})
	require.NoError(t, err)
	empty, err := encoders.PackBatch([][]int32{{}, {}}, nil)
	require.NoError(t, err)
	return map[string]*encoders.Batch{"padding": padding, "empty": empty}
}

// onNoRows is an encoder's pass over a batch without rows, as a head takes it.
func onNoRows(t testing.TB, s *tensor.Scope, enc encoders.Encoder, batch *encoders.Batch) heads.Input {
	t.Helper()
	out, err := enc.Forward(s, batch, encoders.Want{Pooled: enc.HasPooler()})
	require.NoError(t, err)
	require.Zero(t, out.Hidden.Dim(0))
	return heads.Input{Hidden: out.Hidden, Layout: batch.Layout, Pooled: out.Pooled, Choices: 2}
}

// readFinite reads outputs, of which there are some and no value is NaN or infinite.
func readFinite(t testing.TB, s *tensor.Scope, out heads.Output) heads.Result {
	t.Helper()
	r, err := out.Read(t.Context(), s)
	require.NoError(t, err)
	require.NotEmpty(t, r)
	for key, h := range r {
		if h.DType == tensor.F32 {
			floats(t, r, key, h.Dims()...)
		}
	}
	return r
}

// TestNoRows: encoder and head over a batch without kept rows give what each text
// without tokens gives beside others, and no head fails but those that are asked about
// a place in the text.
func TestNoRows(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		enc := bert(t, b)
		dim := enc.Config().HiddenSize
		for what, batch := range withoutRows(t) {
			for kind, small := range everyHead(t, b) {
				for _, opt := range []heads.Options{{}, {UseTaskAttention: true, UseFFN: true}, {UseTaskAttention: true, Attention: "cbam"}, {UseTaskAttention: true, Attention: "differential"}} {
					cfg := small.Config()
					cfg.UseCRF = opt.UseFFN && (kind == heads.KindTokenClassification || kind == heads.KindPredicateTagging)
					head, w := newHead(t, b, cfg, dim, opt)
					noisy(t, b, w)
					if place := kind == heads.KindPredicateTagging || kind == heads.KindTargetClassification || kind == heads.KindRelationExtraction || kind == heads.KindCoreference; place {
						s := begin(t, b)
						in := onNoRows(t, s, enc, batch)
						in.Targets = []heads.Target{{End: 1, SecondEnd: 1}}
						_, err := heads.Apply(s, head, in)
						require.ErrorIs(t, err, heads.ErrInputFormat, "%s, %s", kind, what)
						require.ErrorContains(t, err, "target 0, columns 0 to 1 of sequence 0", "%s, %s", kind, what)
						continue
					}
					s := begin(t, b)
					var in any = onNoRows(t, s, enc, batch)
					if kind == heads.KindTextMatching {
						in = heads.Pair{A: in.(heads.Input), B: in.(heads.Input)}
					}
					out, err := heads.Apply(s, head, in)
					require.NoError(t, err, "%s, %s", kind, what)
					r := readFinite(t, s, out)
					switch kind {
					case heads.KindTextClassification:
						floats(t, r, "logits", 2, 3)
					case heads.KindTokenClassification:
						floats(t, r, "logits", 0, 3)
						integers(t, r, "predictions", 0)
					case heads.KindQuestionAnswering:
						floats(t, r, "start_logits", 0)
						spans, err := heads.AnswerSpans(r, batch.Layout)
						require.NoError(t, err)
						require.Equal(t, [][2]int32{{-1, -1}, {-1, -1}}, spans)
						best, err := heads.BestSpans(r, batch.Layout, 3, 2)
						require.NoError(t, err)
						require.Len(t, best, 2)
						require.Empty(t, append(best[0], best[1]...))
					case heads.KindDependencyParsing:
						trees, err := heads.ParseDependencies(r)
						require.NoError(t, err)
						require.Equal(t, [][]heads.Arc{nil, nil}, trees)
					}
				}
			}
		}
	})
}

// TestPublishedNoRows: the same of every class of Hugging Face's.
func TestPublishedNoRows(t *testing.T) {
	classes := map[string]string{
		"bert":       "Bert: ForSequenceClassification ForTokenClassification ForQuestionAnswering ForMaskedLM ForMultipleChoice",
		"distilbert": "DistilBert: ForSequenceClassification ForTokenClassification ForQuestionAnswering ForMaskedLM ForMultipleChoice",
		"roberta":    "Roberta: ForSequenceClassification ForTokenClassification ForQuestionAnswering ForMaskedLM ForMultipleChoice",
		"modernbert": "ModernBert: ForSequenceClassification ForTokenClassification ForQuestionAnswering ForMaskedLM",
		"qwen3":      "Qwen3: ForSequenceClassification ForTokenClassification ForQuestionAnswering ForCausalLM",
		"gpt2":       "GPT2: ForSequenceClassification ForTokenClassification ForQuestionAnswering LMHeadModel",
	}
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		enc := bert(t, b)
		dim := enc.Config().HiddenSize
		for model, list := range classes {
			prefix, names, _ := strings.Cut(list, ":")
			for _, name := range strings.Fields(names) {
				bld := nn.NewBuilder(t.Context(), b, nn.Options{})
				head, err := heads.Published(bld, heads.Checkpoint{Class: prefix + name, ModelType: model, HiddenSize: dim,
					VocabSize: enc.Config().VocabSize, Config: []byte("{}"), WordEmbeddings: enc.WordEmbeddings()})
				require.NoError(t, err)
				w, err := bld.Finish(nil)
				require.NoError(t, err)
				defer w.Release()
				for what, batch := range withoutRows(t) {
					s := begin(t, b)
					out, err := head.Forward(s, onNoRows(t, s, enc, batch))
					require.NoError(t, err, "%s, %s", head.Class(), what)
					readFinite(t, s, out)
				}
			}
		}
	})
}

// TestNoRowsGradients: a batch without kept rows asks nothing of what reads tokens: zero
// gradients, in head and encoder, and a step spoils nothing.
func TestNoRowsGradients(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		bld := nn.NewBuilder(t.Context(), b, nn.Options{Seed: 3})
		m, err := encoders.Parse([]byte(`{"model_type":"bert","vocab_size":50,"hidden_size":16,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":32,"add_pooling_layer":false}`))
		require.NoError(t, err)
		enc := m.Build(bld.At("encoder"))
		head, err := heads.NewTokenClassification(bld.At("head"), heads.TaskConfig{Name: "tags", TaskType: heads.NamedEntityRecognition, NumClasses: 3}, 16, heads.Options{UseTaskAttention: true, UseFFN: true})
		require.NoError(t, err)
		w, err := bld.Finish(nil)
		require.NoError(t, err)
		t.Cleanup(w.Release)
		for what, batch := range withoutRows(t) {
			l, grads := step(t, b, w, func(s *tensor.Scope) tensor.Tensor {
				out, err := head.Forward(s, onNoRows(t, s, enc, batch))
				require.NoError(t, err, what)
				return tokenLoss(t, s, out.Logits, nil, tensor.MeanCrossEntropy)
			})
			require.True(t, l == 0 && !math.Signbit(float64(l)), "%s: loss is %v", what, l)
			requireZeroGradients(t, grads)
		}
	})
}
