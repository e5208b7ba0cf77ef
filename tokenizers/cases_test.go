package tokenizers

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// bert loads BERT's uncased vocabulary from testdata, so that these cases hold without shared files.
func bert(t testing.TB) *Tokenizer {
	tok, err := Load(filepath.Join("testdata", "bert-base-uncased"))
	require.NoError(t, err)
	return tok
}

func encode(t testing.TB, tok *Tokenizer, text string, o Options) *Encoding {
	e, err := tok.Encode(text, o)
	require.NoError(t, err)
	return e
}

func spans(pairs ...int) []Span {
	var out []Span
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, Span{pairs[i], pairs[i+1]})
	}
	return out
}

// TestBERTGoldens runs the copy of the shared cases for BERT.
func TestBERTGoldens(t *testing.T) {
	tok := bert(t)
	for _, g := range readGolden(t, filepath.Join("testdata", "bert-base-uncased", "extra.json")) {
		t.Run(g.Name, func(t *testing.T) { g.check(t, tok, true) })
	}
}

func TestControlCharacters(t *testing.T) {
	tok := bert(t)
	require.Equal(t, []int32{101, 102}, encode(t, tok, "\r\n", Options{}).IDs)
	require.Equal(t, []int32{101, 102}, encode(t, tok, "\x11\x11", Options{}).IDs)
	require.Equal(t, []int32{101, 1060, 102}, encode(t, tok, "x\r\n", Options{}).IDs)
	e := encode(t, tok, "a\r\nb", Options{})
	require.Equal(t, []int32{101, 1037, 1038, 102}, e.IDs)
	require.Equal(t, Span{3, 4}, e.Offsets[2])
}

func TestOffsetsAfterAccents(t *testing.T) {
	tok := bert(t)
	text := "A, naïve [MASK] sentence."
	e := encode(t, tok, text, Options{})
	require.Equal(t, []int32{101, 1037, 1010, 15743, 103, 6251, 1012, 102}, e.IDs)
	require.Equal(t, spans(0, 1, 1, 2, 3, 9, 10, 16, 17, 25, 25, 26), e.Offsets[1:7])
	require.Equal(t, spans(0, 1, 1, 2, 3, 8, 9, 15, 16, 24, 24, 25), CodePoints(text, e.Offsets)[1:7])
	require.Equal(t, "naïve", text[e.Offsets[3].Start:e.Offsets[3].End])
	require.False(t, e.Special[4], "a special token of the text is no added one")
}

func TestLongWord(t *testing.T) {
	tok := bert(t)
	e := encode(t, tok, "see "+strings.Repeat("a", 101)+" end", Options{})
	require.Equal(t, []int32{101, 2156, 100, 2203, 102}, e.IDs)
	require.Equal(t, spans(0, 3, 4, 105, 106, 109), e.Offsets[1:4])
	e = encode(t, tok, "see "+strings.Repeat("a", 100)+" end", Options{})
	require.NotContains(t, e.IDs, int32(100))
	// The limit counts characters, not bytes.
	require.NotContains(t, encode(t, tok, strings.Repeat("é", 100), Options{}).IDs, int32(100))
}

func TestPair(t *testing.T) {
	e, err := bert(t).EncodePair("The new rights are nice enough", "Everyone really likes the newest benefits ", Options{})
	require.NoError(t, err)
	require.Equal(t, []int32{101, 1996, 2047, 2916, 2024, 3835, 2438, 102, 3071, 2428, 7777, 1996, 14751, 6666, 102}, e.IDs)
	require.Equal(t, []int32{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1}, e.TypeIDs)
	require.Equal(t, []int8{-1, 0, 0, 0, 0, 0, 0, -1, 1, 1, 1, 1, 1, 1, -1}, e.Sequence)
	e, err = bert(t).EncodePair("a", "", Options{})
	require.NoError(t, err)
	require.Equal(t, []int32{101, 1037, 102, 102}, e.IDs)
}

func TestSliceOfTheInput(t *testing.T) {
	text := "café 👋🏽 Zürich"
	e := encode(t, bert(t), text, Options{})
	i := len(e.IDs) - 2
	require.Equal(t, "zurich", e.Tokens[i])
	one := e.Offsets[i : i+1]
	require.Equal(t, "Zürich", text[one[0].Start:one[0].End])
	require.Equal(t, spans(15, 22), one)
	require.Equal(t, spans(8, 14), CodePoints(text, one))
	require.Equal(t, spans(10, 16), UTF16(text, one))
}

func TestWhitespaceOfTheContext(t *testing.T) {
	text := "Our office is downtown " + strings.Repeat("\n", 8) + " and we meet in Berlin"
	e := encode(t, bert(t), text, Options{})
	i := len(e.IDs) - 2
	require.Equal(t, "berlin", e.Tokens[i])
	require.Equal(t, spans(47, 53), CodePoints(text, e.Offsets[i:i+1]))
}

