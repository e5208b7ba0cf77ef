package heads_test

import (
	"math"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

func TestClassificationModes(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		run := func(cfg heads.TaskConfig) (heads.Result, []float32) {
			cfg.Name = "x"
			head, w := newHead(t, b, cfg, 16, heads.Options{})
			noisy(t, b, w)
			r := runHead(t, b, 3, 16)(head.(heads.Module))[""]
			return r, floats(t, r, "logits", 3, max(head.Config().NumClasses, 1))
		}
		r, z := run(heads.TaskConfig{TaskType: heads.TopicClassification, NumClasses: 4})
		for i, p := range floats(t, r, "probabilities", 3, 4) {
			row := z[i/4*4:][:4]
			want := softmaxOf([]float64{float64(row[0]), float64(row[1]), float64(row[2]), float64(row[3])})[i%4]
			require.InDelta(t, want, p, 1e-6)
		}
		sigmoids := func(p, z []float32) {
			for i := range p {
				require.InDelta(t, 1/(1+math.Exp(-float64(z[i]))), p[i], 1e-6)
			}
		}
		r, z = run(heads.TaskConfig{TaskType: heads.TopicClassification, NumClasses: 4, ProblemType: heads.MultiLabel})
		sigmoids(floats(t, r, "probabilities", 3, 4), z)
		r, z = run(heads.TaskConfig{TaskType: heads.SpamDetection, NumClasses: 1})
		sigmoids(floats(t, r, "probabilities", 3, 1), z)
		r, z = run(heads.TaskConfig{TaskType: heads.TextRegression})
		require.Equal(t, z, floats(t, r, "value", 3))
		require.NotContains(t, r, "probabilities")
		r, z = run(heads.TaskConfig{TaskType: heads.QualityScoring, NumClasses: 2})
		require.Equal(t, z, floats(t, r, "value", 3, 2))
	})
}

// TestPooledInput: only a head built for it reads the pooled vector.
func TestPooledInput(t *testing.T) {
	b := cpu(t)
	cfg := heads.TaskConfig{Name: "x", TaskType: heads.SentimentAnalysis, NumClasses: 2}
	reads, _ := newHead(t, b, cfg, 16, heads.Options{Input: "pooled"})
	ignores, _ := newHead(t, b, cfg, 16, heads.Options{})
	got := forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
		in := hidden(t, s, 1, 2, 5, 16)
		pooled := hidden(t, s, 2, 2, 16)
		outs := map[string]heads.Output{}
		for name, run := range map[string]func() (heads.Output, error){
			"pooled": func() (heads.Output, error) { return reads.Forward(s, pooled) },
			"both": func() (heads.Output, error) {
				return reads.Forward(s, heads.Input{Hidden: in.Hidden, Pooled: pooled.Hidden})
			},
			"ignored": func() (heads.Output, error) {
				return ignores.Forward(s, heads.Input{Hidden: in.Hidden, Pooled: pooled.Hidden})
			},
			"sequence": func() (heads.Output, error) { return ignores.Forward(s, in) },
		} {
			var err error
			if outs[name], err = run(); err != nil {
				return nil, err
			}
		}
		return outs, nil
	})
	require.Equal(t, got["pooled"], got["both"])
	require.Equal(t, got["sequence"], got["ignored"])
	require.NotEqual(t, got["pooled"], got["sequence"])

	// What is wrong with the pooled vector is said of it, not of the hidden states.
	s := begin(t, b)
	for say, in := range map[string]heads.Input{
		"hidden states are missing":                                     {},
		"reads the pooled vector (input pooled)":                        hidden(t, s, 1, 2, 5, 16),
		"pooler_output is F32[2 5 16] of rank 3, want rank 2 [B,D]":     {Pooled: hidden(t, s, 1, 2, 5, 16).Hidden},
		"input_dim 16 does not match hidden size 8":                     {Pooled: hidden(t, s, 1, 2, 8).Hidden},
		"pooler_output is F32[2 1 5 16] of rank 4, want rank 2 [B,D]: ": {Hidden: hidden(t, s, 1, 2, 16).Hidden, Pooled: hidden(t, s, 1, 2, 1, 5, 16).Hidden},
	} {
		_, err := reads.Forward(s, in)
		require.ErrorContains(t, err, say)
	}
}

