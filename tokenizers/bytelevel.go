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
	useRegex       bool
	words          scanner
}

func newByteLevel(addPrefixSpace, useRegex bool) byteLevel {
	return byteLevel{addPrefixSpace, useRegex, scanner{unicodeTables(), scanGPT2}}
}

func (b byteLevel) split(p piece, emit func(piece) error) error {
	if b.addPrefixSpace && !strings.HasPrefix(p.text, " ") {
		longer := p
		prependText(&longer, " ")
		p = longer
	}
	p.raw = true
	if !b.useRegex {
		return emit(p)
	}
	return b.words.isolate(p, emit)
}

// spelledOut gives a raw piece with its bytes written as characters of the byte alphabet.
func spelledOut(p piece) piece {
	_ = byteLevelNormalizer{}.normalize(&p) // never fails
	p.raw = false
	return p
}
