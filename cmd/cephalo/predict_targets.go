package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cephalo-ml/cephalo"
)

// places are the targets of a line as bytes of its text; nil where it names none.
// A word that is given twice means the first two places where it stands.
func (l line) places(unit string) ([]cephalo.Span, error) {
	if l.Targets == nil {
		return nil, nil
	}
	spans := []cephalo.Span{}
	given := map[string]int{}
	for i, t := range l.Targets {
		var at cephalo.Span
		var err error
		if t.Word == nil {
			at, err = bytesAt(unit, *l.Text, t.Start, t.End)
		} else {
			at, err = occurrence(*l.Text, *t.Word, given[*t.Word])
			given[*t.Word]++
		}
		if err != nil {
			return nil, fmt.Errorf("target %d: %w", i, err)
		}
		spans = append(spans, at)
	}
	return spans, nil
}

// occurrence is the n-th place, from 0, at which a word stands by itself; where it
// nowhere does, at which it stands between characters of writing without spaces.
func occurrence(text, word string, n int) (cephalo.Span, error) {
	if word == "" {
		return cephalo.Span{}, fmt.Errorf("the word is empty")
	}
	var alone, unspaced []cephalo.Span
	found := false
	first, _ := utf8.DecodeRuneInString(word)
	last, _ := utf8.DecodeLastRuneInString(word)
	for from := 0; ; {
		k := strings.Index(text[from:], word)
		if k < 0 {
			break
		}
		found = true
		at := cephalo.Span{Start: from + k, End: from + k + len(word)}
		before, _ := utf8.DecodeLastRuneInString(text[:at.Start])
		after, size := utf8.DecodeRuneInString(text[at.End:])
		switch {
		case inWord(after) && unicode.Is(unicode.M, after): // it belongs to the last letter
			from = at.End + size
			continue
		case !(inWord(before) && inWord(first)) && !(inWord(last) && inWord(after)):
			alone = append(alone, at)
		case (!inWord(before) || isUnspaced(before) || isUnspaced(first)) && (!inWord(after) || isUnspaced(after) || isUnspaced(last)):
			unspaced = append(unspaced, at)
		}
		from = at.End
	}
	all := alone
	if len(all) == 0 {
		all = unspaced
	}
	switch {
	case !found:
		return cephalo.Span{}, fmt.Errorf("%q is not in the text", word)
	case len(all) == 0:
		return cephalo.Span{}, fmt.Errorf("%q stands within other words alone: give its place as [start,end]", word)
	case n >= len(all):
		return cephalo.Span{}, fmt.Errorf("%q: want place %d of that word, the text has %d", word, n+1, len(all))
	}
	return all[n], nil
}

// inWord says whether a character goes on with a word that it stands beside.
func inWord(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.M) || r == '_' }

// isUnspaced says whether a character is of a writing that puts no spaces between words.
func isUnspaced(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// unitNames are the units of offsets, in messages.
var unitNames = map[string]string{"char": "characters", "byte": "bytes", "utf16": "UTF-16 units"}

// bytesAt turns a place counted in a unit into bytes.
func bytesAt(unit, text string, start, end int) (cephalo.Span, error) {
	at, n := cephalo.Span{Start: -1, End: -1}, 0
	for i, r := range text {
		at = ends(at, n, i, start, end)
		switch {
		case unit == "byte":
			_, size := utf8.DecodeRuneInString(text[i:])
			n = i + size
		case unit == "utf16" && r > 0xFFFF:
			n += 2
		default:
			n++
		}
	}
	at = ends(at, n, len(text), start, end)
	switch {
	case start >= end || end > n:
		return at, fmt.Errorf("[%d,%d] is no place of a text of %d %s: want start < end <= %d", start, end, n, unitNames[unit], n)
	case at.Start < 0 || at.End < 0:
		return at, fmt.Errorf("[%d,%d] cuts a character of the text, counted in %s", start, end, unitNames[unit])
	}
	return at, nil
}

// ends notes where a place begins and ends: byte i is n units from the beginning.
func ends(at cephalo.Span, n, i, start, end int) cephalo.Span {
	if n == start {
		at.Start = i
	}
	if n == end {
		at.End = i
	}
	return at
}