func TestSimilarityEdges(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for _, function := range []string{"cosine", "dot", "learned"} {
			head, w := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: heads.DuplicateDetection}, 16, heads.Options{SimilarityFunction: function, Pooling: "mean"})
			zero := map[string][]float32{"projection.weight": make([]float32, 256), "projection.bias": make([]float32, 16)}
			// Sides of unequal length, one padded, one pooled.
			got := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
				a := hidden(t, s, 1, 2, 5, 16)
				a.Mask = maskHost(t, []int32{1, 1, 0, 0, 0, 1, 1, 1, 1, 1}, 2, 5)
				return heads.Apply(s, head, heads.Pair{A: a, B: hidden(t, s, 2, 2, 16)})
			})
			floats(t, got, "similarity_score", 2)
			write(t, b, w, zero)
			got = forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
				return heads.Apply(s, head, heads.Pair{A: hidden(t, s, 1, 2, 16), B: hidden(t, s, 2, 2, 16)})
			})
			score := floats(t, got, "similarity_score", 2) // a zero vector: no NaN
			if function != "learned" {
				require.Equal(t, []float32{0, 0}, score)
				requireGradients(t, b, w, func(s *tensor.Scope) tensor.Tensor {
					out, err := heads.Apply(s, head, heads.Pair{A: hidden(t, s, 1, 2, 16), B: hidden(t, s, 2, 2, 16)})
					require.NoError(t, err)
					return out.SimilarityScore
				}, gradients{finite: true})
			}
		}
	})
}

// TestSimilarityByHand: the three functions on the embeddings, which are not normalized.
func TestSimilarityByHand(t *testing.T) {
	const n, dim = 3, 16
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for _, function := range []string{"cosine", "dot", "learned"} {
			head, w := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: heads.TextSimilarityTask}, dim, heads.Options{SimilarityFunction: function, IntermediateSize: 12, Activation: "tanh"})
			noisy(t, b, w)
			x := random(3, 2*n*dim)
			got := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
				return heads.Apply(s, head, heads.Pair{A: heads.Input{Hidden: upload(t, s, x[:n*dim], n, dim)}, B: heads.Input{Hidden: upload(t, s, x[n*dim:], n, dim)}})
			})
			h := byHand{handOf(t, w), head.(*heads.TextSimilarity).Options()}
			for i := range n {
				e1 := h.dense("projection", h.enter(doubles(x[i*dim:(i+1)*dim])))
				e2 := h.dense("projection", h.enter(doubles(x[(n+i)*dim:(n+i+1)*dim])))
				near(t, singles(e1), floats(t, got, "embeddings_1", n, 12)[i*12:][:12], 5e-5, "first embedding")
				near(t, singles(e2), floats(t, got, "embeddings_2", n, 12)[i*12:][:12], 5e-5, "second embedding")
				want := inner(e1, e2)
				switch function {
				case "cosine":
					want /= math.Sqrt(inner(e1, e1) * inner(e2, e2))
				case "learned":
					f := append(append([]float64{}, e1...), e2...)
					for k := range e1 {
						f = append(f, e1[k]*e2[k])
					}
					for k := range e1 {
						f = append(f, math.Abs(e1[k]-e2[k]))
					}
					want = h.dense("sim_output", act("tanh", h.dense("sim_hidden", f)))[0]
				}
				near(t, []float32{float32(want)}, floats(t, got, "similarity_score", n)[i:i+1], 5e-5, function)
			}
		}
	})
}

func TestMultipleChoice(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for _, attention := range []bool{false, true} {
			// H differs from D, where upstream fails.
			head, w := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: heads.MultipleChoiceTask}, 16, heads.Options{IntermediateSize: 8, UseTaskAttention: attention, UseFFN: true, Pooling: "mean"})
			noisy(t, b, w)
			const n, choices, l = 2, 3, 4
			mask := []int32{1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 0, 0, 0}
			x := random(1, n*choices*l*16)
			got := forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
				outs := map[string]heads.Output{}
				var err error
				all := upload(t, s, x, n*choices*l, 16)
				four, err := all.Reshape(n, choices, l, 16)
				require.NoError(t, err)
				if outs["padded"], err = head.Forward(s, heads.Input{Hidden: four, Mask: maskHost(t, mask, n, choices, l)}); err != nil {
					return nil, err
				}
				rows, at, err := tensor.LayoutOfMask(mask, n*choices, l)
				require.NoError(t, err)
				require.NoError(t, rows.Upload(s))
				idx, err := tensor.Upload(s, at, len(at))
				require.NoError(t, err)
				packed, err := tensor.GatherRows(s, all, idx, 0)
				require.NoError(t, err)
				if outs["packed"], err = head.Forward(s, heads.Input{Hidden: packed, Layout: rows, Choices: choices}); err != nil {
					return nil, err
				}
				outs["alone"], err = head.Forward(s, heads.Input{Hidden: packed, Layout: rows})
				return outs, err
			})
			want := floats(t, got["padded"], "logits", n, choices)
			require.Equal(t, want, floats(t, got["packed"], "logits", n, choices))
			require.Equal(t, want, floats(t, got["alone"], "logits", n*choices, 1))
			require.ElementsMatch(t, []string{"logits"}, keys(got["alone"]))
			requireDistribution(t, floats(t, got["padded"], "probabilities", n, choices), choices)
		}
	})
}