// TestStream has a stream give whole characters only.
func TestStream(t *testing.T) {
	tok := sharedTokenizer(t, "gpt2")
	ids := []int32{17250, 50169, 233, 8582, 237, 121, 220, 19526, 254, 25001, 121}
	s := tok.NewStream(false)
	whole := ""
	for _, id := range ids {
		part := s.Push(id)
		require.True(t, utf8.ValidString(part))
		require.NotContains(t, part, "\ufffd")
		whole += part
	}
	require.Equal(t, "", s.Flush())
	require.Equal(t, "Hi 👋🏽 你好", whole)
	require.Equal(t, "Hi", s.Push(ids[0]), "a flushed stream is as new")
	require.Equal(t, "", strings.Trim(s.Push(ids[1]), " "))
	require.Equal(t, "\ufffd", strings.TrimLeft(s.Flush(), " "))
	require.Equal(t, "Hi \ufffd", streamed(tok, ids[:2], false))
}

func TestContinuation(t *testing.T) {
	e := encode(t, bert(t), "Nadira Holm, unaffable", Options{})
	var got []string
	for i := range e.IDs {
		if e.IsContinuation(i) {
			got = append(got, e.Tokens[i])
		}
	}
	require.NotEmpty(t, got)
	for _, token := range got {
		require.True(t, strings.HasPrefix(token, "##"), token)
	}
	for i, token := range e.Tokens {
		require.Equal(t, strings.HasPrefix(token, "##"), e.IsContinuation(i))
	}
	// Without marks: what no space precedes.
	tok := sharedTokenizer(t, "gpt2")
	e = encode(t, tok, "Nadira Holm, yes", Options{})
	for i := range e.IDs {
		s := e.Offsets[i]
		text := "Nadira Holm, yes"[s.Start:s.End]
		require.Equal(t, i > 0 && !strings.HasPrefix(text, " "), e.IsContinuation(i), text)
	}
}

func TestPlainSpecial(t *testing.T) {
	tok := bert(t)
	require.Contains(t, encode(t, tok, "a [SEP] b", Options{NoSpecialTokens: true}).IDs, int32(102))
	e := encode(t, tok, "a [SEP] b", Options{NoSpecialTokens: true, PlainSpecial: true})
	require.NotContains(t, e.IDs, int32(102))
	require.Equal(t, []string{"a", "[", "sep", "]", "b"}, e.Tokens)
}

func TestInvalidUTF8(t *testing.T) {
	tok := bert(t)
	for _, c := range []struct{ text, word string }{
		{"\xffhello", "hello"}, {"a\xe4\xbd hello", "hello"}, {"\xf0\x9f\x91hello\xed\xa0\x80 x", "hello"}, {"é\x80 hello", "hello"},
	} {
		e := encode(t, tok, c.text, Options{})
		found := false
		for i, token := range e.Tokens {
			if s := e.Offsets[i]; token == c.word {
				require.Equal(t, c.word, c.text[s.Start:s.End])
				found = true
			}
		}
		require.True(t, found, "%q: %q", c.text, e.Tokens)
	}
	// As Rust reads it: one U+FFFD for each maximal part of a character.
	for in, want := range map[string]string{
		"\xe4\xbd": "\ufffd", "\xf0\x9f\x91x": "\ufffdx", "\xed\xa0\x80": "\ufffd\ufffd\ufffd", "\xc0\xaf": "\ufffd\ufffd",
		"\xf4\x90\x80\x80": "\ufffd\ufffd\ufffd\ufffd", "\xe0\x80": "\ufffd\ufffd", "a\xf0\x90\x80": "a\ufffd", "\xe4\xbd\xa0": "你",
	} {
		got, places := lossy(in)
		require.Equal(t, want, got, "%q", in)
		require.Len(t, places, len(got)+1)
		require.Equal(t, int32(len(in)), places[len(got)])
	}
	require.Equal(t, spans(1, 2), CodePoints("\xe4\xbdx", spans(2, 3)))
}

func TestSpecialTokens(t *testing.T) {
	s := bert(t).SpecialTokens()
	require.Equal(t, Special{CLS: "[CLS]", SEP: "[SEP]", PAD: "[PAD]", MASK: "[MASK]", UNK: "[UNK]", CLSID: 101, SEPID: 102, PADID: 0, MASKID: 103, UNKID: 100, BOSID: -1, EOSID: -1}, s)
	tok, err := LoadFS(fstest.MapFS{
		"vocab.txt": {Data: []byte("[PAD]\n[UNK]\n[CLS]\n[SEP]\n<m>\na\n##b\n")},
		"tokenizer_config.json": {Data: []byte(`{"tokenizer_class":"BertTokenizer","model_max_length":1000000000000000019884624838656,
			"mask_token":{"content":"<m>","lstrip":true,"rstrip":false,"normalized":false,"single_word":false,"__type":"AddedToken"},
			"padding_side":"left","do_lower_case":false}`)},
	})
	require.NoError(t, err)
	require.Equal(t, "<m>", tok.SpecialTokens().MASK)
	require.Equal(t, int32(4), tok.SpecialTokens().MASKID)
	require.Equal(t, 0, tok.ModelMaxLength())
	require.Equal(t, "left", tok.PaddingSide())
	require.Equal(t, []string{"[CLS]", "a", "##b", " <m>", "[UNK]", "[SEP]"}, encode(t, tok, "ab <m>A", Options{}).Tokens)
	require.Equal(t, "WordPiece", tok.Kind())
	require.Equal(t, 7, tok.VocabSize())
}
