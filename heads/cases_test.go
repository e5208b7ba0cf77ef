package heads_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// step runs a loss on a tape over poisoned memory and takes one step of gradient
// descent: the loss and the gradients by parameter. No parameter is NaN behind it.
func step(t testing.TB, b tensor.Backend, w *nn.Weights, loss func(s *tensor.Scope) tensor.Tensor) (float32, map[string][]float32) {
	t.Helper()
	inner, err := b.Begin()
	require.NoError(t, err)
	tape := testutil.NewTape(testutil.Poison(inner))
	defer tape.Close()
	for _, p := range w.Params {
		tape.Watch(p.Buf)
	}
	s := &tensor.Scope{Stream: tape, Train: true, Seed: 5}
	l := loss(s)
	require.Equal(t, []int{1}, l.Dims())
	require.NoError(t, tape.Backward(testutil.Seed{Y: l}))
	v, err := tensor.Download(t.Context(), s, l)
	require.NoError(t, err)
	grads := map[string][]float32{}
	for _, p := range w.Params {
		g, ok := tape.Grad(p.Tensor)
		if !ok {
			continue
		}
		if grads[p.Name], err = tensor.Download(t.Context(), s, g); err != nil {
			require.NoError(t, err)
		}
		values := valuesOf(t, w, p)
		for i := range values {
			values[i] -= 0.1 * grads[p.Name][i]
		}
		require.NoError(t, s.Write(p.Tensor, tensor.Bytes(values)))
	}
	require.NoError(t, s.Read(t.Context(), nil))
	for _, p := range w.Params {
		for i, x := range valuesOf(t, w, p) {
			require.False(t, math.IsNaN(float64(x)) || math.IsInf(float64(x), 0), "%s at %d is %v after the step", p.Name, i, x)
		}
	}
	return v[0], grads
}

func requireZeroGradients(t testing.TB, grads map[string][]float32) {
	t.Helper()
	require.NotEmpty(t, grads)
	for name, g := range grads {
		for i, x := range g {
			require.True(t, x == 0, "%s at %d: %v", name, i, x)
		}
	}
}

// tokenLoss is the cross entropy of token logits [B,L,C].
func tokenLoss(t testing.TB, s *tensor.Scope, logits tensor.Tensor, labels []int32, o tensor.CrossEntropyOptions) tensor.Tensor {
	t.Helper()
	flat, err := logits.Reshape(logits.Rows(), logits.Cols())
	require.NoError(t, err)
	target, err := tensor.Upload(s, labels, len(labels))
	require.NoError(t, err)
	l, err := tensor.CrossEntropy(s, flat, target, tensor.Tensor{}, o)
	require.NoError(t, err)
	return l
}

// TestCase26: a batch, or one task's part of it, whose labels are all -100 has loss 0
// and zero gradients, and a step spoils nothing; of half of the labels it has the mean.
func TestCase26(t *testing.T) {
	const n, l, dim, c = 3, 6, 16, 5
	none, half := make([]int32, n*l), make([]int32, n*l)
	for i := range half {
		none[i], half[i] = -100, -100
		if i%2 == 0 {
			half[i] = int32(i % c)
		}
	}
	smooth := tensor.MeanCrossEntropy
	smooth.Smoothing = 0.1
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		cfg := heads.TaskConfig{Name: "tags", TaskType: heads.NamedEntityRecognition, NumClasses: c, DropoutRate: ptr(0.0)}
		t.Run("tokens", func(t *testing.T) {
			head, w := newHead(t, b, cfg, dim, heads.Options{UseTaskAttention: true, UseFFN: true})
			run := func(labels []int32, o tensor.CrossEntropyOptions) (float32, map[string][]float32) {
				return step(t, b, w, func(s *tensor.Scope) tensor.Tensor {
					out, err := head.Forward(s, hidden(t, s, 5, n, l, dim))
					require.NoError(t, err)
					return tokenLoss(t, s, out.Logits, labels, o)
				})
			}
			for _, o := range []tensor.CrossEntropyOptions{tensor.MeanCrossEntropy, smooth} {
				loss, grads := run(none, o)
				require.True(t, loss == 0, "loss is %v", loss)
				requireZeroGradients(t, grads)
			}
			z := floats(t, runHead(t, b, n, l, dim)(head.(heads.Module))[""], "logits", n, l, c)
			loss, grads := run(half, tensor.MeanCrossEntropy)
			want, kept := 0.0, 0.0
			for i, v := range nll(z, half) {
				if half[i] >= 0 {
					want, kept = want+v, kept+1
				}
			}
			require.InDelta(t, want/kept, loss, 1e-5)
			require.NotZero(t, grads["head.classifier.bias"][0])
		})
		t.Run("one task of two", func(t *testing.T) {
			topic := heads.TaskConfig{Name: "topic", TaskType: heads.TopicClassification, NumClasses: c, DropoutRate: ptr(0.0)}
			m, w := newMulti(t, b, []heads.Task{{Config: cfg}, {Config: topic}}, dim, true)
			var topicLoss float32
			both := func(labels []int32, y []int32) (float32, map[string][]float32) {
				return step(t, b, w, func(s *tensor.Scope) tensor.Tensor {
					outs, err := m.Forward(s, hidden(t, s, 5, n, l, dim))
					require.NoError(t, err)
					sum, err := tensor.Add(s, tokenLoss(t, s, outs["tags"].Logits, labels, tensor.MeanCrossEntropy), tokenLoss(t, s, outs["topic"].Logits, y, tensor.MeanCrossEntropy))
					require.NoError(t, err)
					return sum
				})
			}
			got := forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
				return m.Forward(s, hidden(t, s, 5, n, l, dim))
			})
			topicLoss = float32(mean(nll(floats(t, got["topic"], "logits", n, c), []int32{0, 1, 2})))
			loss, grads := both(none, []int32{0, 1, 2})
			require.InDelta(t, topicLoss, loss, 1e-5)
			tags := map[string][]float32{}
			for name, g := range grads {
				if name == "heads.topic.classifier.bias" {
					require.NotZero(t, g[0])
				} else if len(name) > 11 && name[:11] == "heads.tags." || name == "projections.tags.weight" {
					tags[name] = g
				}
			}
			requireZeroGradients(t, tags)
		})
		t.Run("crf", func(t *testing.T) {
			labels := make([]int32, 4*crfCols)
			for _, opt := range []heads.Options{{}, {TokenMean: true}, {CRFConstraints: true}} {
				for i := range labels {
					labels[i] = -100
				}
				head, w := crfHead(t, b, opt)
				run := func() (float32, map[string][]float32) {
					return step(t, b, w, func(s *tensor.Scope) tensor.Tensor {
						s.Train = false
						loss, err := head.Loss(s, crfInput(t, s, false), maskHost(t, labels, 4, crfCols))
						require.NoError(t, err)
						return loss
					})
				}
				loss, grads := run()
				require.True(t, loss == 0, "loss is %v", loss)
				requireZeroGradients(t, grads)

				// The first text counts alone: the third is not in the mean.
				copy(labels, []int32{0, 1, 2, -100, -100})
				ch := chainByHand(t, w, crfLabels, opt.CRFConstraints)
				z := floats(t, forward(t, b, func(s *tensor.Scope) (heads.Output, error) { return head.Forward(s, crfInput(t, s, false)) }), "logits", 4, crfCols, 4)
				e := [][]float32{z[:4], z[4:8], z[8:12]}
				_, _, logZ, _ := ch.brute(e)
				want := logZ - ch.score(e, []int{0, 1, 2})
				if opt.TokenMean {
					want /= 3
				}
				loss, grads = run()
				require.InDelta(t, want, loss, 1e-4)
				require.NotZero(t, grads["head.classifier.bias"][0])
			}
		})
	})
}