// TestGeneration: logits over the vocabulary, and the encoder's embeddings as kernel.
func TestGeneration(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		const v, d = 11, 16
		bld := nn.NewBuilder(t.Context(), b, nn.Options{Seed: 2})
		table := bld.Param("embed.weight", nn.Normal(1), v, d)
		ew, err := bld.Finish(nil)
		require.NoError(t, err)
		defer ew.Release()
		cfg := heads.TaskConfig{Name: "x", TaskType: heads.MaskedLanguageModeling, VocabularySize: v}
		opt := heads.Options{TieTo: heads.TieWordEmbeddings, WordEmbeddings: table}
		head, w := newHead(t, b, cfg, d, opt)
		for _, p := range w.Params {
			require.NotEqual(t, "head.lm_head.weight", p.Name)
			if p.Name == "head.lm_head.bias" {
				require.Equal(t, make([]float32, v), valuesOf(t, w, p))
			}
		}
		noisy(t, b, w)
		x := random(5, 2*5*d)
		tiedLogits := floats(t, runHead(t, b, 2, 5, d)(head.(heads.Module))[""], "logits", 2, 5, v)
		hand, rows := byHand{handOf(t, w), head.(*heads.TextGeneration).Options()}, valuesOf(t, ew, ew.Params[0])
		for i := range 2 * 5 {
			y := hand.enter(doubles(x[i*d : (i+1)*d]))
			for word := range v {
				closeTo(t, inner(y, doubles(rows[word*d:(word+1)*d]))+hand.p["head.lm_head.bias"][word], tiedLogits[i*v+word], "tied logit")
			}
		}
		free, _ := newHead(t, b, cfg, d, heads.Options{})
		require.Equal(t, heads.Options{}.WordEmbeddings, head.(*heads.TextGeneration).Options().WordEmbeddings)
		for _, h := range []heads.Head{head, free} {
			got := runHead(t, b, 2, 5, d)(h.(heads.Module))
			floats(t, got[""], "logits", 2, 5, v)
		}
		dir := t.TempDir()
		require.NoError(t, heads.Save(t.Context(), dir, head.(heads.Module), w))
		_, _, err = heads.LoadDir(t.Context(), b, dir, heads.LoadOptions{})
		require.ErrorContains(t, err, "word embeddings were not given")
		m, lw, err := heads.LoadDir(t.Context(), b, dir, heads.LoadOptions{WordEmbeddings: table})
		require.NoError(t, err)
		defer lw.Release()
		require.Equal(t, runHead(t, b, 2, 5, d)(head.(heads.Module)), runHead(t, b, 2, 5, d)(m))

		_, _, err = heads.New(t.Context(), b, cfg, d, heads.Options{TieTo: heads.TieWordEmbeddings, WordEmbeddings: table, IntermediateSize: 8}, 1)
		require.ErrorContains(t, err, "want [11 8]")
	})
}

