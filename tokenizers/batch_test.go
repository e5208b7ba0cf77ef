package tokenizers

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/models"
)

// TestEncodeBatchConcurrent gives each text what Encode gives it, in order.
func TestEncodeBatchConcurrent(t *testing.T) {
	fsys, ok := models.Default()
	if !ok {
		t.Skip("built without the embedded model (tag nomodel)")
	}
	tok, err := LoadFS(fsys)
	require.NoError(t, err)
	texts := make([]string, 101)
	for i := range texts {
		texts[i] = fmt.Sprintf("a film, number %d of %d", i, i*i)
	}
	got, err := tok.EncodeBatch(texts, Options{})
	require.NoError(t, err)
	for i, text := range texts {
		want, err := tok.Encode(text, Options{})
		require.NoError(t, err)
		require.Equal(t, want.IDs, got[i].IDs)
	}
	_, err = tok.EncodeBatch(texts, Options{TruncationSide: "up", MaxLength: 4})
	require.ErrorContains(t, err, "text ")
	none, err := tok.EncodeBatch(nil, Options{})
	require.NoError(t, err)
	require.Empty(t, none)
}
