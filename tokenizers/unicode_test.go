package tokenizers

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/internal/testutil"
)

// TestUnicode holds the tables to what Hugging Face's library does with every code point.
func TestUnicode(t *testing.T) {
	data, err := os.ReadFile(testutil.Shared(t, "data", "tokenizers", "unicode.json"))
	require.NoError(t, err)
	var g struct {
		Letter      [][2]rune         `json:"regex_letter"`
		Number      [][2]rune         `json:"regex_number"`
		RegexSpace  [][2]rune         `json:"regex_space"`
		Space       [][2]rune         `json:"bert_space"`
		Punctuation [][2]rune         `json:"bert_punctuation"`
		Cleaned     [][2]rune         `json:"bert_removed_by_clean_text"`
		Chinese     [][2]rune         `json:"bert_spaced_cjk"`
		Stripped    [][2]rune         `json:"bert_removed_by_strip_accents"`
		Unknown     [][2]rune         `json:"nfc_nfd_unknown_to_hf"`
		Lower       map[string]string `json:"bert_lower"`
	}
	require.NoError(t, json.Unmarshal(data, &g))
	u := unicodeTables()
	each := func(f func(r rune)) {
		for r := rune(1); r <= 0x10ffff; r++ {
			if r < 0xd800 || r > 0xdfff {
				f(r)
			}
		}
	}
	same := func(what string, want [][2]rune, has func(r rune) bool) {
		set := map[rune]bool{}
		for _, w := range want {
			for r := w[0]; r <= w[1]; r++ {
				set[r] = true
			}
		}
		require.NotEmpty(t, set)
		each(func(r rune) {
			if has(r) != set[r] {
				t.Errorf("%s: U+%04X is %v, want %v", what, r, has(r), set[r])
			}
		})
	}
	is := func(c class) func(rune) bool { return func(r rune) bool { return u.is(r, c) } }
	same("letters", g.Letter, is(isLetter))
	same("numbers", g.Number, is(isNumber))
	same("regex spaces", g.RegexSpace, is(isSpace))
	same("spaces", g.Space, is(isSpace))
	same("punctuation", g.Punctuation, is(isPunctuation))
	same("cleaned", g.Cleaned, func(r rune) bool { return u.is(r, isCleaned) || r == 0 })
	same("Chinese", g.Chinese, is(isChinese))
	apply := func(n *bertNormalizer, r rune) string {
		p := piece{text: string(r), id: -1}
		require.NoError(t, n.normalize(&p))
		return p.text
	}
	strip := newBertNormalizer(false, false, true, false)
	same("strip_accents", g.Stripped, func(r rune) bool { return apply(strip, r) == "" })
	for _, w := range g.Unknown {
		for r := w[0]; r <= w[1]; r++ {
			require.False(t, u.is(r, hasCCC), "U+%04X has a combining class", r)
		}
	}
	lower := newBertNormalizer(false, false, true, true)
	require.Greater(t, len(g.Lower), 3000)
	for key, want := range g.Lower {
		r, err := strconv.ParseUint(key, 16, 32)
		require.NoError(t, err)
		// Compatibility ideographs have the spaces of handle_chinese_chars round them there.
		require.Equal(t, strings.TrimSpace(want), strings.TrimSpace(apply(lower, rune(r))), "lower case of U+%s", key)
	}
	each(func(r rune) {
		got := apply(lower, r)
		if _, ok := g.Lower[fmt.Sprintf("%04X", r)]; !ok && got != string(r) && got != "" && !u.is(r, isSpace) && !(r >= hangulS && r < hangulS+hangulSCount) {
			t.Errorf("lower case of U+%04X is %q, want it unchanged", r, got)
		}
	})
}

// TestNormalForms checks what the tables leave to rules, and the order of marks.
func TestNormalForms(t *testing.T) {
	u := unicodeTables()
	for _, c := range []struct {
		form     form
		in, want string
	}{
		{form{}, "가각", "\u1100\u1161\u1100\u1161\u11a8"},
		{form{compose: true}, "\u1100\u1161\u11a8\u1100\u1161", "각가"},
		{form{compose: true}, "각\u11a8", "각\u11a8"},
		{form{}, "o\u0302\u0323", "o\u0323\u0302"},
		{form{compose: true}, "o\u0302\u0323", "ộ"},
		{form{compose: true}, "e\u0301\u0301", "é\u0301"},
		{form{compose: true}, "\u0344", "\u0308\u0301"},
		{form{compose: true}, "\u2126", "Ω"},
		{form{compatible: true, compose: true}, "ﬁ①ｶﾞ", "fi1ガ"},
		{form{compatible: true}, "ﬁ①½", "fi11⁄2"},
		{form{compose: true}, "\u0eba\u0e48", "\u0eba\u0e48"},
		{form{}, "", ""},
	} {
		p := piece{text: c.in, id: -1}
		require.NoError(t, formNormalizer{u, c.form}.normalize(&p))
		require.Equal(t, c.want, p.text, "%+v of %q", c.form, c.in)
	}
}
