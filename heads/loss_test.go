package heads_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/internal/safetensors"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/tensor"
)

func logSumExp(z []float32) float64 {
	m, sum := math.Inf(-1), 0.0
	for _, v := range z {
		m = math.Max(m, float64(v))
	}
	for _, v := range z {
		sum += math.Exp(float64(v) - m)
	}
	return m + math.Log(sum)
}

// nll is the loss of each row of z [..,C] by hand.
func nll(z []float32, labels []int32) []float64 {
	c := len(z) / len(labels)
	out := make([]float64, len(labels))
	for i, y := range labels {
		if row := z[i*c : (i+1)*c]; y >= 0 {
			out[i] = logSumExp(row) - float64(row[y])
		}
	}
	return out
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x / float64(len(v))
	}
	return sum
}

// losses: LO1, the losses of section 7 on outputs of heads.
func losses(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		const c = 9
		labels := make([]int32, batch*cols)
		for i := range labels {
			labels[i] = int32(i % c)
		}
		crossEntropy := func(s *tensor.Scope, z tensor.Tensor, y []int32, o tensor.CrossEntropyOptions) tensor.Tensor {
			t.Helper()
			flat, err := z.Reshape(z.Rows(), z.Cols())
			require.NoError(t, err)
			target, err := tensor.Upload(s, y, len(y))
			require.NoError(t, err)
			l, err := tensor.CrossEntropy(s, flat, target, tensor.Tensor{}, o)
			require.NoError(t, err)
			return l
		}
		run := func(h heads.Head, shape []int, loss func(s *tensor.Scope, o heads.Output) tensor.Tensor) (heads.Result, []float32) {
			t.Helper()
			r := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
				out, err := h.Forward(s, hidden(t, s, 1, shape...))
				require.NoError(t, err)
				out.Value = loss(s, out)
				return out, nil
			})
			return r, floats(t, r, "value", r["value"].Dims()...)
		}
		each := tensor.MeanCrossEntropy
		each.Reduction = tensor.ReduceNone

		topic, w := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: heads.TopicClassification, NumClasses: c}, width, heads.Options{})
		r, got := run(topic, []int{batch, width}, func(s *tensor.Scope, o heads.Output) tensor.Tensor {
			return crossEntropy(s, o.Logits, labels[:batch], tensor.MeanCrossEntropy)
		})
		require.InDelta(t, mean(nll(floats(t, r, "logits", batch, c), labels[:batch])), got[0], 1e-5)
		write(t, b, w, map[string][]float32{"classifier.weight": make([]float32, c*width)})
		_, got = run(topic, []int{batch, width}, func(s *tensor.Scope, o heads.Output) tensor.Tensor {
			return crossEntropy(s, o.Logits, labels[:batch], tensor.MeanCrossEntropy)
		})
		require.InDelta(t, math.Log(c), got[0], 1e-5, "uniform logits")

		tags, _ := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: heads.NamedEntityRecognition, NumClasses: c}, width, heads.Options{})
		r, got = run(tags, []int{batch, cols, width}, func(s *tensor.Scope, o heads.Output) tensor.Tensor {
			l, err := crossEntropy(s, o.Logits, labels, each).Reshape(batch, cols)
			require.NoError(t, err)
			return l
		})
		require.Equal(t, []int{batch, cols}, r["value"].Dims())
		for i, want := range nll(floats(t, r, "logits", batch, cols, c), labels) {
			require.InDelta(t, want, got[i], 1e-5)
		}

		qa, _ := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: heads.QuestionAnsweringTask}, width, heads.Options{})
		start, end := make([]int32, batch), make([]int32, batch)
		for i := range batch {
			start[i], end[i] = int32(i%cols), int32((i+2)%cols)
		}
		r, got = run(qa, []int{batch, cols, width}, func(s *tensor.Scope, o heads.Output) tensor.Tensor {
			a, b := crossEntropy(s, o.StartLogits, start, tensor.MeanCrossEntropy), crossEntropy(s, o.EndLogits, end, tensor.MeanCrossEntropy)
			sum, err := tensor.Add(s, a, b)
			require.NoError(t, err)
			half, err := tensor.Scale(s, sum, 0.5, 0)
			require.NoError(t, err)
			return half
		})
		want := (mean(nll(floats(t, r, "start_logits", batch, cols), start)) + mean(nll(floats(t, r, "end_logits", batch, cols), end))) / 2
		require.InDelta(t, want, got[0], 1e-5)

		cfg, opt := similarityHead()
		similar, _ := newHead(t, b, cfg, width, opt)
		target := random(6, batch)
		rs := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
			out, err := heads.Apply(s, similar, heads.Pair{A: hidden(t, s, 1, batch, width), B: hidden(t, s, 2, batch, width)})
			require.NoError(t, err)
			out.Value, err = tensor.MSE(s, out.SimilarityScore, upload(t, s, target, batch), tensor.ReduceMean)
			return out, err
		})
		squares := make([]float64, batch)
		for i, x := range floats(t, rs, "similarity_score", batch) {
			squares[i] = (float64(x) - float64(target[i])) * (float64(x) - float64(target[i]))
		}
		require.InDelta(t, mean(squares), floats(t, rs, "value", 1)[0], 1e-5)
	})
}

