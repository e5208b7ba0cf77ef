package cephalo_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/tensor"
)

// inference is a folder whose logits follow the candidate in the hypothesis: its
// attention is uniform and passes values on, so that [CLS] holds the mean of all
// tokens, and the head undoes the scale at which a candidate lies in it.
func inference(t *testing.T, labels []string, logits map[string][]float64) string {
	words := []string{"text", "this", "example", "is", "."}
	for w := range logits {
		words = append(words, w)
	}
	slices.Sort(words)
	// [CLS] text [SEP] this example is CANDIDATE . [SEP]
	const tokens = 9.0
	square := func(x float64) float64 { return x * x }
	scale := tokens * math.Sqrt(square(1+1/tokens)+square(2/tokens)+6*square(1/tokens))
	scaled := map[string][]float64{}
	for w, z := range logits {
		for _, v := range z {
			scaled[w] = append(scaled[w], v*scale)
		}
	}
	dir := definite{class: "BertForSequenceClassification", words: words, labels: labels, weight: "classifier", logits: scaled}.write(t)
	return copyFolder(t, dir, nil, func(all map[string]tensor.Host) {
		eye := make([]float32, hadamard*hadamard)
		for i := range hadamard {
			eye[i*hadamard+i] = 1
		}
		h, err := tensor.FromSlice(eye, hadamard, hadamard)
		require.NoError(t, err)
		const layer = "bert.encoder.layer.0.attention."
		all[layer+"self.value.weight"], all[layer+"output.dense.weight"] = h, h
	})
}

// TestCase9: candidates compete by entailment, and one alone is independent,
// wherever the label stands.
func TestCase9(t *testing.T) {
	labels := []string{"contradiction", "neutral", "Entailment"}
	logits := map[string][]float64{"travel": {-1, .5, 2}, "cooking": {2, .2, -1.5}, "work": {.3, .1, .4}}
	dirs := []string{inference(t, labels, logits)}
	slices.Reverse(labels)
	for _, z := range logits {
		slices.Reverse(z)
	}
	dirs = append(dirs, inference(t, labels, logits))
	names := []string{"travel", "cooking", "work"}
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for _, dir := range dirs {
			m := open(t, b, dir)
			check := func(o cephalo.ZeroShotOptions, want ...cephalo.Score) {
				t.Helper()
				got, err := m.ZeroShot(t.Context(), []string{"text"}, o)
				require.NoError(t, err)
				require.Len(t, got[0], len(want))
				for i, s := range got[0] {
					require.Equal(t, want[i].Label, s.Label)
					require.InDelta(t, want[i].Score, s.Score, 1e-5)
				}
			}
			check(cephalo.ZeroShotOptions{Labels: names}, cephalo.Score{Label: "travel", Score: 0.811626}, cephalo.Score{Label: "work", Score: 0.163865}, cephalo.Score{Label: "cooking", Score: 0.024509})
			check(cephalo.ZeroShotOptions{Labels: names, MultiLabel: true}, cephalo.Score{Label: "travel", Score: 0.952574}, cephalo.Score{Label: "work", Score: 0.524979}, cephalo.Score{Label: "cooking", Score: 0.029312})
			check(cephalo.ZeroShotOptions{Labels: names[:1]}, cephalo.Score{Label: "travel", Score: 0.952574})
		}
		_, err := sentiment(t, b).ZeroShot(t.Context(), []string{"text"}, cephalo.ZeroShotOptions{Labels: names})
		require.ErrorContains(t, err, "entail")
	})
}