func TestSpans(t *testing.T) {
	host := func(v []float32, shape ...int) tensor.Host {
		h, err := tensor.FromSlice(v, shape...)
		require.NoError(t, err)
		return h
	}
	const no = -1e9
	padded := heads.Result{
		"start_logits": host([]float32{1, 5, no, 2, 5, no, no, no, no, no}, 2, 5),
		"end_logits":   host([]float32{4, 1, no, 3, 0, no, no, no, no, no}, 2, 5),
	}
	spans, err := heads.AnswerSpans(padded, nil)
	require.NoError(t, err)
	require.Equal(t, [][2]int32{{1, 0}, {-1, -1}}, spans, "independent argmax, the first on ties")
	best, err := heads.BestSpans(padded, nil, 0, 3)
	require.NoError(t, err)
	require.Equal(t, [][]heads.Span{{{Start: 1, End: 3, Score: 8}, {Start: 1, End: 1, Score: 6}, {Start: 0, End: 0, Score: 5}}, nil}, best)
	best, err = heads.BestSpans(padded, nil, 2, 2)
	require.NoError(t, err)
	require.Equal(t, []heads.Span{{Start: 1, End: 1, Score: 6}, {Start: 0, End: 0, Score: 5}}, best[0])

	rows, _, err := tensor.LayoutOfMask([]int32{1, 1, 0, 1, 1, 0, 0, 0, 0, 0}, 2, 5)
	require.NoError(t, err)
	packed := heads.Result{"start_logits": host([]float32{1, 5, 2, 5}, 4), "end_logits": host([]float32{4, 1, 3, 0}, 4)}
	same, err := heads.BestSpans(packed, rows, 2, 2)
	require.NoError(t, err)
	require.Equal(t, best, same)
	spans, err = heads.AnswerSpans(packed, rows)
	require.NoError(t, err)
	require.Equal(t, [][2]int32{{1, 0}, {-1, -1}}, spans)

	for _, bad := range []heads.Result{{}, packed} {
		_, err = heads.AnswerSpans(bad, nil)
		require.ErrorIs(t, err, heads.ErrInputFormat)
	}
	_, err = heads.BestSpans(padded, rows, 0, 1)
	require.ErrorIs(t, err, heads.ErrInputFormat)
	_, err = heads.BestSpans(padded, nil, 0, 0)
	require.Error(t, err)
}

// TestUnreadPadding: a text's token outputs do not depend on its neighbours, padding
// holds the fills, and a text without kept rows spoils nothing.
func TestUnreadPadding(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for _, norm := range []string{"layer_norm", "adaptive_band_rms"} {
			for _, attention := range []string{"multi_head", "cbam", "differential"} {
				head, w := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: heads.PartOfSpeechTagging, NumClasses: 3}, 16, heads.Options{UseTaskAttention: true, Attention: attention, Normalization: norm})
				noisy(t, b, w)
				x := random(1, 3*5*16)
				mask := []int32{0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1}
				for i, m := range mask {
					for j := range 16 {
						if m == 0 {
							x[i*16+j] = float32(math.NaN())
						}
					}
				}
				got := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
					return head.Forward(s, heads.Input{Hidden: upload(t, s, x, 3, 5, 16), Mask: maskHost(t, mask, 3, 5)})
				})
				alone := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
					return head.Forward(s, heads.Input{Hidden: upload(t, s, x[2*5*16:], 1, 5, 16)})
				})
				z, p := floats(t, got, "logits", 3, 5, 3), integers(t, got, "predictions", 3, 5)
				near(t, floats(t, alone, "logits", 1, 5, 3), z[2*5*3:], 1e-5, "alone")
				for i, m := range mask {
					if m == 0 {
						require.Equal(t, []float32{0, 0, 0}, z[i*3:i*3+3])
						require.EqualValues(t, -1, p[i])
					}
				}
			}
		}
	})
}

// TestGoroutines: one head serves many goroutines, with equal bits.
func TestGoroutines(t *testing.T) {
	b := cpu(t)
	m, _ := newMulti(t, b, exampleTasks(), 16, true)
	run := func(seed uint64) (map[string]heads.Result, error) {
		s, err := b.Begin()
		if err != nil {
			return nil, err
		}
		defer s.Close()
		x, err := tensor.Upload(s, random(seed, 2*5*16), 2, 5, 16)
		if err != nil {
			return nil, err
		}
		outs, err := m.Forward(&tensor.Scope{Stream: s}, heads.Input{Hidden: x})
		if err != nil {
			return nil, err
		}
		return heads.ReadOutputs(t.Context(), s, outs)
	}
	want := make([]map[string]heads.Result, 4)
	for i := range want {
		var err error
		want[i], err = run(uint64(i))
		require.NoError(t, err)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 8 {
				got, err := run(uint64((g + i) % 4))
				assert.NoError(t, err)
				assert.Equal(t, want[(g+i)%4], got)
			}
		})
	}
	wg.Wait()
}

// TestTies: of equal logits the lowest class is predicted, by argmax and by the CRF.
func TestTies(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for _, crf := range []bool{false, true} {
			head, w := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: heads.NamedEntityRecognition, NumClasses: 4, UseCRF: crf}, 16, heads.Options{})
			zeros := map[string][]float32{"classifier.weight": make([]float32, 4*16)}
			if crf {
				zeros["crf.transitions"], zeros["crf.start"], zeros["crf.end"] = make([]float32, 16), make([]float32, 4), make([]float32, 4)
			}
			write(t, b, w, zeros)
			r := runHead(t, b, 2, 5, 16)(head.(heads.Module))[""]
			require.Equal(t, make([]int64, 10), integers(t, r, "predictions", 2, 5))
		}
	})
}
