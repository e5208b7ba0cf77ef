package tokenizers

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// normalizer rewrites a piece in place.
type normalizer interface {
	normalize(p *piece) error
}

// parseNormalizer reads the "normalizer" of tokenizer.json; null gives nil.
func parseNormalizer(raw json.RawMessage) (normalizer, error) {
	kind, err := partType(raw)
	if err != nil || kind == "" {
		return nil, err
	}
	u := unicodeTables()
	switch kind {
	case "BertNormalizer", "Bert":
		return parseBertNormalizer(raw)
	case "Sequence":
		var c struct{ Normalizers []json.RawMessage }
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, err
		}
		var s normalizerSequence
		for _, r := range c.Normalizers {
			n, err := parseNormalizer(r)
			if err != nil {
				return nil, err
			}
			if n != nil {
				s = append(s, n)
			}
		}
		return s, nil
	case "NFC":
		return formNormalizer{u, form{compose: true}}, nil
	case "NFD":
		return formNormalizer{u, form{}}, nil
	case "NFKC":
		return formNormalizer{u, form{compatible: true, compose: true}}, nil
	case "NFKD":
		return formNormalizer{u, form{compatible: true}}, nil
	case "Lowercase":
		return lowercase{u}, nil
	case "StripAccents":
		return filter{u, isCombining}, nil
	case "Nmt":
		return nmt{}, nil
	case "ByteLevel":
		return byteLevelNormalizer{}, nil
	case "Strip":
		c := struct {
			Left  bool `json:"strip_left"`
			Right bool `json:"strip_right"`
		}{}
		err := json.Unmarshal(raw, &c)
		return strip{u, c.Left, c.Right}, err
	case "Prepend":
		var c struct{ Prepend string }
		err := json.Unmarshal(raw, &c)
		return prepend{c.Prepend}, err
	case "Replace":
		var c struct {
			Pattern json.RawMessage
			Content string
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, err
		}
		pattern, err := parsePattern(c.Pattern)
		return replace{pattern, c.Content}, err
	case "Precompiled":
		var c struct {
			Map []byte `json:"precompiled_charsmap"`
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, err
		}
		m, err := newCharsMap(c.Map)
		return precompiled{u, m}, err
	}
	return nil, fmt.Errorf("normalizer of type %q is not known", kind)
}

// partType gives the "type" of a part of tokenizer.json, "" for null.
func partType(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	var c struct{ Type *string }
	if err := json.Unmarshal(raw, &c); err != nil {
		return "", err
	}
	if c.Type == nil || *c.Type == "" {
		return "", fmt.Errorf("part has no type: %.60s", raw)
	}
	return *c.Type, nil
}

type normalizerSequence []normalizer

func (s normalizerSequence) normalize(p *piece) error {
	for _, n := range s {
		if err := n.normalize(p); err != nil {
			return err
		}
	}
	return nil
}

// formNormalizer is NFC, NFD, NFKC or NFKD.
type formNormalizer struct {
	u *unicodeData
	form
}

func (n formNormalizer) normalize(p *piece) error {
	start, end := n.next(n.u, p.text, 0)
	if start == len(p.text) {
		return nil
	}
	w := newRewriter(p)
	var buf []formRune
	for start < len(p.text) {
		w.copy(start)
		buf = n.apply(n.u, buf[:0], p.text[start:end])
		for _, c := range buf {
			w.emit(c.r, c.change)
		}
		start, end = n.next(n.u, p.text, end)
	}
	w.copy(len(p.text))
	w.finish()
	return nil
}

// lowercase is Unicode lower case of each character by itself: no final sigma.
type lowercase struct{ u *unicodeData }

func (n lowercase) normalize(p *piece) error {
	const ascii, other = 1, 2
	need := 0
	for i := 0; i < len(p.text) && need < other; i++ {
		if c := p.text[i]; c >= utf8.RuneSelf {
			need = other
		} else if 'A' <= c && c <= 'Z' {
			need = ascii
		}
	}
	if need == ascii { // each byte stays in its place, and so the alignment
		p.text = strings.ToLower(p.text)
	}
	if need < other {
		return nil
	}
	var w *rewriter
	for i, r := range p.text {
		if n.u.is(r, hasLower) {
			if w == nil {
				w = newRewriter(p)
			}
			w.copy(i)
			change := 0
			for _, l := range n.u.lower[r] {
				w.emit(l, change)
				change = 1
			}
		}
	}
	if w != nil {
		w.copy(len(p.text))
		w.finish()
	}
	return nil
}

