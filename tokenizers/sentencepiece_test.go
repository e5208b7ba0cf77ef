package tokenizers

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/internal/testutil"
)

// TestSentencePiece loads spiece.model alone and holds it to what Google's SentencePiece gives.
func TestSentencePiece(t *testing.T) {
	dir := testutil.Shared(t, "data", "tokenizers", "unigram-synthetic")
	tok, err := LoadFS(only(t, dir, "spiece.model"))
	require.NoError(t, err)
	for _, g := range readGolden(t, filepath.Join(dir, "extra.json")) {
		if g.Pair != nil {
			continue
		}
		t.Run(g.Name, func(t *testing.T) {
			want := g.SentencePieceIDs
			if want == nil {
				want = g.IDs[1 : len(g.IDs)-1]
			}
			e, err := tok.Encode(g.Text, Options{})
			require.NoError(t, err)
			require.Equal(t, want, append([]int32{}, e.IDs...))
		})
	}
}
