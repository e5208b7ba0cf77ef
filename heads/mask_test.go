package heads_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
)

// masksOf is one mask in every dtype that a mask may have.
func masksOf(t testing.TB, m []int32, shape ...int) map[string]tensor.Host {
	t.Helper()
	all := map[string]tensor.Host{"i32": maskHost(t, m, shape...)}
	add := func(name string, h tensor.Host, err error) {
		require.NoError(t, err)
		all[name] = h
	}
	var f []float32
	var wide []int64
	var small []int8
	var bytes []uint8
	half := tensor.Host{Spec: tensor.Of(tensor.F16, shape...)}
	brain := tensor.Host{Spec: tensor.Of(tensor.BF16, shape...)}
	for _, x := range m {
		f, wide, small, bytes = append(f, float32(x)), append(wide, int64(x)), append(small, int8(x)), append(bytes, uint8(x))
		half.Data = append(half.Data, 0, byte(x)*0x3c)
		brain.Data = append(brain.Data, byte(x)*0x80, byte(x)*0x3f)
	}
	h, err := tensor.FromSlice(f, shape...)
	add("f32", h, err)
	h, err = tensor.FromSlice(wide, shape...)
	add("i64", h, err)
	h, err = tensor.FromSlice(small, shape...)
	add("i8", h, err)
	h, err = tensor.FromSlice(bytes, shape...)
	add("u8", h, err)
	all["bool"] = tensor.Host{Spec: tensor.Of(tensor.Bool, shape...), Data: bytes}
	all["f16"], all["bf16"] = half, brain
	return all
}

// TestMaskDTypes: integer, bool and float masks are read as they are, and no mask is
// one of ones.
func TestMaskDTypes(t *testing.T) {
	mask, ones := []int32{0, 1, 1, 0, 1, 1, 1, 0, 0, 0}, []int32{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		head, w := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: heads.NamedEntityRecognition, NumClasses: 3, UseCRF: true}, 16, heads.Options{UseTaskAttention: true})
		noisy(t, b, w)
		run := func(mask, tag tensor.Host) heads.Result {
			return forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
				in := hidden(t, s, 5, 2, 5, 16)
				in.Mask, in.TagMask = mask, tag
				return head.Forward(s, in)
			})
		}
		want := run(maskHost(t, mask, 2, 5), tensor.Host{})
		for name, m := range masksOf(t, mask, 2, 5) {
			require.Equal(t, want, run(m, tensor.Host{}), name)
			require.Equal(t, want["predictions"], run(m, m)["predictions"], "tag_mask %s", name)
		}
		require.Equal(t, run(maskHost(t, ones, 2, 5), tensor.Host{}), run(tensor.Host{}, tensor.Host{}))
	})
}

// TestMaskOnRankTwo: beside a pooled vector a mask is accepted and ignored, whatever
// it holds.
func TestMaskOnRankTwo(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for _, task := range []heads.TaskType{heads.TopicClassification, heads.TextSimilarityTask, heads.MultipleChoiceTask, heads.Ranking} {
			head, _ := newHead(t, b, of("x", task), 16, heads.Options{})
			got := forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
				in := hidden(t, s, 5, 2, 16)
				bare, err := head.Forward(s, in)
				require.NoError(t, err)
				in.Mask = maskHost(t, []int32{0, 0, 0, 7}, 2, 2)
				masked, err := head.Forward(s, in)
				return map[string]heads.Output{"bare": bare, "masked": masked}, err
			})
			require.Equal(t, got["bare"], got["masked"])
		}
	})
}

