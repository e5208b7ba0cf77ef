package heads_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// row is one acceptance row: it asserts on one backend what the row says, and
// gives its outputs, which BK1 compares between the backends.
type row struct {
	id  string
	run func(t *testing.T, b tensor.Backend) results
}

var rows = []row{
	{"EX1", example1}, {"EX1b", example1b}, {"EX2", example2}, {"EX2b", example2b}, {"EX3", example3}, {"EX4", example4},
	{"EX5", example5}, {"EX5b", example5b}, {"EX5c", example5c}, {"EF1", efficient}, {"HP1", highPerformance},
}

// TestAcceptance runs the rows of the spec's section 9 on both backends.
func TestAcceptance(t *testing.T) {
	got := map[string]map[string]results{}
	for _, r := range rows {
		got[r.id] = map[string]results{}
		t.Run(r.id, func(t *testing.T) {
			onBackends(t, func(t *testing.T, b tensor.Backend) {
				kind := "webgpu"
				if isCPU(b) {
					kind = "cpu"
				}
				got[r.id][kind] = r.run(t, b)
			})
		})
	}
	for _, pooling := range []string{"cls", "mean", "max", "attention", "last"} {
		t.Run("PO-"+pooling, func(t *testing.T) { poolings(t, pooling) })
	}
	t.Run("FF1", combinations)
	t.Run("NO1", norms)
	t.Run("LO1", losses)
	t.Run("LO2", maskedLosses)
	t.Run("SE1", savedExamples)
	t.Run("MA1", externalEncoder)
	t.Run("TB1", dimensionMismatch)
	t.Run("TB2", noPooler)
	t.Run("TB3", inputFormat)
	t.Run("BK1", func(t *testing.T) {
		if _, err := device(); err != nil {
			testutil.NoDevice(t, err)
		}
		for _, r := range rows {
			sameOnBoth(t, r.id, got[r.id]["cpu"], got[r.id]["webgpu"])
		}
	})
}

// sameOnBoth compares the float outputs of a row; paths and argmaxes may differ at
// ties, and each row checks its own.
func sameOnBoth(t *testing.T, id string, want, got results) {
	t.Helper()
	for task, r := range want {
		for key, h := range r {
			if h.DType != tensor.F32 {
				continue
			}
			near(t, floats(t, r, key, h.Dims()...), floats(t, got[task], key, h.Dims()...), 5e-5, id+" "+task+" "+key)
		}
	}
}

// size is the full size of the spec, or a small one.
func size(spec, small int) int {
	if full {
		return spec
	}
	return small
}

var (
	batch = size(32, 4)
	cols  = size(128, 12)
	width = size(768, 64)
)

// onesBatch is the batch of the rows: ids and mask of ones, types of zeros.
func onesBatch(t testing.TB, types bool) *encoders.Batch {
	t.Helper()
	n := batch * cols
	p := encoders.Padded{IDs: make([]int32, n), Mask: make([]int32, n), Batch: batch, Cols: cols}
	for i := range n {
		p.IDs[i], p.Mask[i] = 1, 1
	}
	if types {
		p.Types = make([]int32, n)
	}
	b, err := encoders.NewBatch(p)
	require.NoError(t, err)
	return b
}

func encoder(t testing.TB, b tensor.Backend, config string, args ...any) encoders.Encoder {
	t.Helper()
	m, err := encoders.Parse([]byte(sprint(config, args...)))
	require.NoError(t, err)
	enc, w, err := encoders.New(t.Context(), b, m, 3)
	require.NoError(t, err)
	t.Cleanup(w.Release)
	return enc
}

func bert(t testing.TB, b tensor.Backend) encoders.Encoder {
	return encoder(t, b, `{"model_type":"bert","vocab_size":%d,"hidden_size":%d,"num_hidden_layers":%d,"num_attention_heads":%d,"intermediate_size":%d,"max_position_embeddings":512,"add_pooling_layer":true}`,
		size(30522, 50), width, size(12, 2), size(12, 4), size(3072, 128))
}

