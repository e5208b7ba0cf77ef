package tokenizers

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/internal/testutil"
)

// newsLines is the lines of AG News: 1.1 MB of English.
func newsLines(t testing.TB) []string {
	data, err := os.ReadFile(testutil.Shared(t, "data", "ag_news", "train.tsv"))
	require.NoError(t, err)
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

// BenchmarkEncodeFolder encodes the lines of the file TOKENIZER_TEXT with the folder TOKENIZER_FOLDER: what
// bench/peers/tokenizers.js runs beside Hugging Face's library.
func BenchmarkEncodeFolder(b *testing.B) {
	dir, file := os.Getenv("TOKENIZER_FOLDER"), os.Getenv("TOKENIZER_TEXT")
	if dir == "" || file == "" {
		b.Skip("TOKENIZER_FOLDER and TOKENIZER_TEXT are not set")
	}
	tok, err := Load(dir)
	require.NoError(b, err)
	data, err := os.ReadFile(file)
	require.NoError(b, err)
	encodeLines(b, tok, strings.Split(strings.TrimSpace(string(data)), "\n"))
}

func benchmarkEncode(b *testing.B, name string) {
	encodeLines(b, sharedTokenizer(b, name), newsLines(b))
}

func encodeLines(b *testing.B, tok *Tokenizer, lines []string) {
	size := 0
	for _, l := range lines {
		size += len(l)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	start := cpuTime()
	for b.Loop() {
		for _, l := range lines {
			if _, err := tok.Encode(l, Options{}); err != nil {
				b.Fatal(err)
			}
		}
	}
	if used := cpuTime() - start; used > 0 {
		b.ReportMetric(float64(size)*float64(b.N)/1e6/used.Seconds(), "MB/cpu-s")
	}
}

func BenchmarkEncodeBERT(b *testing.B)    { benchmarkEncode(b, "bert-base-uncased") }
func BenchmarkEncodeGPT2(b *testing.B)    { benchmarkEncode(b, "gpt2") }
func BenchmarkEncodeQwen3(b *testing.B)   { benchmarkEncode(b, "qwen3") }
func BenchmarkEncodeUnigram(b *testing.B) { benchmarkEncode(b, "unigram-synthetic") }

func benchmarkLoad(b *testing.B, name string) {
	dir := testutil.Shared(b, "data", "tokenizers", name)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(dir); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoadBERT(b *testing.B)  { benchmarkLoad(b, "bert-base-uncased") }
func BenchmarkLoadGPT2(b *testing.B)  { benchmarkLoad(b, "gpt2") }
func BenchmarkLoadQwen3(b *testing.B) { benchmarkLoad(b, "qwen3") }
