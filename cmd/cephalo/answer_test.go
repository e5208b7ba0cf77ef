package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestIsName: what is taken for a file that is missing, and what for a text.
func TestIsName(t *testing.T) {
	for s, want := range map[string]bool{
		"notes.txt": true, "a/b": true, `a\b`: true, "../x": true, "word": false, "two words.txt": false, "end.": false, "価格は3.5円です": false, "東京/大阪": false,
	} {
		require.Equal(t, want, isName(s), s)
	}
}