// encode runs an encoder on the rows' batch: hidden states in the padded form,
// their mask, and the pooled vector where there is one.
func encode(t testing.TB, s *tensor.Scope, enc encoders.Encoder) (heads.Input, encoders.Output, *encoders.Batch) {
	t.Helper()
	bt := onesBatch(t, true)
	out, err := enc.Forward(s, bt, encoders.Want{Pooled: enc.HasPooler()})
	require.NoError(t, err)
	seq, err := bt.Unpack(s, out.Hidden, 0)
	require.NoError(t, err)
	require.Equal(t, []int{batch, cols, enc.Config().HiddenSize}, seq.Dims())
	mask := make([]int32, batch*cols)
	for i := range mask {
		mask[i] = 1
	}
	return heads.Input{Hidden: seq, Mask: maskHost(t, mask, batch, cols), Pooled: out.Pooled}, out, bt
}

// atSpec counts a head's parameters at the size of the spec.
func atSpec(t testing.TB, want int64, cfg heads.TaskConfig, dim int, opt heads.Options) {
	t.Helper()
	b := cpu(t)
	h, w := newHead(t, b, cfg, dim, opt)
	requireParams(t, want, h.(heads.Module), w)
}

func sentimentHead(intermediate int) (heads.TaskConfig, heads.Options) {
	return heads.TaskConfig{Name: "sentiment", TaskType: heads.SentimentAnalysis, NumClasses: 3, DropoutRate: ptr(0.1)},
		heads.Options{Pooling: "cls", IntermediateSize: intermediate}
}

func requireDistribution(t testing.TB, p []float32, classes int) {
	t.Helper()
	for i := 0; i < len(p); i += classes {
		sum := 0.0
		for _, x := range p[i : i+classes] {
			sum += float64(x)
		}
		require.InDelta(t, 1, sum, 1e-6)
	}
}

func example1(t *testing.T, b tensor.Backend) results {
	cfg, opt := sentimentHead(256)
	atSpec(t, 199_683, cfg, 768, opt)
	cfg, opt = sentimentHead(size(256, 32))
	head, _ := newHead(t, b, cfg, width, opt)
	enc := bert(t, b)
	got := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
		in, out, _ := encode(t, s, enc)
		require.Equal(t, []int{batch, width}, out.Pooled.Dims())
		// Rank 2 with a mask, as the guide's first example gives it.
		return head.Forward(s, heads.Input{Hidden: out.Pooled, Mask: in.Mask})
	})
	require.ElementsMatch(t, []string{"logits", "probabilities"}, keys(got))
	floats(t, got, "logits", batch, 3)
	requireDistribution(t, floats(t, got, "probabilities", batch, 3), 3)
	return results{"": got}
}

func example1b(t *testing.T, b tensor.Backend) results {
	cfg, opt := sentimentHead(size(256, 32))
	head, _ := newHead(t, b, cfg, width, opt)
	enc := bert(t, b)
	got := forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
		in, out, bt := encode(t, s, enc)
		outs := map[string]heads.Output{}
		var err error
		if outs["sequence"], err = head.Forward(s, in); err != nil {
			return nil, err
		}
		if outs["packed"], err = head.Forward(s, heads.Input{Hidden: out.Hidden, Layout: bt.Layout}); err != nil {
			return nil, err
		}
		first, err := tensor.Pool(s, out.Hidden, bt.Layout, tensor.PoolCLS, tensor.Tensor{}, tensor.Tensor{})
		if err != nil {
			return nil, err
		}
		outs["first"], err = head.Forward(s, heads.Input{Hidden: first})
		return outs, err
	})
	want := floats(t, got["first"], "logits", batch, 3)
	require.Equal(t, want, floats(t, got["sequence"], "logits", batch, 3))
	require.Equal(t, want, floats(t, got["packed"], "logits", batch, 3))
	return got
}

func nerHead(crf bool) (heads.TaskConfig, heads.Options) {
	return heads.TaskConfig{Name: "ner", TaskType: heads.NamedEntityRecognition, NumClasses: 9, DropoutRate: ptr(0.1), UseCRF: crf},
		heads.Options{UseIntermediate: ptr(true), UseTaskAttention: true, Attention: "multi_head"}
}

func modernBERT(t testing.TB, b tensor.Backend) encoders.Encoder {
	return encoder(t, b, `{"model_type":"modernbert","vocab_size":%d,"hidden_size":%d,"num_hidden_layers":%d,"num_attention_heads":%d,"intermediate_size":%d,"max_position_embeddings":1024,"partial_rotary_factor":0.5}`,
		size(50265, 50), width, size(12, 2), size(12, 4), size(3072, 128))
}

