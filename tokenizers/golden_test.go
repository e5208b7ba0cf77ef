package tokenizers

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/internal/testutil"
)

// golden is a case of vectors.json or extra.json.
type golden struct {
	Name             string
	Text             string
	Pair             *string `json:"text_pair"`
	IDs              []int32
	Tokens           []string
	TypeIDs          []int32  `json:"type_ids"`
	Offsets          [][2]int // code points
	Special          []int    `json:"special_tokens_mask"`
	Sequences        []*int8  `json:"sequence_ids"`
	NoSpecial        []int32  `json:"ids_no_special"`
	Decoded          *string
	DecodedSkip      *string `json:"decoded_skip_special"`
	SentencePieceIDs []int32 `json:"sentencepiece_ids"`
	Truncation       *struct {
		MaxLength int `json:"max_length"`
		Stride    int
		Strategy  string
		Direction string
	}
	Overflowing []struct {
		IDs     []int32
		Offsets [][2]int
	}
}

func readGolden(t testing.TB, path string) []golden {
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var cases []golden
	require.NoError(t, json.Unmarshal(data, &cases))
	require.NotEmpty(t, cases)
	return cases
}

var (
	loadedMu sync.Mutex
	loaded   = map[string]*Tokenizer{}
)

// sharedTokenizer loads one of the shared tokenizer folders once.
func sharedTokenizer(t testing.TB, name string) *Tokenizer {
	dir := testutil.Shared(t, "data", "tokenizers", name)
	loadedMu.Lock()
	defer loadedMu.Unlock()
	if tok := loaded[name]; tok != nil {
		return tok
	}
	tok, err := Load(dir)
	require.NoError(t, err)
	loaded[name] = tok
	return tok
}

func (g *golden) options() Options {
	var o Options
	if g.Truncation != nil {
		o = Options{MaxLength: g.Truncation.MaxLength, Overlap: g.Truncation.Stride, TruncationStrategy: g.Truncation.Strategy, TruncationSide: g.Truncation.Direction}
	}
	return o
}

func (g *golden) encode(t testing.TB, tok *Tokenizer, o Options) *Encoding {
	var e *Encoding
	var err error
	if g.Pair != nil {
		e, err = tok.EncodePair(g.Text, *g.Pair, o)
	} else {
		e, err = tok.Encode(g.Text, o)
	}
	require.NoError(t, err)
	return e
}

// codePoints gives an encoding's offsets in code points, of added special tokens [0, 0].
func codePoints(e *Encoding, text, pair string) [][2]int {
	out := make([][2]int, e.Len())
	for i, s := range []string{text, pair} {
		spans := CodePoints(s, e.Offsets)
		for j := range out {
			if e.Sequence[j] == int8(i) {
				out[j] = [2]int{spans[j].Start, spans[j].End}
			}
		}
	}
	return out
}

func (g *golden) pair() string {
	if g.Pair == nil {
		return ""
	}
	return *g.Pair
}

func (g *golden) check(t *testing.T, tok *Tokenizer, extra bool) {
	e := g.encode(t, tok, g.options())
	require.Equal(t, g.IDs, e.IDs, "ids")
	if extra {
		require.Equal(t, g.Tokens, e.Tokens, "tokens")
		require.Equal(t, g.TypeIDs, e.TypeIDs, "type ids")
	}
	if g.Offsets != nil {
		require.Equal(t, g.Offsets, codePoints(e, g.Text, g.pair()), "offsets")
	}
	for i, s := range g.Special {
		require.Equal(t, s == 1, e.Special[i], "special mask of token %d", i)
	}
	for i, s := range g.Sequences {
		want := int8(-1)
		if s != nil {
			want = *s
		}
		require.Equal(t, want, e.Sequence[i], "sequence of token %d", i)
	}
	if g.Overflowing != nil {
		require.Len(t, e.Overflow, len(g.Overflowing))
		for i, w := range g.Overflowing {
			require.Equal(t, w.IDs, e.Overflow[i].IDs)
			if w.Offsets != nil {
				require.Equal(t, w.Offsets, codePoints(e.Overflow[i], g.Text, g.pair()))
			}
		}
	}
	if g.NoSpecial != nil {
		o := g.options()
		o.NoSpecialTokens = true
		require.Equal(t, g.NoSpecial, g.encode(t, tok, o).IDs, "ids without special tokens")
	}
	for _, d := range []struct {
		want *string
		skip bool
	}{{g.Decoded, false}, {g.DecodedSkip, true}} {
		if d.want == nil {
			continue
		}
		got, err := tok.Decode(g.IDs, d.skip)
		require.NoError(t, err)
		if !d.skip {
			require.Equal(t, *d.want, got, "decoded")
		}
		require.Equal(t, got, streamed(tok, g.IDs, d.skip), "streamed")
	}
}

// streamed decodes ids one by one.
func streamed(tok *Tokenizer, ids []int32, skip bool) string {
	s := tok.NewStream(skip)
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(s.Push(id))
	}
	b.WriteString(s.Flush())
	return b.String()
}

func TestGoldens(t *testing.T) {
	for _, name := range []string{"bert-base-uncased", "gpt2", "qwen3", "unigram-synthetic"} {
		t.Run(name, func(t *testing.T) {
			tok := sharedTokenizer(t, name)
			files, err := filepath.Glob(filepath.Join(testutil.Shared(t, "data", "tokenizers", name), "*.json"))
			require.NoError(t, err)
			n := 0
			for _, f := range files {
				base := filepath.Base(f)
				if base != "extra.json" && !strings.HasPrefix(base, "vectors") {
					continue
				}
				for _, g := range readGolden(t, f) {
					n++
					t.Run(base+"/"+g.Name, func(t *testing.T) { g.check(t, tok, base == "extra.json") })
				}
			}
			require.Greater(t, n, 50)
		})
	}
}
