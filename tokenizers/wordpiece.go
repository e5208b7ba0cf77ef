package tokenizers

import (
	"fmt"
	"unicode/utf8"
)

// wordPiece is BERT's model: the longest token first, from the left; a word that cannot be split so, or that is
// too long, is one unknown token.
type wordPiece struct {
	*vocabulary
	unknown  string
	prefix   string // of tokens that continue a word
	maxChars int    // of a word
	seed     uint64 // the prefix's hash
}

func newWordPiece(v *vocabulary, unknown, prefix string, maxChars int) *wordPiece {
	return &wordPiece{v, unknown, prefix, maxChars, hashString(hashSeed, prefix)}
}

func (*wordPiece) kind() string { return "WordPiece" }

func (m *wordPiece) unknownToken() string { return m.unknown }

// prefixHash is the hash of a word's first bytes, up to the end of a character.
type prefixHash struct {
	end  int
	hash uint64
}

func (m *wordPiece) tokenize(dst *tokenList, text string, _ bool) error {
	if len(text) > m.maxChars && utf8.RuneCountInString(text) > m.maxChars {
		return m.addUnknown(dst, text)
	}
	// Most words are tokens.
	if id, ok := m.lookup(hashString(hashSeed, text), "", text); ok {
		dst.add(id, m.tokens[id], 0, len(text))
		return nil
	}
	n := len(dst.ids)
	for start := 0; start < len(text); {
		h, prefix := hashSeed, ""
		if start > 0 {
			h, prefix = m.seed, m.prefix
		}
		longest := m.longest - len(prefix)
		ends := dst.scratch.ends[:0]
		for end := start; end < len(text) && end-start <= longest; {
			h = (h ^ uint64(text[end])) * hashPrime
			end++
			if end == len(text) || utf8.RuneStart(text[end]) {
				ends = append(ends, prefixHash{end, h})
			}
		}
		dst.scratch.ends = ends
		next := -1
		for i := len(ends) - 1; i >= 0; i-- {
			if id, ok := m.lookup(ends[i].hash, prefix, text[start:ends[i].end]); ok {
				next = ends[i].end
				dst.add(id, m.tokens[id], start, next)
				break
			}
		}
		if next < 0 {
			dst.cut(n)
			return m.addUnknown(dst, text)
		}
		start = next
	}
	return nil
}

func (m *wordPiece) addUnknown(dst *tokenList, text string) error {
	id, ok := m.tokenToID(m.unknown)
	if !ok {
		return fmt.Errorf("model WordPiece: %q is no token, and neither is the unknown token %q", text, m.unknown)
	}
	dst.add(id, m.unknown, 0, len(text))
	return nil
}

// wordLevel has one token for each word.
type wordLevel struct {
	*vocabulary
	unknown string
}

func (*wordLevel) kind() string { return "WordLevel" }

func (m *wordLevel) unknownToken() string { return m.unknown }

func (m *wordLevel) tokenize(dst *tokenList, text string, _ bool) error {
	token := text
	id, ok := m.tokenToID(text)
	if !ok {
		if id, ok = m.tokenToID(m.unknown); !ok {
			return fmt.Errorf("model WordLevel: %q is no token, and neither is the unknown token %q", text, m.unknown)
		}
		token = m.unknown
	}
	dst.add(id, token, 0, len(text))
	return nil
}

// cut drops the tokens from n on.
func (l *tokenList) cut(n int) {
	l.ids, l.tokens, l.offsets = l.ids[:n], l.tokens[:n], l.offsets[:n]
}

// wordScratch is what models need while they split a word.
type wordScratch struct {
	ends []prefixHash
	bpe  bpeScratch
	best []bestPath
}