func example2(t *testing.T, b tensor.Backend) results {
	cfg, opt := nerHead(false)
	atSpec(t, 2_959_881, cfg, 768, opt)
	head, _ := newHead(t, b, cfg, width, opt)
	enc := modernBERT(t, b)
	got := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
		in, _, _ := encode(t, s, enc)
		return head.Forward(s, in)
	})
	require.ElementsMatch(t, []string{"logits", "predictions"}, keys(got))
	requireArgmax(t, floats(t, got, "logits", batch, cols, 9), integers(t, got, "predictions", batch, cols), 9)
	return results{"": got}
}

func requireArgmax(t testing.TB, logits []float32, predictions []int64, classes int) {
	t.Helper()
	for i, p := range predictions {
		row := logits[i*classes : (i+1)*classes]
		require.EqualValues(t, slices.Index(row, slices.Max(row)), p, "prediction %d", i)
	}
}

func qaHead(intermediate int) (heads.TaskConfig, heads.Options) {
	return heads.TaskConfig{Name: "qa", TaskType: heads.QuestionAnsweringTask, DropoutRate: ptr(0.1)},
		heads.Options{IntermediateSize: intermediate, UseTaskAttention: true}
}

func example3(t *testing.T, b tensor.Backend) results {
	cfg, opt := qaHead(512)
	atSpec(t, 1_577_474, cfg, 1024, opt)
	w := size(1024, 64)
	cfg, opt = qaHead(size(512, 32))
	head, _ := newHead(t, b, cfg, w, opt)
	enc := encoder(t, b, `{"model_type":"qwen3","vocab_size":%d,"hidden_size":%d,"num_hidden_layers":%d,"num_attention_heads":%d,"num_key_value_heads":%d,"head_dim":%d,"intermediate_size":%d,"max_position_embeddings":2048,"rope_theta":10000}`,
		size(151936, 50), w, size(12, 2), size(16, 4), size(4, 2), size(64, 16), size(4096, 128))
	mask := make([]int32, batch*cols)
	for i := range mask { // row r has r columns of padding, at its end
		if i%cols < cols-i/cols%cols {
			mask[i] = 1
		}
	}
	got := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
		in, _, _ := encode(t, s, enc)
		in.Mask = maskHost(t, mask, batch, cols)
		return head.Forward(s, in)
	})
	require.ElementsMatch(t, []string{"start_logits", "end_logits"}, keys(got))
	start, end := floats(t, got, "start_logits", batch, cols), floats(t, got, "end_logits", batch, cols)
	for i, m := range mask {
		require.Equal(t, m == 0, start[i] == -1e9, "start logit %d", i)
		require.Equal(t, m == 0, end[i] == -1e9, "end logit %d", i)
	}
	spans, err := heads.AnswerSpans(got, nil)
	require.NoError(t, err)
	require.Len(t, spans, batch)
	for i, sp := range spans {
		row := start[i*cols : (i+1)*cols]
		require.EqualValues(t, slices.Index(row, slices.Max(row)), sp[0])
	}
	return results{"": got}
}

func exampleTasks() []heads.Task {
	return []heads.Task{
		{Config: heads.TaskConfig{Name: "sentiment", TaskType: heads.SentimentAnalysis, NumClasses: 3}},
		{Config: heads.TaskConfig{Name: "ner", TaskType: heads.NamedEntityRecognition, NumClasses: 9}},
		{Config: heads.TaskConfig{Name: "similarity", TaskType: heads.TextSimilarityTask}},
	}
}

func newMulti(t testing.TB, b tensor.Backend, tasks []heads.Task, dim int, projections bool) (*heads.MultiTask, *nn.Weights) {
	t.Helper()
	m, w, err := heads.NewMulti(t.Context(), b, tasks, dim, projections, 7)
	require.NoError(t, err)
	t.Cleanup(w.Release)
	return m, w
}

