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
// nowhere does, as in writing without spaces, at which it stands at all.
func occurrence(text, word string, n int) (cephalo.Span, error) {
	if word == "" {
		return cephalo.Span{}, fmt.Errorf("the word is empty")
	}
	var alone, all []cephalo.Span
	for from := 0; ; {
		k := strings.Index(text[from:], word)
		if k < 0 {
			break
		}
		at := cephalo.Span{Start: from + k, End: from + k + len(word)}
		from = at.End
		all = append(all, at)
		before, _ := utf8.DecodeLastRuneInString(text[:at.Start])
		after, _ := utf8.DecodeRuneInString(text[at.End:])
		if !inWord(before) && !inWord(after) {
			alone = append(alone, at)
		}
	}
	if len(alone) > 0 {
		all = alone
	}
	switch {
	case len(all) == 0:
		return cephalo.Span{}, fmt.Errorf("%q is not in the text", word)
	case n >= len(all):
		return cephalo.Span{}, fmt.Errorf("%q: want place %d of that word, the text has %d", word, n+1, len(all))
	}
	return all[n], nil
}

// inWord says whether a character goes on with a word that it stands beside.
func inWord(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.M) || r == '_' }

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
