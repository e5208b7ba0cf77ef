package tokenizers

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"unicode/utf8"
)

// preTokenizer splits a piece into smaller ones, given to emit one by one; empty ones do not count. It stops
// at emit's first error. It is not asked about added tokens.
type preTokenizer interface {
	split(p piece, emit func(piece) error) error
}

// parsePreTokenizer reads the "pre_tokenizer" of tokenizer.json into steps to take in order; null gives none.
func parsePreTokenizer(raw json.RawMessage) ([]preTokenizer, error) {
	kind, err := partType(raw)
	if err != nil || kind == "" {
		return nil, err
	}
	u := unicodeTables()
	one := func(p preTokenizer, err error) ([]preTokenizer, error) { return []preTokenizer{p}, err }
	switch kind {
	case "Sequence":
		var c struct{ PreTokenizers []json.RawMessage }
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, err
		}
		var steps []preTokenizer
		for _, r := range c.PreTokenizers {
			s, err := parsePreTokenizer(r)
			if err != nil {
				return nil, err
			}
			steps = append(steps, s...)
		}
		return steps, nil
	case "BertPreTokenizer":
		return one(bertPreTokenizer{u}, nil)
	case "ByteLevel":
		c := struct {
			AddPrefixSpace bool  `json:"add_prefix_space"`
			UseRegex       *bool `json:"use_regex"`
		}{}
		err := json.Unmarshal(raw, &c)
		return one(newByteLevel(c.AddPrefixSpace, c.UseRegex == nil || *c.UseRegex), err)
	case "CharDelimiterSplit", "Delimiter":
		c := struct{ Delimiter string }{}
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, err
		}
		if utf8.RuneCountInString(c.Delimiter) != 1 {
			return nil, fmt.Errorf("pre-tokenizer CharDelimiterSplit: delimiter %q, want one character", c.Delimiter)
		}
		return one(splitter{literal(c.Delimiter), removed, false}, nil)
	case "Digits":
		c := struct {
			Individual bool `json:"individual_digits"`
		}{}
		err := json.Unmarshal(raw, &c)
		if c.Individual {
			return one(splitter{classPattern{u, isNumeric}, isolated, false}, err)
		}
		return one(splitter{classPattern{u, isNumeric}, contiguous, false}, err)
	case "FixedLength":
		c := struct{ Length *int }{}
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, err
		}
		if c.Length == nil {
			return one(fixedLength{5}, nil)
		}
		if *c.Length < 1 {
			return nil, fmt.Errorf("pre-tokenizer FixedLength: length %d, want 1 or more", *c.Length)
		}
		return one(fixedLength{*c.Length}, nil)
	case "Metaspace":
		return one(parseMetaspace(raw))
	case "Punctuation":
		c := struct{ Behavior behavior }{isolated}
		err := json.Unmarshal(raw, &c)
		return one(splitter{classPattern{u, isPunctuation}, c.Behavior, false}, err)
	case "Split":
		var c struct {
			Pattern  json.RawMessage
			Behavior behavior
			Invert   bool
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, err
		}
		pattern, err := parsePattern(c.Pattern)
		return one(splitter{pattern, c.Behavior, c.Invert}, err)
	case "UnicodeScripts":
		return one(unicodeScripts{u.script()}, nil)
	case "Whitespace":
		return one(splitter{wordPattern{u}, removed, true}, nil)
	case "WhitespaceSplit":
		return one(splitter{classPattern{u, isSpace}, removed, false}, nil)
	}
	return nil, fmt.Errorf("pre-tokenizer of type %q is not known", kind)
}

// bertPreTokenizer drops white space and lets punctuation stand alone.
type bertPreTokenizer struct{ u *unicodeData }

func (b bertPreTokenizer) split(p piece, emit func(piece) error) error {
	start := 0
	for i := 0; i < len(p.text); {
		c, n := b.u.classAt(p.text, i)
		if c&(isSpace|isPunctuation) != 0 {
			if start < i {
				if err := emit(p.slice(start, i)); err != nil {
					return err
				}
			}
			if c&isSpace == 0 {
				if err := emit(p.slice(i, i+n)); err != nil {
					return err
				}
			}
			start = i + n
		}
		i += n
	}
	if start < len(p.text) {
		return emit(p.slice(start, len(p.text)))
	}
	return nil
}

