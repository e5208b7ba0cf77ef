package tokenizers

import (
	"fmt"
	"math"
	"strings"
)

// bpeConfig is what tokenizer.json says about a BPE model beside its vocabulary and merges.
type bpeConfig struct {
	Unknown      *string  `json:"unk_token"`
	Prefix       *string  `json:"continuing_subword_prefix"`
	Suffix       *string  `json:"end_of_word_suffix"`
	FuseUnknown  bool     `json:"fuse_unk"`
	ByteFallback bool     `json:"byte_fallback"`
	IgnoreMerges bool     `json:"ignore_merges"`
	Dropout      *float64 `json:"dropout"`
}

// bpe is byte pair encoding: a word's characters are merged pair by pair, the merge of the lowest rank first.
type bpe struct {
	*vocabulary
	bpeConfig
	prefix, suffix string
	merges         mergeTable
	bytes          [256]int32 // the tokens of the byte alphabet, or -1
	fallback       [256]int32 // the tokens "<0x00>" to "<0xFF>", or -1
	allBytes       bool
	cache          *wordCache
}

func newBPE(v *vocabulary, c bpeConfig) (*bpe, error) {
	if c.Dropout != nil && *c.Dropout != 0 {
		return nil, fmt.Errorf("model BPE: dropout %v is not supported: it makes tokens random", *c.Dropout)
	}
	m := &bpe{vocabulary: v, bpeConfig: c, cache: newWordCache()}
	if c.Prefix != nil {
		m.prefix = *c.Prefix
	}
	if c.Suffix != nil {
		m.suffix = *c.Suffix
	}
	m.allBytes = m.prefix == "" && m.suffix == ""
	for b := range 256 {
		m.bytes[b], m.fallback[b] = -1, -1
		if id, ok := v.tokenToID(string(byteRunes[b])); ok {
			m.bytes[b] = id
		} else {
			m.allBytes = false
		}
		if id, ok := v.tokenToID(fmt.Sprintf("<0x%02X>", b)); ok {
			m.fallback[b] = id
		}
	}
	return m, nil
}

// acceptsRaw is true when every byte has a token of its own to begin with.
func (m *bpe) acceptsRaw() bool { return m.allBytes }

// addMerge adds the merge of the next rank.
func (m *bpe) addMerge(rank int, a, b string) error {
	for _, t := range []string{a, b} {
		if _, ok := m.tokenToID(t); !ok {
			return fmt.Errorf("model BPE: merge %d of %q and %q: %q is no token", rank, a, b, t)
		}
	}
	if len(b) < len(m.prefix) {
		return fmt.Errorf("model BPE: merge %d of %q and %q: the second lacks the prefix %q", rank, a, b, m.prefix)
	}
	left, _ := m.tokenToID(a)
	right, _ := m.tokenToID(b)
	tail := b[len(m.prefix):]
	id, ok := m.lookup(hashString(hashString(hashSeed, a), tail), a, tail)
	if !ok {
		return fmt.Errorf("model BPE: merge %d of %q and %q: %q is no token", rank, a, b, a+tail)
	}
	m.merges.put(left, right, merge{uint32(rank), id})
	return nil
}

func (*bpe) kind() string { return "BPE" }

func (m *bpe) unknownToken() string {
	if m.Unknown == nil {
		return ""
	}
	return *m.Unknown
}

// symbol is a part of a word: a token and the bytes of the word that it counts for.
type symbol struct {
	id  int32
	len int32
}

func (m *bpe) tokenize(dst *tokenList, text string, raw bool) error {
	if text == "" {
		return nil
	}
	if known := m.cache.get(text); known != nil {
		m.addSymbols(dst, known)
		return nil
	}
	symbols, err := m.split(dst, text, raw)
	if err != nil {
		return err
	}
	m.addSymbols(dst, symbols)
	m.cache.put(text, symbols)
	return nil
}

func (m *bpe) addSymbols(dst *tokenList, symbols []symbol) {
	pos := 0
	for _, s := range symbols {
		end := pos + int(s.len)
		dst.add(s.id, m.tokens[s.id], pos, end)
		pos = end
	}
}