// filter removes the characters of a class.
type filter struct {
	u    *unicodeData
	drop class
}

func (n filter) normalize(p *piece) error {
	removeRunes(p, func(r rune) bool { return n.u.is(r, n.drop) })
	return nil
}

// removeRunes takes characters out of a piece.
func removeRunes(p *piece, drop func(rune) bool) {
	if strings.IndexFunc(p.text, drop) < 0 {
		return
	}
	w := newRewriter(p)
	for i, r := range p.text {
		if drop(r) {
			w.copy(i)
			w.pos = runeEnd(p.text, i)
		}
	}
	w.copy(len(p.text))
	w.finish()
}

// nmt is the cleaning of SentencePiece's nmt rules.
type nmt struct{}

func (nmt) normalize(p *piece) error {
	removeRunes(p, func(r rune) bool {
		return r >= 0x01 && r <= 0x08 || r == 0x0b || r >= 0x0e && r <= 0x1f || r == 0x7f || r == 0x8f || r == 0x9f
	})
	toSpace := func(r rune) bool {
		switch {
		case r == '\t', r == '\n', r == '\f', r == '\r', r == 0x1680, r >= 0x200b && r <= 0x200f,
			r == 0x2028, r == 0x2029, r == 0x2581, r == 0xfeff, r == 0xfffd:
			return true
		}
		return false
	}
	if strings.IndexFunc(p.text, toSpace) < 0 {
		return nil
	}
	w := newRewriter(p)
	for i, r := range p.text {
		if toSpace(r) {
			w.copy(i)
			w.emit(' ', 0)
		}
	}
	w.copy(len(p.text))
	w.finish()
	return nil
}

// strip removes white space at the ends.
type strip struct {
	u           *unicodeData
	left, right bool
}

func (n strip) normalize(p *piece) error {
	start, end := 0, len(p.text)
	for n.left && start < end {
		r, size := utf8.DecodeRuneInString(p.text[start:])
		if !n.u.is(r, isSpace) {
			break
		}
		start += size
	}
	for n.right && end > start {
		r, size := utf8.DecodeLastRuneInString(p.text[:end])
		if !n.u.is(r, isSpace) {
			break
		}
		end -= size
	}
	if start > 0 || end < len(p.text) {
		w := newRewriter(p)
		w.pos = start
		w.copy(end)
		w.finish()
	}
	return nil
}

// prepend puts a text before one that is not empty.
type prepend struct{ text string }

func (n prepend) normalize(p *piece) error {
	prependText(p, n.text)
	return nil
}

// prependText writes text in front of p's: what is added stands for p's first character, as it does itself.
func prependText(p *piece, text string) {
	if p.text == "" {
		return
	}
	w := newRewriter(p)
	change := 0
	for _, r := range text {
		w.emit(r, change)
		change = 1
	}
	first, size := utf8.DecodeRuneInString(p.text)
	w.emit(first, 1)
	w.pos = size
	w.copy(len(p.text))
	w.finish()
}

// replace puts content where the pattern matches; it stands for the last character it replaces.
type replace struct {
	pattern pattern
	content string
}

func (n replace) normalize(p *piece) error {
	if p.text == "" {
		return nil
	}
	matches, err := n.pattern.find(p.text, nil)
	if err != nil {
		return err
	}
	var w *rewriter
	for _, m := range matches {
		if !m.match {
			continue
		}
		if w == nil {
			w = newRewriter(p)
		}
		w.copy(m.start)
		w.pos = m.end
		for _, r := range n.content {
			w.emit(r, 1)
		}
	}
	if w != nil {
		w.copy(len(p.text))
		w.finish()
	}
	return nil
}

// byteLevelNormalizer writes each byte as a character of the byte alphabet.
type byteLevelNormalizer struct{}

func (byteLevelNormalizer) normalize(p *piece) error {
	if p.text == "" {
		return nil
	}
	w := newRewriter(p)
	for i := 0; i < len(p.text); {
		end := runeEnd(p.text, i)
		for change := 0; i < end; i++ {
			w.emit(byteRunes[p.text[i]], change)
			change = 1
		}
	}
	w.finish()
	return nil
}