// TestCase20: last pooling takes the last kept row, wherever the padding is, in heads
// as in the operation.
func TestCase20(t *testing.T) {
	const dim = 16
	mask := []int32{1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0}
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		head, w := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: heads.TopicClassification, NumClasses: 3}, dim, heads.Options{Pooling: "last"})
		noisy(t, b, w)
		rows := random(5, 5*dim)
		var all, picked []float32
		for range 5 {
			all = append(all, rows...)
		}
		for _, h := range []int{2, 4, 3, 2} {
			picked = append(picked, rows[h*dim:(h+1)*dim]...)
		}
		picked = append(picked, make([]float32, dim)...)
		got := forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
			masked, err := head.Forward(s, heads.Input{Hidden: upload(t, s, all, 5, 5, dim), Mask: maskHost(t, mask, 5, 5)})
			require.NoError(t, err)
			direct, err := head.Forward(s, heads.Input{Hidden: upload(t, s, picked, 5, dim)})
			return map[string]heads.Output{"masked": masked, "direct": direct}, err
		})
		near(t, floats(t, got["direct"], "logits", 5, 3), floats(t, got["masked"], "logits", 5, 3), 1e-6, "h2, h4, h3, h2, zeros")
	})
}

// TestCase24: a text without kept tokens makes no NaN, in itself or beside it, under
// every pooling, and pools to zeros.
func TestCase24(t *testing.T) {
	const l, dim = 4, 16
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for _, pooling := range []string{"cls", "last", "mean", "max", "attention"} {
			for _, task := range []heads.TaskType{heads.TopicClassification, heads.TextSimilarityTask} {
				head, w := newHead(t, b, of("x", task), dim, heads.Options{Pooling: pooling})
				noisy(t, b, w)
				x := random(5, 2*l*dim)
				got := forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
					outs := map[string]heads.Output{}
					var err error
					if outs["both"], err = head.Forward(s, heads.Input{Hidden: upload(t, s, x, 2, l, dim), Mask: maskHost(t, []int32{1, 1, 1, 1, 0, 0, 0, 0}, 2, l)}); err != nil {
						return nil, err
					}
					if outs["alone"], err = head.Forward(s, heads.Input{Hidden: upload(t, s, x[:l*dim], 1, l, dim)}); err != nil {
						return nil, err
					}
					outs["zeros"], err = head.Forward(s, heads.Input{Hidden: upload(t, s, make([]float32, dim), 1, dim)})
					return outs, err
				})
				for key, h := range got["both"] {
					v := floats(t, got["both"], key, h.Dims()...)
					near(t, floats(t, got["alone"], key, 1, h.Dim(1)), v[:h.Dim(1)], 1e-5, pooling+" "+key)
					near(t, floats(t, got["zeros"], key, 1, h.Dim(1)), v[h.Dim(1):], 1e-6, pooling+" "+key)
				}
			}
		}
	})
}