// maskedLosses: LO2, half of the labels masked, then all of them.
func maskedLosses(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		const c = 5
		tags, _ := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: heads.NamedEntityRecognition, NumClasses: c}, width, heads.Options{})
		none, half := make([]int32, batch*cols), make([]int32, batch*cols)
		for i := range half {
			none[i], half[i] = -100, -100
			if i%2 == 0 {
				half[i] = int32(i % c)
			}
		}
		for _, labels := range [][]int32{half, none} {
			r := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
				out, err := tags.Forward(s, hidden(t, s, 1, batch, cols, width))
				require.NoError(t, err)
				flat, err := out.Logits.Reshape(batch*cols, c)
				require.NoError(t, err)
				target, err := tensor.Upload(s, labels, len(labels))
				require.NoError(t, err)
				out.Value, err = tensor.CrossEntropy(s, flat, target, tensor.Tensor{}, tensor.MeanCrossEntropy)
				return out, err
			})
			want, n := 0.0, 0.0
			for i, l := range nll(floats(t, r, "logits", batch, cols, c), labels) {
				if labels[i] >= 0 {
					want, n = want+l, n+1
				}
			}
			require.InDelta(t, want/max(n, 1), floats(t, r, "value", 1)[0], 1e-5)
		}
	})
}

// TestAnswerLoss: only kept positions compete for the start and the end of an answer,
// where Hugging Face lets padded ones too: over kept ones the golden folders have these
// losses. A position outside is ignored, or found by CheckLabels.
func TestAnswerLoss(t *testing.T) {
	for folder, want := range map[string]float64{"bert-qa": 2.787033, "modernbert-qa": 3.135063} {
		t.Run(folder, func(t *testing.T) {
			dir := testutil.Shared(t, "goldens", folder)
			config, err := os.ReadFile(filepath.Join(dir, "config.json"))
			require.NoError(t, err)
			io, err := safetensors.Open(filepath.Join(dir, "io.safetensors"))
			require.NoError(t, err)
			defer io.Close()
			dims, mask := io.Dims("input_ids"), stored(t, io, "attention_mask")
			onBackends(t, func(t *testing.T, b tensor.Backend) {
				enc, head, _ := published(t, b, config, filepath.Join(dir, "model.safetensors"))
				run := func(start, end []int32) float32 {
					r := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
						bt, err := encoders.NewBatch(encoders.Padded{IDs: stored(t, io, "input_ids"), Mask: mask, Types: stored(t, io, "token_type_ids"), Batch: dims[0], Cols: dims[1]})
						require.NoError(t, err)
						e, err := enc.Forward(s, bt, encoders.Want{})
						require.NoError(t, err)
						x, err := bt.Unpack(s, e.Hidden, 0)
						require.NoError(t, err)
						out, err := head.Forward(s, heads.Input{Hidden: x, Mask: maskHost(t, mask, dims...)})
						require.NoError(t, err)
						sum, err := tensor.Add(s, answerLoss(t, s, out.StartLogits, start), answerLoss(t, s, out.EndLogits, end))
						require.NoError(t, err)
						out.Value, err = tensor.Scale(s, sum, 0.5, 0)
						return out, err
					})
					return floats(t, r, "value", 1)[0]
				}
				start, end := stored(t, io, "start_positions"), stored(t, io, "end_positions")
				require.InDelta(t, want, run(start, end), 1e-5)
				outside := []int32{int32(dims[1]), -1, 99}
				require.ErrorContains(t, tensor.CheckLabels(outside, dims[1], tensor.IgnoreIndex), "label 0 is")
				require.Zero(t, run(outside, outside))
			})
		})
	}
}

// answerLoss is the mean cross entropy of logits over positions [B,L].
func answerLoss(t testing.TB, s *tensor.Scope, logits tensor.Tensor, at []int32) tensor.Tensor {
	t.Helper()
	target, err := tensor.Upload(s, at, len(at))
	require.NoError(t, err)
	l, err := tensor.CrossEntropy(s, logits, target, tensor.Tensor{}, tensor.MeanCrossEntropy)
	require.NoError(t, err)
	return l
}