// TestNothingKept: a batch of padding alone gives the fills, in every head, and what
// pools to zeros is what a vector of zeros gives.
func TestNothingKept(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for kind := range everyHead(t, b) {
			for _, attention := range []bool{false, true} {
				cfg := of("x", taskOf(kind))
				cfg.UseCRF = kind == heads.KindTokenClassification
				head, w := newHead(t, b, cfg, 16, heads.Options{UseTaskAttention: attention})
				noisy(t, b, w)
				shape := []int{2, 3, 16}
				switch kind {
				case heads.KindPredicateTagging, heads.KindTargetClassification, heads.KindRelationExtraction, heads.KindCoreference:
					continue // their targets must be kept tokens
				case heads.KindMultipleChoice, heads.KindRanking:
					shape = []int{1, 2, 3, 16}
				}
				got := forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
					in := hidden(t, s, 5, shape...)
					in.Mask = maskHost(t, make([]int32, 6), shape[:len(shape)-1]...)
					zeros := heads.Input{Hidden: upload(t, s, make([]float32, 2*16), 2, 16), Choices: map[bool]int{true: 2}[len(shape) == 4]}
					var padded, zero any = in, zeros
					if kind == heads.KindTextMatching {
						padded, zero = heads.Pair{A: in, B: in}, heads.Pair{A: zeros, B: zeros}
					}
					out, err := heads.Apply(s, head, padded)
					require.NoError(t, err, kind)
					outs := map[string]heads.Output{"padding": out}
					switch kind {
					case heads.KindTextClassification, heads.KindTextSimilarity, heads.KindTextMatching, heads.KindMultipleChoice, heads.KindRanking:
						if !attention { // behind attention zeros meet no norm
							outs["zeros"], err = heads.Apply(s, head, zero)
						}
					}
					return outs, err
				})
				r := got["padding"]
				for key, h := range r {
					if h.DType == tensor.F32 {
						floats(t, r, key, h.Dims()...)
					}
				}
				for key, h := range got["zeros"] {
					near(t, floats(t, got["zeros"], key, h.Dims()...), floats(t, r, key, h.Dims()...), 1e-6, string(kind)+" "+key)
				}
				switch kind {
				case heads.KindTokenClassification:
					require.Equal(t, make([]float32, 18), floats(t, r, "logits", 2, 3, 3))
					require.Equal(t, []int64{-1, -1, -1, -1, -1, -1}, integers(t, r, "predictions", 2, 3))
					require.Equal(t, []float32{0, 0}, floats(t, r, "path_score", 2))
				case heads.KindTextGeneration:
					require.Equal(t, make([]float32, 66), floats(t, r, "logits", 2, 3, 11))
				case heads.KindQuestionAnswering:
					for _, key := range []string{"start_logits", "end_logits"} {
						for _, v := range floats(t, r, key, 2, 3) {
							require.Equal(t, float32(-1e9), v)
						}
					}
					spans, err := heads.AnswerSpans(r, nil)
					require.NoError(t, err)
					require.Equal(t, [][2]int32{{-1, -1}, {-1, -1}}, spans)
				case heads.KindDependencyParsing:
					trees, err := heads.ParseDependencies(r)
					require.NoError(t, err)
					require.Equal(t, [][]heads.Arc{nil, nil}, trees)
				}
			}
		}
	})
}

// taskOf is a task of a kind.
func taskOf(kind heads.Kind) heads.TaskType {
	for _, task := range heads.Tasks() {
		if k, _ := task.Kind(); k == kind {
			return task
		}
	}
	return ""
}

// TestGaps: rows of a layout that belong to no sequence are not read.
func TestGaps(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for _, task := range []heads.TaskType{heads.NamedEntityRecognition, heads.TopicClassification, heads.QuestionAnsweringTask} {
			for _, attention := range []string{"multi_head", "cbam", "differential"} {
				head, w := newHead(t, b, of("x", task), 16, heads.Options{UseTaskAttention: true, Attention: attention})
				noisy(t, b, w)
				dense := tensor.NewLayout(2, 3)
				gaps := &tensor.Layout{Start: []int32{1, 5}, Len: []int32{2, 3}, Pos: []int32{0, 0, 1, 0, 0, 0, 1, 2, 0}, Cols: 3}
				x := random(5, 5*16)
				spread := make([]float32, 9*16)
				for i := range spread {
					spread[i] = float32(math.NaN())
				}
				at := []int{1, 2, 5, 6, 7}
				for i, row := range at {
					copy(spread[row*16:], x[i*16:(i+1)*16])
				}
				got := forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
					require.NoError(t, dense.Upload(s))
					require.NoError(t, gaps.Upload(s))
					packed, err := head.Forward(s, heads.Input{Hidden: upload(t, s, x, 5, 16), Layout: dense})
					require.NoError(t, err)
					spread, err := head.Forward(s, heads.Input{Hidden: upload(t, s, spread, 9, 16), Layout: gaps})
					return map[string]heads.Output{"packed": packed, "spread": spread}, err
				})
				for key, h := range got["packed"] {
					if h.DType != tensor.F32 {
						continue
					}
					want, err := h.Float32()
					require.NoError(t, err)
					all, err := got["spread"][key].Float32()
					require.NoError(t, err)
					if task != heads.TopicClassification {
						c := len(want) / 5
						var kept []float32
						for _, row := range at {
							kept = append(kept, all[row*c:(row+1)*c]...)
						}
						all = kept
					}
					near(t, want, all, 1e-5, key)
				}
			}
		}
	})
}
