package tokenizers

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// partCase is what Hugging Face's library gives for one text (see testdata/parts.js).
type partCase struct {
	Text        string
	Pair        *string
	NoSpecial   bool `json:"no_special"`
	IDs         []int32
	Tokens      []string
	TypeIDs     []int32 `json:"type_ids"`
	Offsets     []int   // of code points, flat
	Special     []int
	Words       []int32
	Sequences   []int8
	Decoded     string
	DecodedSkip string `json:"decoded_skip_special"`
}

type partGolden struct {
	Name   string
	Config json.RawMessage
	Cases  []partCase
}

func readParts(t testing.TB) []partGolden {
	f, err := os.Open(filepath.Join("testdata", "parts.json.gz"))
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	data, err := io.ReadAll(z)
	require.NoError(t, err)
	var parts []partGolden
	require.NoError(t, json.Unmarshal(data, &parts))
	require.Greater(t, len(parts), 100)
	return parts
}

// loadConfig loads a tokenizer.json; decoded text is not cleaned up.
func loadConfig(config []byte) (*Tokenizer, error) {
	return LoadFS(fstest.MapFS{
		"tokenizer.json":        {Data: config},
		"tokenizer_config.json": {Data: []byte(`{"clean_up_tokenization_spaces": false}`)},
	})
}

// TestParts holds each part of tokenizer.json to Hugging Face's library, all that an encoding has, and decoding.
func TestParts(t *testing.T) {
	for _, p := range readParts(t) {
		t.Run(p.Name, func(t *testing.T) {
			tok, err := loadConfig(p.Config)
			require.NoError(t, err)
			for _, c := range p.Cases {
				c.check(t, tok)
			}
		})
	}
}

func (c *partCase) check(t *testing.T, tok *Tokenizer) {
	o := Options{NoSpecialTokens: c.NoSpecial}
	var e *Encoding
	var err error
	pair := ""
	if c.Pair != nil {
		pair = *c.Pair
		e, err = tok.EncodePair(c.Text, pair, o)
	} else {
		e, err = tok.Encode(c.Text, o)
	}
	require.NoError(t, err)
	require.Equal(t, c.Tokens, e.Tokens, "tokens of %q, %q", c.Text, pair)
	require.Equal(t, c.IDs, e.IDs, "ids of %q, %q", c.Text, pair)
	require.Equal(t, c.TypeIDs, e.TypeIDs, "type ids of %q, %q", c.Text, pair)
	require.Equal(t, c.Words, e.WordIDs, "words of %q, %q", c.Text, pair)
	require.Equal(t, c.Sequences, e.Sequence, "sequences of %q, %q", c.Text, pair)
	offsets := []int{}
	for _, o := range codePoints(e, c.Text, pair) {
		offsets = append(offsets, o[0], o[1])
	}
	require.Equal(t, c.Offsets, offsets, "offsets of %q, %q", c.Text, pair)
	for i, s := range c.Special {
		require.Equal(t, s == 1, e.Special[i], "token %d of %q", i, c.Text)
	}
	for _, d := range []struct {
		want string
		skip bool
	}{{c.Decoded, false}, {c.DecodedSkip, true}} {
		got, err := tok.Decode(c.IDs, d.skip)
		require.NoError(t, err)
		require.Equal(t, d.want, got, "decoded from %q", c.Text)
		require.Equal(t, d.want, streamed(tok, c.IDs, d.skip), "streamed from %q", c.Text)
	}
}
