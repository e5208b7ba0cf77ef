package tokenizers

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// segment is a stretch of a text: a match of a pattern, or what lies between two.
type segment struct {
	start, end int
	match      bool
}

// pattern finds its matches in a text. find appends segments that cover the whole text, in order; a match may
// be empty.
type pattern interface {
	find(text string, dst []segment) ([]segment, error)
}

// parsePattern reads {"String": …} or {"Regex": …}.
func parsePattern(raw json.RawMessage) (pattern, error) {
	var c struct{ String, Regex *string }
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, err
	}
	switch {
	case c.String != nil && *c.String != "":
		return literal(*c.String), nil
	case c.String != nil:
		return newRegex("")
	case c.Regex != nil:
		return newRegex(*c.Regex)
	}
	return nil, fmt.Errorf("pattern %.60s, want {\"String\": …} or {\"Regex\": …}", raw)
}

// cover appends the match [start, end) and what lies between it and the last segment's end.
func cover(dst []segment, from, start, end int) []segment {
	if from < start {
		dst = append(dst, segment{from, start, false})
	}
	return append(dst, segment{start, end, true})
}

// literal is a text that is not empty.
type literal string

func (l literal) find(text string, dst []segment) ([]segment, error) {
	from := 0
	for {
		i := strings.Index(text[from:], string(l))
		if i < 0 {
			break
		}
		dst = cover(dst, from, from+i, from+i+len(l))
		from += i + len(l)
	}
	if from < len(text) {
		dst = append(dst, segment{from, len(text), false})
	}
	return dst, nil
}

// classPattern matches single characters of a class.
type classPattern struct {
	u *unicodeData
	c class
}

func (c classPattern) find(text string, dst []segment) ([]segment, error) {
	from := 0
	for i := 0; i < len(text); {
		r, n := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(text[i:])
		}
		if c.u.is(r, c.c) {
			dst = cover(dst, from, i, i+n)
			from = i + n
		}
		i += n
	}
	if from < len(text) {
		dst = append(dst, segment{from, len(text), false})
	}
	return dst, nil
}

// wordPattern is \w+|[^\w\s]+ of the pre-tokenizer Whitespace.
type wordPattern struct{ u *unicodeData }

func (w wordPattern) find(text string, dst []segment) ([]segment, error) {
	from, start := 0, 0
	kind := isSpace // of the stretch from start on: isSpace, isWord, or 0 for neither
	for i, r := range text {
		k := w.u.of(r) & (isSpace | isWord)
		if k == kind {
			continue
		}
		if kind != isSpace {
			dst = cover(dst, from, start, i)
			from = i
		}
		start, kind = i, k
	}
	if kind != isSpace {
		dst = cover(dst, from, start, len(text))
	} else if from < len(text) {
		dst = append(dst, segment{from, len(text), false})
	}
	return dst, nil
}
