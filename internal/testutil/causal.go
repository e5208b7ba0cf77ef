package testutil

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// CausalWithTokenizer is a folder with the tiny GPT-2 of the goldens that ship and a
// byte-level vocabulary of its 140 ids: the letters and no merges.
func CausalWithTokenizer(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	check(os.CopyFS(dir, os.DirFS(Testdata("goldens", "gpt2-lm"))))
	vocab := map[string]int{}
	for c := 33; len(vocab) < 94; c++ {
		vocab[string(rune(c))] = len(vocab)
	}
	vocab["Ġ"], vocab["Ċ"] = 94, 95
	for len(vocab) < 140 {
		vocab[strings.Repeat("x", len(vocab))] = len(vocab)
	}
	raw, err := json.Marshal(vocab)
	check(err)
	for name, text := range map[string]string{
		"vocab.json": string(raw), "merges.txt": "#version: 0.2\n", "tokenizer_config.json": `{"tokenizer_class":"GPT2Tokenizer"}`,
	} {
		check(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return dir
}