// split gives the symbols of a word, merged.
func (m *bpe) split(dst *tokenList, text string, raw bool) ([]symbol, error) {
	s := &dst.scratch.bpe
	s.symbols = s.symbols[:0]
	if m.IgnoreMerges {
		if id, ok := m.wholeWord(text, raw); ok {
			s.symbols = append(s.symbols, symbol{id, int32(len(text))})
			return s.symbols, nil
		}
	}
	if raw {
		for i := range len(text) {
			s.symbols = append(s.symbols, symbol{m.bytes[text[i]], 1})
		}
	} else if err := m.characters(s, text); err != nil {
		return nil, err
	}
	if len(s.symbols) <= shortWord {
		s.mergeShort(&m.merges)
	} else {
		s.mergeLong(&m.merges)
	}
	return s.symbols, nil
}

func (m *bpe) wholeWord(text string, raw bool) (int32, bool) {
	if !raw {
		return m.tokenToID(text)
	}
	if len(text) > m.longest {
		return 0, false
	}
	var b strings.Builder
	for i := range len(text) {
		b.WriteRune(byteRunes[text[i]])
	}
	return m.tokenToID(b.String())
}

// characters gives the tokens of a word's characters; one that has none is spelled in bytes, or unknown, or,
// without an unknown token, left out.
func (m *bpe) characters(s *bpeScratch, text string) error {
	unknown := symbol{-1, 0}
	for i := 0; i < len(text); {
		end := runeEnd(text, i)
		part := text[i:end]
		if i > 0 && m.prefix != "" {
			part = m.prefix + part
		}
		if end == len(text) && m.suffix != "" {
			part += m.suffix
		}
		size := int32(end - i)
		i = end
		if id, ok := m.tokenToID(part); ok {
			if unknown.id >= 0 {
				s.symbols = append(s.symbols, unknown)
				unknown.id = -1
			}
			s.symbols = append(s.symbols, symbol{id, size})
			continue
		}
		if m.ByteFallback && m.spell(s, part) {
			continue
		}
		if m.Unknown == nil {
			continue
		}
		if unknown.id >= 0 && m.FuseUnknown {
			unknown.len += size
			continue
		}
		if unknown.id >= 0 {
			s.symbols = append(s.symbols, unknown)
		}
		id, ok := m.tokenToID(*m.Unknown)
		if !ok {
			return fmt.Errorf("model BPE: %q is no token, and neither is the unknown token %q", part, *m.Unknown)
		}
		unknown = symbol{id, size}
	}
	if unknown.id >= 0 {
		s.symbols = append(s.symbols, unknown)
	}
	return nil
}

// spell adds the tokens of a character's bytes, if all of them are tokens.
func (m *bpe) spell(s *bpeScratch, part string) bool {
	for i := range len(part) {
		if m.fallback[part[i]] < 0 {
			return false
		}
	}
	for i := range len(part) {
		s.symbols = append(s.symbols, symbol{m.fallback[part[i]], 1})
	}
	return true
}

// merge is what two symbols become, and when.
type merge struct {
	rank uint32
	id   int32
}

// noMerge is the rank of what does not merge.
const noMerge = math.MaxUint32

// mergeTable is the merges by pair; open addressing.
type mergeTable struct {
	slots []mergeSlot
	shift uint
	n     int
}

type mergeSlot struct {
	pair uint64 // plus one; 0: free
	merge
}

func (t *mergeTable) grow(capacity int) {
	bits := uint(4)
	for 1<<bits < capacity+capacity/2 {
		bits++
	}
	old := t.slots
	t.slots, t.shift = make([]mergeSlot, 1<<bits), 64-bits
	for _, s := range old {
		if s.pair != 0 {
			*t.find(s.pair) = s
		}
	}
}

// find gives the slot of a pair, or the free one where it would be.
func (t *mergeTable) find(pair uint64) *mergeSlot {
	mask := uint64(len(t.slots) - 1)
	for i := pair * 0x9e3779b97f4a7c15 >> t.shift; ; i = (i + 1) & mask {
		if s := &t.slots[i]; s.pair == pair || s.pair == 0 {
			return s
		}
	}
}

func pairOf(left, right int32) uint64 { return uint64(uint32(left))<<32 | uint64(uint32(right)) + 1 }

func (t *mergeTable) put(left, right int32, m merge) {
	if 3*t.n >= 2*len(t.slots) {
		t.grow(2*t.n + 16)
	}
	s := t.find(pairOf(left, right))
	if s.pair == 0 {
		t.n++
	}
	*s = mergeSlot{pairOf(left, right), m}
}

func (t *mergeTable) get(left, right int32) merge {
	if len(t.slots) == 0 {
		return merge{noMerge, -1}
	}
	if s := t.find(pairOf(left, right)); s.pair != 0 {
		return s.merge
	}
	return merge{noMerge, -1}
}
