package tokenizers

import "strings"

// byteRunes is GPT-2's byte alphabet: a printable character for each byte; byteOf is its inverse. Characters
// of the alphabet lie below alphabetEnd.
var byteRunes, byteOf = byteAlphabet()

const alphabetEnd = 0x144

func byteAlphabet() (runes [256]rune, of [alphabetEnd]int16) {
	for i := range of {
		of[i] = -1
	}
	next := rune(256)
	for b := range rune(256) {
		r := b
		if !(b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae) {
			r = next
			next++
		}
		runes[b], of[r] = r, int16(b)
	}
	return runes, of
}

// fromByteAlphabet gives the bytes that a token's characters stand for; false when one is not of the alphabet.
func fromByteAlphabet(dst []byte, token string) ([]byte, bool) {
	n := len(dst)
	for _, r := range token {
		if r >= alphabetEnd || byteOf[r] < 0 {
			return dst[:n], false
		}
		dst = append(dst, byte(byteOf[r]))
	}
	return dst, true
}

// byteLevel is GPT-2's pre-tokenizer: it cuts by a pattern and has the bytes of each word stand for characters
// of the byte alphabet. Pieces it makes are raw: the characters are not written out.
type byteLevel struct {
	addPrefixSpace bool
	pattern        pattern // nil: words as they are
}

func newByteLevel(addPrefixSpace, useRegex bool) byteLevel {
	b := byteLevel{addPrefixSpace: addPrefixSpace}
	if useRegex {
		b.pattern = scanner{unicodeTables(), scanGPT2}
	}
	return b
}

func (b byteLevel) split(dst []piece, p piece) ([]piece, error) {
	if b.addPrefixSpace && !strings.HasPrefix(p.text, " ") {
		longer := p
		prependText(&longer, " ")
		p = longer
	}
	if b.pattern == nil {
		p.raw = true
		return append(dst, p), nil
	}
	n := len(dst)
	dst, err := splitter{b.pattern, isolated, false}.split(dst, p)
	for i := n; i < len(dst); i++ {
		dst[i].raw = true
	}
	return dst, err
}

// spellOut writes a raw piece's bytes as characters of the byte alphabet.
func (p *piece) spellOut() {
	if p.raw {
		_ = byteLevelNormalizer{}.normalize(p) // never fails
		p.raw = false
	}
}
