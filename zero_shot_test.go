package cephalo

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCase9: candidates compete by entailment, and one alone is independent,
// wherever the label stands.
func TestCase9(t *testing.T) {
	names := []string{"travel", "cooking", "work"}
	logits := [][]float32{{-1, .5, 2}, {2, .2, -1.5}, {.3, .1, .4}}
	for _, reversed := range []bool{false, true} {
		labels, z := []string{"contradiction", "neutral", "Entailment"}, make([][]float32, len(logits))
		for i := range logits {
			z[i] = slices.Clone(logits[i])
			if reversed {
				slices.Reverse(z[i])
			}
		}
		if reversed {
			slices.Reverse(labels)
		}
		e, c, err := entailment(labels)
		require.NoError(t, err)
		check := func(got []Score, want map[string]float64) {
			t.Helper()
			require.Len(t, got, len(want))
			for i, s := range got {
				require.InDelta(t, want[s.Label], s.Score, 1e-6)
				require.True(t, i == 0 || got[i-1].Score >= s.Score)
			}
		}
		check(zeroShotScores(names, z, e, c, false), map[string]float64{"travel": 0.811626, "work": 0.163865, "cooking": 0.024509})
		check(zeroShotScores(names, z, e, c, true), map[string]float64{"travel": 0.952574, "work": 0.524979, "cooking": 0.029312})
		check(zeroShotScores(names[:1], z[:1], e, c, false), map[string]float64{"travel": 0.952574})
	}
	_, _, err := entailment([]string{"POSITIVE", "NEGATIVE"})
	require.ErrorContains(t, err, "entail")
}

// TestStopper ends a text before a stop and holds back what might be one.
func TestStopper(t *testing.T) {
	s := &stopper{stop: []string{"END", "stop"}}
	var got []string
	for _, p := range []string{"a E", "N", "x sto", "p y"} {
		piece, done := s.add(p, false)
		got = append(got, piece)
		if done {
			break
		}
	}
	require.Equal(t, []string{"a ", "", "ENx ", ""}, got)
	require.Equal(t, "a ENx ", s.text())
}
