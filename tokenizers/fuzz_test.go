package tokenizers

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// fuzzModel encodes and decodes anything: nothing panics, and what comes out fits together.
func fuzzModel(f *testing.F, load func(t testing.TB) *Tokenizer) {
	for _, s := range []string{"", " ", "Hello, world!", "naïve e\u0301 ﬁ 你好 👋🏽 가각", "[MASK] <s> <|endoftext|>", "a\xff\xe4\xbdb", "\x00\r\n\u200d", strings.Repeat("ab ", 50)} {
		f.Add(s, "pair", uint8(12), uint8(2), false)
	}
	f.Fuzz(func(t *testing.T, text, pair string, length, overlap uint8, left bool) {
		tok := load(t)
		o := Options{MaxLength: int(length), Overlap: int(overlap)}
		if left {
			o.TruncationSide = "left"
		}
		whole, err := tok.EncodePair(text, pair, Options{})
		require.NoError(t, err)
		checkEncoding(t, whole, text, pair)
		for _, skip := range []bool{false, true} {
			decoded, err := tok.Decode(whole.IDs, skip)
			require.NoError(t, err)
			require.True(t, utf8.ValidString(decoded))
			require.Equal(t, decoded, streamed(tok, whole.IDs, skip))
		}
		cut, err := tok.Encode(text, o)
		if err != nil {
			require.Positive(t, o.MaxLength, "only a limit can be the reason")
			return
		}
		checkEncoding(t, cut, text, "")
		for _, w := range cut.Overflow {
			checkEncoding(t, w, text, "")
		}
		if o.MaxLength > 0 {
			require.LessOrEqual(t, cut.Len(), o.MaxLength)
		}
	})
}

func checkEncoding(t *testing.T, e *Encoding, text, pair string) {
	n := e.Len()
	for _, m := range []int{len(e.TypeIDs), len(e.Tokens), len(e.Offsets), len(e.Special), len(e.WordIDs), len(e.Sequence)} {
		require.Equal(t, n, m)
	}
	for i, s := range e.Offsets {
		require.LessOrEqual(t, 0, s.Start)
		require.LessOrEqual(t, s.Start, s.End)
		switch e.Sequence[i] {
		case 0:
			require.LessOrEqual(t, s.End, len(text))
		case 1:
			require.LessOrEqual(t, s.End, len(pair))
		default:
			require.Equal(t, Span{}, s)
			require.True(t, e.Special[i])
		}
		_ = e.IsContinuation(i)
	}
	for _, convert := range []func(string, []Span) []Span{CodePoints, UTF16} {
		for i, s := range convert(text, e.Offsets) {
			require.LessOrEqual(t, s.Start, s.End, "token %d", i)
		}
	}
}

func FuzzWordPiece(f *testing.F) {
	tok := bert(f)
	fuzzModel(f, func(testing.TB) *Tokenizer { return tok })
}

func FuzzBPE(f *testing.F) {
	fuzzParts(f, "model BPE ignore_merges")
}

func FuzzByteFallback(f *testing.F) {
	fuzzParts(f, "normalizer Precompiled and others")
}

func FuzzUnigram(f *testing.F) {
	fuzzParts(f, "model Unigram byte_fallback")
}

func FuzzWordLevel(f *testing.F) {
	fuzzParts(f, "model WordLevel")
}

func fuzzParts(f *testing.F, name string) {
	for _, p := range readParts(f) {
		if p.Name == name {
			tok, err := loadConfig(p.Config)
			require.NoError(f, err)
			fuzzModel(f, func(testing.TB) *Tokenizer { return tok })
			return
		}
	}
	f.Fatalf("no part is named %q", name)
}

// FuzzLoad reads any bytes as tokenizer.json and as a SentencePiece model.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":[["a","b"]]},"decoder":{"type":"Fuse"}}`))
	f.Add([]byte(`{"model":{"type":"Unigram","vocab":[["a",0.5],["\u00e9\ud83d\udc4b",-1e3]],"unk_id":0},"normalizer":{"type":"NFC"}}`))
	f.Add([]byte(`{"model":{"vocab":{"a":0},"unk_token":"a"},"added_tokens":[{"content":"x","lstrip":true}]}`))
	f.Add(appendMessage(nil, 1, sentencePiece("a", -1, pieceNormal)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if tok, err := loadConfig(data); err == nil {
			_, _ = tok.Encode("Hello 你好 abx", Options{})
			_, _ = tok.Decode([]int32{0, 1, -1, 1 << 30}, true)
		}
		if tok, err := LoadFS(fstest.MapFS{"spiece.model": {Data: data}}); err == nil {
			_, _ = tok.Encode("Hello 你好 abx", Options{})
		}
	})
}

// FuzzRegex translates any expression and searches with it.
func FuzzRegex(f *testing.F) {
	for _, s := range []string{`(?i:a|[^b-d&&\p{L}]){2,3}+\b`, `[[:^alpha:]\w\x{4f60}-]`, `(?<n>a)\k<n>|\R(?#x)`, `^.*?$`, `[:]`, `a++{,2}`, patternCL100K} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		if len(expr) > 60 {
			return
		}
		p, err := newRegex(expr)
		if err != nil {
			return
		}
		if r, ok := p.(regex); ok {
			r.re.MatchTimeout = 100 * time.Millisecond
		}
		segments, err := p.find("Hello, 你好 abc", nil)
		if err != nil {
			return
		}
		at := 0
		for _, s := range segments {
			require.Equal(t, at, s.start)
			at = s.end
		}
	})
}
