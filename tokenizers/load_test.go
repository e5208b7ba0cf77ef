package tokenizers

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/internal/testutil"
)

// only is a folder with some of the files of another.
func only(t testing.TB, dir string, names ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		fsys[name] = &fstest.MapFile{Data: data}
	}
	return fsys
}

// TestOldFiles loads the files that were there before tokenizer.json and compares with it.
func TestOldFiles(t *testing.T) {
	for name, files := range map[string][]string{"bert-base-uncased": {"vocab.txt"}, "gpt2": {"vocab.json", "merges.txt"}} {
		t.Run(name, func(t *testing.T) {
			dir := testutil.Shared(t, "data", "tokenizers", name)
			old, err := LoadFS(only(t, dir, files...))
			require.NoError(t, err)
			require.Equal(t, sharedTokenizer(t, name).VocabSize(), old.VocabSize())
			for _, g := range readGolden(t, filepath.Join(dir, "extra.json")) {
				g.check(t, old, true)
			}
		})
	}
}

// level gives the vocabulary and merges of a small byte-level model as the old files.
func level(t *testing.T) fstest.MapFS {
	for _, p := range readParts(t) {
		if p.Name != "post-processor Sequence" {
			continue
		}
		var c struct {
			Model struct {
				Vocab  map[string]int
				Merges [][2]string
			}
		}
		require.NoError(t, json.Unmarshal(p.Config, &c))
		vocab, err := json.Marshal(c.Model.Vocab)
		require.NoError(t, err)
		merges := "#version: 0.2\n"
		for _, m := range c.Model.Merges {
			merges += m[0] + " " + m[1] + "\n"
		}
		return fstest.MapFS{"vocab.json": {Data: vocab}, "merges.txt": {Data: []byte(merges)}}
	}
	t.Fatal("no such part")
	return nil
}

func TestRobertaOldFiles(t *testing.T) {
	fsys := level(t)
	fsys["config.json"] = &fstest.MapFile{Data: []byte(`{"model_type": "roberta"}`)}
	tok, err := LoadFS(fsys)
	require.NoError(t, err)
	text := "a <mask> b"
	e, err := tok.EncodePair(text, " c", Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"<s>", "a", " <mask>", "Ġ", "b", "</s>", "</s>", "Ġ", "c", "</s>"}, e.Tokens)
	require.Equal(t, make([]int32, 10), e.TypeIDs)
	require.Equal(t, Span{2, 8}, e.Offsets[2], "the mask takes the space before it, trimmed like any other")
	require.Equal(t, Span{9, 9}, e.Offsets[3], "a trimmed space is no text")
	s := tok.SpecialTokens()
	require.Equal(t, []string{"<s>", "</s>", "<pad>", "<mask>", "<unk>"}, []string{s.CLS, s.SEP, s.PAD, s.MASK, s.UNK})
}

func TestGPT2OldFiles(t *testing.T) {
	fsys := level(t)
	fsys["tokenizer_config.json"] = &fstest.MapFile{Data: []byte(`{"tokenizer_class":"GPT2Tokenizer","add_prefix_space":true,"add_bos_token":true,"bos_token":"<s>"}`)}
	fsys["added_tokens.json"] = &fstest.MapFile{Data: []byte(`{"<new>": 5000}`)}
	tok, err := LoadFS(fsys)
	require.NoError(t, err)
	require.Equal(t, []string{"<s>", "Ġ", "c", "<new>"}, encode(t, tok, "c<new>", Options{}).Tokens)
	id, ok := tok.TokenToID("<new>")
	require.True(t, ok)
	require.Equal(t, int32(5000), id)
	token, ok := tok.IDToToken(5000)
	require.True(t, ok)
	require.Equal(t, "<new>", token)
}