func example4(t *testing.T, b tensor.Backend) results {
	spec, specWeights := newMulti(t, cpu(t), exampleTasks(), 768, true)
	requireParams(t, 4_152_588, spec, specWeights)

	m, _ := newMulti(t, b, exampleTasks(), width, true)
	require.Equal(t, []string{"sentiment", "ner", "similarity"}, m.Tasks())
	enc := bert(t, b)
	all := forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
		in, _, _ := encode(t, s, enc)
		return m.Forward(s, in)
	})
	require.Len(t, all, 3)
	require.ElementsMatch(t, []string{"logits", "probabilities"}, keys(all["sentiment"]))
	require.ElementsMatch(t, []string{"logits", "predictions"}, keys(all["ner"]))
	require.ElementsMatch(t, []string{"embeddings"}, keys(all["similarity"]))
	floats(t, all["sentiment"], "logits", batch, 3)
	floats(t, all["ner"], "logits", batch, cols, 9)
	integers(t, all["ner"], "predictions", batch, cols)
	floats(t, all["similarity"], "embeddings", batch, width)

	// What the heads cost, in operations.
	cost := func(fn func(s *tensor.Scope, in heads.Input) (map[string]heads.Output, error)) (results, int64) {
		s := begin(t, b)
		outs, err := fn(s, hidden(t, s, 1, batch, cols, width))
		require.NoError(t, err)
		got, err := heads.ReadOutputs(t.Context(), s, outs)
		require.NoError(t, err)
		return got, s.Stats().Dispatches
	}
	together, whole := cost(m.Forward)
	sum := int64(0)
	for _, name := range m.Tasks() {
		got, one := cost(func(s *tensor.Scope, in heads.Input) (map[string]heads.Output, error) {
			out, err := m.ForwardTask(s, name, in)
			return map[string]heads.Output{name: out}, err
		})
		require.Equal(t, together[name], got[name], "task %s alone", name)
		sum += one
	}
	require.Equal(t, whole, sum, "a task computes only its own head")

	s := begin(t, b)
	_, err := m.ForwardTask(s, "emotion", hidden(t, s, 1, batch, width))
	require.ErrorContains(t, err, `unknown task "emotion"; tasks: ["sentiment" "ner" "similarity"]`)
	return all
}

func similarityHead() (heads.TaskConfig, heads.Options) {
	return heads.TaskConfig{Name: "similarity", TaskType: heads.TextSimilarityTask, DropoutRate: ptr(0.1)}, heads.Options{}
}

// pair runs a similarity head on two random batches of pooled vectors, or on one twice.
func pair(t testing.TB, b tensor.Backend, h heads.Head, second uint64) heads.Result {
	return forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
		return heads.Apply(s, h, heads.Pair{A: hidden(t, s, 1, batch, width), B: hidden(t, s, second, batch, width)})
	})
}

func example5(t *testing.T, b tensor.Backend) results {
	cfg, opt := similarityHead()
	atSpec(t, 1_184_256, cfg, 768, opt)
	head, _ := newHead(t, b, cfg, width, opt)
	got, same := pair(t, b, head, 2), pair(t, b, head, 1)
	require.ElementsMatch(t, []string{"similarity_score", "embeddings_1", "embeddings_2"}, keys(got))
	floats(t, got, "embeddings_1", batch, width)
	floats(t, got, "embeddings_2", batch, width)
	for i, x := range floats(t, got, "similarity_score", batch) {
		require.True(t, x >= -1-1e-5 && x <= 1+1e-5)
		require.InDelta(t, 1, floats(t, same, "similarity_score", batch)[i], 1e-5)
	}
	return results{"": got}
}

func example5b(t *testing.T, b tensor.Backend) results {
	cfg, opt := similarityHead()
	head, _ := newHead(t, b, cfg, width, opt)
	got := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
		return heads.Apply(s, head, hidden(t, s, 1, batch, width))
	})
	require.ElementsMatch(t, []string{"embeddings"}, keys(got))
	floats(t, got, "embeddings", batch, width)
	return results{"": got}
}

func example5c(t *testing.T, b tensor.Backend) results {
	cfg, opt := similarityHead()
	opt.SimilarityFunction = "learned"
	atSpec(t, 3_545_089, cfg, 768, opt)
	got := results{}
	for _, function := range []string{"cosine", "dot", "learned"} {
		opt.SimilarityFunction = function
		opt.OutputEmbeddings = ptr(true)
		head, _ := newHead(t, b, cfg, width, opt)
		got[function] = pair(t, b, head, 2)
		opt.OutputEmbeddings = ptr(false)
		bare, _ := newHead(t, b, cfg, width, opt)
		r := pair(t, b, bare, 2)
		require.ElementsMatch(t, []string{"similarity_score"}, keys(r))
		require.Equal(t, got[function]["similarity_score"], r["similarity_score"])
	}
	u, v := floats(t, got["dot"], "embeddings_1", batch, width), floats(t, got["dot"], "embeddings_2", batch, width)
	for i, x := range floats(t, got["dot"], "similarity_score", batch) {
		sum := 0.0
		for c := range width {
			sum += float64(u[i*width+c]) * float64(v[i*width+c])
		}
		require.InDelta(t, sum, x, 1e-4*math.Max(1, math.Abs(sum)))
	}
	floats(t, got["learned"], "similarity_score", batch)
	return got
}

