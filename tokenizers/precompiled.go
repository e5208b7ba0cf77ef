package tokenizers

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// charsMap is SentencePiece's precompiled_charsmap: a double array (Darts) from byte strings to the places of
// their replacements, which end in a zero byte.
type charsMap struct {
	units        []uint32
	replacements string
}

func newCharsMap(b []byte) (*charsMap, error) {
	if len(b) < 4 {
		return nil, fmt.Errorf("precompiled_charsmap: %d bytes, want 4 or more", len(b))
	}
	size := binary.LittleEndian.Uint32(b)
	b = b[4:]
	if uint64(size) > uint64(len(b)) || size < 4 {
		return nil, fmt.Errorf("precompiled_charsmap: a double array of %d bytes in %d", size, len(b))
	}
	m := &charsMap{units: make([]uint32, size/4)}
	for i := range m.units {
		m.units[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	b = b[size/4*4:]
	if !utf8.Valid(b) {
		return nil, fmt.Errorf("precompiled_charsmap: replacements that are not UTF-8")
	}
	m.replacements = string(b)
	return m, nil
}

// prefixes calls found with the length and the value of each entry that key begins with, shortest first, until
// it returns false.
func (m *charsMap) prefixes(key string, found func(size int, value uint32) bool) {
	offset := func(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }
	pos := offset(m.units[0])
	for i := range len(key) {
		if key[i] == 0 {
			return
		}
		pos ^= uint32(key[i])
		if pos >= uint32(len(m.units)) {
			return
		}
		unit := m.units[pos]
		if unit&(1<<31|0xff) != uint32(key[i]) {
			return
		}
		pos ^= offset(unit)
		if pos >= uint32(len(m.units)) {
			return
		}
		if unit>>8&1 == 1 && !found(i+1, m.units[pos]&(1<<31-1)) {
			return
		}
	}
}

// replacement gives the text at a value's place.
func (m *charsMap) replacement(value uint32) (string, bool) {
	if uint64(value) > uint64(len(m.replacements)) {
		return "", false
	}
	s := m.replacements[value:]
	if end := bytes.IndexByte([]byte(s), 0); end >= 0 {
		s = s[:end]
	}
	return s, true
}

// transform gives the replacement of the shortest entry that chunk begins with: Hugging Face replaces the
// whole chunk by it.
func (m *charsMap) transform(chunk string) (text string, ok bool) {
	m.prefixes(chunk, func(_ int, value uint32) bool {
		text, ok = m.replacement(value)
		return false
	})
	return text, ok
}

// longest gives the replacement of the longest entry that text begins with and its length: SentencePiece's own
// way.
func (m *charsMap) longest(text string) (replacement string, size int) {
	m.prefixes(text, func(n int, value uint32) bool {
		if r, ok := m.replacement(value); ok {
			replacement, size = r, n
		}
		return true
	})
	return replacement, size
}

// precompiled is the normalizer of that name.
type precompiled struct {
	u *unicodeData
	m *charsMap
}

// wholeCluster is the length from which on a grapheme cluster is replaced character by character.
const wholeCluster = 6

func (n precompiled) normalize(p *piece) error {
	var changes []formRune // nil as long as nothing is replaced
	put := func(at int, old, text string) {
		if changes == nil {
			changes = make([]formRune, 0, len(p.text)+8)
			for _, r := range p.text[:at] {
				changes = append(changes, formRune{r: r})
			}
		}
		changes = replaceRunes(changes, old, text)
	}
	for i := 0; i < len(p.text); {
		end := n.u.clusterEnd(p.text, i)
		if end-i < wholeCluster {
			if text, ok := n.m.transform(p.text[i:end]); ok {
				put(i, p.text[i:end], text)
				i = end
				continue
			}
		}
		for i < end {
			next := runeEnd(p.text, i)
			if text, ok := n.m.transform(p.text[i:next]); ok {
				put(i, p.text[i:next], text)
			} else if changes != nil {
				r, _ := utf8.DecodeRuneInString(p.text[i:])
				changes = append(changes, formRune{r: r})
			}
			i = next
		}
	}
	if changes == nil {
		return nil
	}
	w := newRewriter(p)
	for _, c := range changes {
		w.emit(c.r, c.change)
	}
	w.finish()
	return nil
}

// replaceRunes adds text as what the characters of old become: one by one, what is too many is added, what is
// too few is swallowed by the last character so far. At the very start there is none, and what is swallowed is
// forgotten, as in the library: offsets then lag behind.
func replaceRunes(changes []formRune, old, text string) []formRune {
	more := utf8.RuneCountInString(text) - utf8.RuneCountInString(old)
	for _, r := range text {
		changes = append(changes, formRune{r: r})
	}
	for i := len(changes) - more; i < len(changes); i++ {
		changes[i].change = 1
	}
	if more < 0 && len(changes) > 0 {
		changes[len(changes)-1].change += more
	}
	return changes
}

// clusterEnd gives the end of the grapheme cluster at i, exactly for clusters shorter than wholeCluster bytes:
// Hangul, flags and conjuncts, which are longer, need no rule of their own.
func (u *unicodeData) clusterEnd(text string, i int) int {
	k, n := u.classAt(text, i)
	end := i + n
	if k&standsAlone != 0 {
		if text[i] == '\r' && end < len(text) && text[end] == '\n' {
			end++
		}
		return end
	}
	pictograph, joined, before := k&isPictograph != 0, false, k&prepends != 0
	for end < len(text) {
		next, n := u.classAt(text, end)
		switch {
		case next&standsAlone != 0:
			return end
		case next&extends != 0:
			joined = text[end:end+n] == "\u200d"
		case before, pictograph && joined && next&isPictograph != 0:
			joined, pictograph = false, next&isPictograph != 0
		default:
			return end
		}
		before = next&prepends != 0
		end += n
	}
	return end
}