// TestSmallSentencePiece builds a model file and loads it with each family's special tokens.
func TestSmallSentencePiece(t *testing.T) {
	type p struct {
		text  string
		score float32
		kind  uint64
	}
	pieces := []p{{"<unk>", 0, pieceUnknown}, {"<s>", 0, pieceControl}, {"</s>", 0, pieceControl}, {"\u2581", -3, 1}, {"\u2581a", -1, 1},
		{"a", -2, 1}, {"b", -2, 1}, {"<user>", 0, pieceUser}, {"gone", 0, pieceUnused}, {"[CLS]", 0, pieceControl}, {"[SEP]", 0, pieceControl}, {"[MASK]", 0, pieceControl}, {"<pad>", 0, pieceControl}}
	var model []byte
	for _, x := range pieces {
		model = appendMessage(model, 1, sentencePiece(x.text, x.score, x.kind))
	}
	load := func(config string) (*Tokenizer, error) {
		return LoadFS(fstest.MapFS{"spiece.model": {Data: model}, "tokenizer_config.json": {Data: []byte(config)}})
	}
	tok, err := load(`{}`)
	require.NoError(t, err)
	e := encode(t, tok, "  a  b<user>c gone ", Options{})
	require.Equal(t, []string{"\u2581a", "\u2581", "b", "<user>", "c", "\u2581", "gone"}, e.Tokens)
	require.Equal(t, []int32{4, 3, 6, 7, 0, 3, 0}, e.IDs, "unused pieces are not found")
	require.Equal(t, spans(2, 3, 3, 4, 5, 6, 6, 12, 12, 13, 13, 14, 14, 18), e.Offsets)
	decoded, err := tok.Decode(e.IDs[:3], false)
	require.NoError(t, err)
	require.Equal(t, "a b", decoded)

	tok, err = load(`{"tokenizer_class":"T5Tokenizer"}`)
	require.NoError(t, err)
	e, err = tok.EncodePair("a", "b <extra_id_0>", Options{})
	require.NoError(t, err)
	require.Equal(t, []int32{4, 2, 3, 6, 112, 2}, e.IDs)
	tok, err = load(`{"tokenizer_class":"AlbertTokenizer"}`)
	require.NoError(t, err)
	e, err = tok.EncodePair("Á", "B [MASK]", Options{})
	require.NoError(t, err)
	require.Equal(t, []int32{9, 4, 10, 3, 6, 11, 10}, e.IDs)
	require.Equal(t, []int32{0, 0, 0, 1, 1, 1, 1}, e.TypeIDs)
	tok, err = load(`{"tokenizer_class":"XLMRobertaTokenizer"}`)
	require.NoError(t, err)
	e, err = tok.EncodePair("a", "?<mask>", Options{})
	require.NoError(t, err)
	require.Equal(t, []int32{0, 5, 2, 2, 4, 3, 14, 2}, e.IDs)
	_, err = load(`{"tokenizer_class":"XLNetTokenizer"}`)
	require.ErrorContains(t, err, "XLNetTokenizer")
}