// fixedLength cuts into stretches of n characters.
type fixedLength struct{ n int }

func (f fixedLength) split(p piece, emit func(piece) error) error {
	for start := 0; start < len(p.text); {
		end := start
		for n := 0; n < f.n && end < len(p.text); n++ {
			end = runeEnd(p.text, end)
		}
		if err := emit(p.slice(start, end)); err != nil {
			return err
		}
		start = end
	}
	return nil
}

// unicodeScripts cuts where the script changes, in SentencePiece's manner: Hiragana and Katakana go with Han,
// spaces with anything.
type unicodeScripts struct{ script map[rune]uint8 }

func (s unicodeScripts) split(p piece, emit func(piece) error) error {
	last, start := uint8(0), len(p.text)
	for i, r := range p.text {
		c := s.script[r]
		if c == 0 || c == last {
			continue
		}
		// What comes before the first character with a script is dropped, as in the library.
		if start < i {
			if err := emit(p.slice(start, i)); err != nil {
				return err
			}
		}
		start, last = i, c
	}
	if start < len(p.text) {
		return emit(p.slice(start, len(p.text)))
	}
	return nil
}

// behavior is what a split does with the delimiters it finds.
type behavior int

const (
	removed behavior = iota
	isolated
	mergedWithPrevious
	mergedWithNext
	contiguous
)

var behaviorNames = []string{"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"}

func (b *behavior) UnmarshalJSON(raw []byte) error {
	var name string
	if err := json.Unmarshal(raw, &name); err != nil {
		return err
	}
	i := slices.Index(behaviorNames, name)
	if i < 0 {
		return fmt.Errorf("behavior %q, want one of %q", name, behaviorNames)
	}
	*b = behavior(i)
	return nil
}

// segments is lists of segments to use again.
var segments = sync.Pool{New: func() any { return new([]segment) }}

// splitter cuts by a pattern. With invert, what does not match is the delimiter.
type splitter struct {
	pattern  pattern
	behavior behavior
	invert   bool
}

func (s splitter) split(p piece, emit func(piece) error) error {
	if scan, ok := s.pattern.(scanner); ok && s.behavior == isolated {
		return scan.isolate(p, emit) // all of it matches: invert changes nothing
	}
	buf := segments.Get().(*[]segment)
	defer func() {
		if cap(*buf) <= maxKept {
			segments.Put(buf)
		}
	}()
	matches, err := s.pattern.find(p.text, (*buf)[:0])
	if err != nil {
		return err
	}
	*buf = matches[:0]
	if s.invert {
		for i := range matches {
			matches[i].match = !matches[i].match
		}
	}
	for _, m := range s.behavior.merge(matches) {
		if m.start < m.end {
			if err := emit(p.slice(m.start, m.end)); err != nil {
				return err
			}
		}
	}
	return nil
}

// merge gives, in place, the parts that are kept.
func (b behavior) merge(in []segment) []segment {
	out := in[:0]
	previous := false // whether the part before (after, from the right) matched
	switch b {
	case isolated:
		return in
	case removed:
		for _, m := range in {
			if !m.match {
				out = append(out, m)
			}
		}
	case contiguous:
		for _, m := range in {
			if m.match == previous && len(out) > 0 {
				out[len(out)-1].end = m.end
			} else {
				out = append(out, m)
			}
			previous = m.match
		}
	case mergedWithPrevious:
		for _, m := range in {
			if m.match && !previous && len(out) > 0 {
				out[len(out)-1].end = m.end
			} else {
				out = append(out, m)
			}
			previous = m.match
		}
	case mergedWithNext:
		slices.Reverse(in)
		for _, m := range in {
			if m.match && !previous && len(out) > 0 {
				out[len(out)-1].start = m.start
			} else {
				out = append(out, m)
			}
			previous = m.match
		}
		slices.Reverse(out)
	}
	return out
}