func efficient(t *testing.T, b tensor.Backend) results {
	cfg := heads.TaskConfig{Name: "fast", TaskType: heads.TextClassificationTask, NumClasses: 3}
	opt := heads.Options{UseIntermediate: ptr(false), DropoutRate: ptr(0.0)}
	atSpec(t, 3_843, cfg, 768, opt)
	head, _ := newHead(t, b, cfg, width, opt)
	got := forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
		in := hidden(t, s, 1, batch, cols, width)
		infer, err := head.Forward(s, in)
		if err != nil {
			return nil, err
		}
		s.Train = true
		train, err := head.Forward(s, in)
		return map[string]heads.Output{"infer": infer, "train": train}, err
	})
	require.Equal(t, got["infer"], got["train"])
	floats(t, got["infer"], "logits", batch, 3)
	return got
}

// bestHead is the high-performance configuration.
func bestHead(intermediate int) (heads.TaskConfig, heads.Options) {
	return heads.TaskConfig{Name: "best", TaskType: heads.TextClassificationTask, NumClasses: 3},
		heads.Options{IntermediateSize: intermediate, UseTaskAttention: true, Attention: "differential", UseFFN: true, FFN: "swiglu", FFNExpansion: 8, Normalization: "zero_centered_rms_norm"}
}

func highPerformance(t *testing.T, b tensor.Backend) results {
	cfg, opt := bestHead(512)
	h, w := newHead(t, cpu(t), cfg, 768, opt)
	requireParams(t, 8_263_940, h.(heads.Module), w)
	for _, p := range w.Params {
		switch p.Name {
		case "head.ffn.gate.weight":
			require.Equal(t, []int{4096, 512}, p.Dims())
		case "head.attention.lambda":
			require.NoError(t, w.Read(t.Context(), p, func(v []float32) error {
				require.InDelta(t, 0.16, 0.2*v[0], 1e-7, "0.8 - 0.6 exp(0) = 0.2 times the parameter")
				return nil
			}))
		}
	}
	cfg, opt = bestHead(size(512, 32))
	head, _ := newHead(t, b, cfg, width, opt)
	got := runHead(t, b, batch, cols, width)(head.(heads.Module))
	floats(t, got[""], "logits", batch, 3)
	return got
}

// savedExamples: SE1, the heads of the examples are saved and loaded.
func savedExamples(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		check := func(id string, run func(heads.Module) results, cfg heads.TaskConfig, opt heads.Options) {
			t.Run(id, func(t *testing.T) {
				head, w := newHead(t, b, cfg, width, opt)
				requireSaved(t, b, head.(heads.Module), w, run)
			})
		}
		sequence := runHead(t, b, batch, cols, width)
		cfg, opt := sentimentHead(size(256, 32))
		check("EX1", runHead(t, b, batch, width), cfg, opt)
		cfg, opt = nerHead(false)
		check("EX2", sequence, cfg, opt)
		cfg, opt = nerHead(true)
		check("EX2b", sequence, cfg, opt)
		cfg, opt = qaHead(size(512, 32))
		check("EX3", sequence, cfg, opt)
		cfg, opt = similarityHead()
		check("EX5", func(m heads.Module) results { return results{"": pair(t, b, m.(heads.Head), 2)} }, cfg, opt)
		opt.SimilarityFunction = "learned"
		check("EX5c", func(m heads.Module) results { return results{"": pair(t, b, m.(heads.Head), 2)} }, cfg, opt)
		cfg, opt = bestHead(size(512, 32))
		check("HP1", sequence, cfg, opt)
		t.Run("EX4", func(t *testing.T) {
			m, w := newMulti(t, b, exampleTasks(), width, true)
			requireSaved(t, b, m, w, func(m heads.Module) results {
				return forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
					return m.(*heads.MultiTask).Forward(s, hidden(t, s, 5, batch, cols, width))
				})
			})
		})
	})
}