func TestLoadErrors(t *testing.T) {
	_, err := LoadFS(fstest.MapFS{})
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "tokenizer.json, vocab.txt")
	_, err = Load(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	word := `"model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"}`
	for config, want := range map[string]string{
		`{`:                                      "byte 1",
		`{}`:                                     "no model",
		`{"model":{"type":"Markov","vocab":{}}}`: `model of type "Markov" is not known`,
		`{"model":{"type":"WordPiece"}}`:         "no vocab",
		`{"model":{"type":"WordPiece","vocab":{"a":-1}}}`:                                                      "out of proportion",
		`{"model":{"type":"WordPiece","vocab":{"a":4000000000}}}`:                                              "out of proportion",
		`{"model":{"type":"WordPiece","vocab":{"a":"x"}}}`:                                                     "a number",
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}`:                                            `"b" is no token`,
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":["aa"]}}`:                                             "two parts",
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":[["a"]]}}`:                                            "1 parts",
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.1}}`:                                   "dropout 0.1",
		`{"model":{"type":"Unigram","vocab":[["a",0]],"unk_id":7}}`:                                            "unk_id is 7",
		`{"model":{"type":"Unigram","vocab":[["a"]]}}`:                                                         "1 pieces and 0 scores",
		`{` + word + `,"normalizer":{"type":"Rot13"}}`:                                                         `normalizer of type "Rot13" is not known`,
		`{` + word + `,"normalizer":{"type":"Sequence","normalizers":[{"type":"Rot13"}]}}`:                     `"Rot13"`,
		`{` + word + `,"normalizer":{"type":"Precompiled","precompiled_charsmap":"AAAA"}}`:                     "precompiled_charsmap",
		`{` + word + `,"normalizer":{}}`:                                                                       "no type",
		`{` + word + `,"pre_tokenizer":{"type":"Chop"}}`:                                                       `pre-tokenizer of type "Chop" is not known`,
		`{` + word + `,"pre_tokenizer":{"type":"Split","pattern":{"Regex":"("},"behavior":"Removed"}}`:         "group without end",
		`{` + word + `,"pre_tokenizer":{"type":"Split","pattern":{"Regex":"\\X"},"behavior":"Removed"}}`:       "not supported",
		`{` + word + `,"pre_tokenizer":{"type":"Split","pattern":{"String":"a"},"behavior":"Sideways"}}`:       "Sideways",
		`{` + word + `,"pre_tokenizer":{"type":"Metaspace","replacement":"__"}}`:                               "one character",
		`{` + word + `,"post_processor":{"type":"Stamp"}}`:                                                     `post-processor of type "Stamp" is not known`,
		`{` + word + `,"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x"}}]}}`: `special token "x"`,
		`{` + word + `,"decoder":{"type":"Enigma"}}`:                                                           `decoder of type "Enigma" is not known`,
		`{` + word + `,"added_tokens":3}`:                                                                      "added_tokens",
		`{` + word + `} x`:                                                                                     "the end",
		`{"model":` + strings.Repeat("[", 100000):                                                              "less nesting",
		"{\"\xff\":0}": "not UTF-8",
	} {
		_, err := LoadFS(fstest.MapFS{"tokenizer.json": {Data: []byte(config)}})
		require.ErrorContains(t, err, want, "%.100s", config)
		require.ErrorContains(t, err, "tokenizer.json")
	}
	for name, data := range map[string]string{
		"tokenizer_config.json": `{"padding_side": "up"}`, "special_tokens_map.json": `{"mask_token": 3}`, "added_tokens.json": `[]`,
	} {
		_, err := LoadFS(fstest.MapFS{"vocab.txt": {Data: []byte("[UNK]\n[CLS]\n[SEP]\n")}, name: {Data: []byte(data)}})
		require.ErrorContains(t, err, name)
	}
	_, err = LoadFS(fstest.MapFS{"vocab.txt": {Data: []byte("a\nb\n")}})
	require.ErrorContains(t, err, `cls_token "[CLS]" is not in the vocabulary`)
	_, err = LoadFS(fstest.MapFS{"vocab.txt": {Data: []byte("a\n")}, "tokenizer_config.json": {Data: []byte(`{"tokenizer_class":"MPNetTokenizer"}`)}})
	require.ErrorContains(t, err, "MPNetTokenizer")
	_, err = LoadFS(fstest.MapFS{"vocab.json": {Data: []byte(`{"a":0}`)}})
	require.ErrorContains(t, err, "merges.txt")
	_, err = LoadFS(fstest.MapFS{"spiece.model": {Data: []byte("\xff\xff")}})
	require.ErrorContains(t, err, "spiece.model")
	_, err = LoadFS(fstest.MapFS{"spiece.model": {Data: appendMessage(appendMessage(nil, 1, sentencePiece("a", 0, 1)), 2, []byte{3 << 3, 2})}})
	require.ErrorContains(t, err, `type "bpe" is not supported`)
}

// TestConfigOverrides has tokenizer_config.json say another thing than tokenizer.json.
func TestConfigOverrides(t *testing.T) {
	config := `{"model":{"type":"WordPiece","vocab":{"[UNK]":0,"[MASK]":1,"A":2,"a":3},"unk_token":"[UNK]"},
		"normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},
		"pre_tokenizer":{"type":"BertPreTokenizer"}}`
	load := func(small string) *Tokenizer {
		tok, err := LoadFS(fstest.MapFS{"tokenizer.json": {Data: []byte(config)}, "tokenizer_config.json": {Data: []byte(small)}})
		require.NoError(t, err)
		return tok
	}
	require.Equal(t, []int32{3}, encode(t, load(`{}`), "A", Options{}).IDs)
	require.Equal(t, []int32{2}, encode(t, load(`{"tokenizer_class":"BertTokenizerFast","do_lower_case":false}`), "A", Options{}).IDs)
	require.Equal(t, []int32{0, 0, 0}, encode(t, load(`{}`), "[MASK]", Options{}).IDs, "no added token")
	require.Equal(t, []int32{1}, encode(t, load(`{"mask_token":"[MASK]"}`), "[MASK]", Options{}).IDs)
	tok := load(`{"added_tokens_decoder":{"9":{"content":"<x>","special":true}}}`)
	require.Equal(t, []int32{3, 9}, encode(t, tok, "a<x>", Options{}).IDs)
	text, err := tok.Decode([]int32{3, 9}, true)
	require.NoError(t, err)
	require.Equal(t, "a", text)
}
