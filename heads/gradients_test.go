package heads_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
)

// TestHeadGradients: every parameter of every kind of head has the gradient that
// finite differences give, beside a text without kept rows.
func TestHeadGradients(t *testing.T) {
	b := cpu(t)
	for kind, head := range everyHead(t, b) {
		t.Run(string(kind), func(t *testing.T) {
			opt := heads.Options{IntermediateSize: 8, Pooling: "attention"}
			switch kind {
			case heads.KindTextSimilarity:
				opt.SimilarityFunction = "learned"
			case heads.KindTextClassification, heads.KindMultipleChoice, heads.KindRanking, heads.KindTextMatching:
			default:
				opt.Pooling = ""
			}
			head, w := newHead(t, b, head.Config(), 16, opt)
			noisy(t, b, w)
			requireGradients(t, b, w, func(s *tensor.Scope) tensor.Tensor {
				in := inputFor(t, s, kind)
				switch x := in.(type) {
				case heads.Pair:
					x.B = hidden(t, s, 6, 2, 5, 16)
					in = x
				case heads.Input:
					if kind == heads.KindTextSimilarity {
						in = heads.Pair{A: x, B: hidden(t, s, 6, 2, 5, 16)}
					} else if kind == heads.KindDependencyParsing {
						in = heads.Input{Hidden: x.Hidden} // no loss reads the rows of padding
					} else if x.Hidden.Rank == 3 {
						in = withEmpty(t, s, x)
					}
				}
				out, err := heads.Apply(s, head, in)
				require.NoError(t, err)
				return flat(t, s, kind, out)
			}, gradients{})
		})
	}
}

// withEmpty adds a text without kept rows to a padded input of two texts.
func withEmpty(t testing.TB, s *tensor.Scope, in heads.Input) heads.Input {
	t.Helper()
	out := hidden(t, s, 5, 3, 5, 16)
	out.Mask = maskHost(t, []int32{1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0}, 3, 5)
	out.Targets = in.Targets
	if len(in.Targets) == 2 && in.Targets[0].SecondEnd == 0 { // a predicate for each text: the third has none
		return in
	}
	return out
}

// flat is what a loss would read of an output, in one row.
func flat(t testing.TB, s *tensor.Scope, kind heads.Kind, out heads.Output) tensor.Tensor {
	t.Helper()
	parts := []tensor.Tensor{out.Logits}
	switch kind {
	case heads.KindQuestionAnswering:
		parts = []tensor.Tensor{out.StartLogits, out.EndLogits}
	case heads.KindTextSimilarity:
		parts = []tensor.Tensor{out.SimilarityScore}
	case heads.KindRanking:
		parts = []tensor.Tensor{out.Scores}
	case heads.KindDependencyParsing:
		parts = []tensor.Tensor{out.ArcLogits, out.LabelLogits}
	case heads.KindCoreference:
		parts = []tensor.Tensor{out.AntecedentLogits}
	}
	for i, p := range parts {
		var err error
		if kind == heads.KindQuestionAnswering || kind == heads.KindCoreference || (kind == heads.KindDependencyParsing && i == 0) {
			if p, err = tensor.Softmax(s, p); err != nil { // -1e9 competes with nothing
				require.NoError(t, err)
			}
		}
		parts[i], err = p.Reshape(1, int(p.Elems()))
		require.NoError(t, err)
	}
	y, err := tensor.Concat(s, parts...)
	require.NoError(t, err)
	return y
}

// TestNormGradients: the same for the parameters of every norm.
func TestNormGradients(t *testing.T) {
	b := cpu(t)
	for _, norm := range heads.NormTypes() {
		t.Run(norm, func(t *testing.T) {
			head, w := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: heads.NamedEntityRecognition, NumClasses: 3}, 16, heads.Options{Normalization: norm, IntermediateSize: 8, Activation: "tanh"})
			noisy(t, b, w)
			if norm == "energy_layer_norm" { // above its floor
				write(t, b, w, map[string][]float32{"norm.gamma": {0.7}, "intermediate.norm.gamma": {1.2}})
			}
			requireGradients(t, b, w, func(s *tensor.Scope) tensor.Tensor {
				out, err := head.Forward(s, withEmpty(t, s, heads.Input{}))
				require.NoError(t, err)
				return out.Logits
			}, gradients{finite: norm == "logit_norm"}) // 25 times too steep for the step of the differences
		})
	}
}
