package tokenizers

import (
	"encoding/binary"
	"sync"
	"unicode/utf8"
)

// class is a set of properties of a code point.
type class uint32

const (
	isLetter      class = 1 << iota // \p{L} of the regular expressions
	isNumber                        // \p{N} of the regular expressions
	isSpace                         // white space, and \s of the regular expressions
	isPunctuation                   // of BertPreTokenizer and Punctuation
	isNumeric                       // of Digits
	isWord                          // \w of Whitespace and of single_word
	isCleaned                       // removed by clean_text
	isChinese                       // spaced by handle_chinese_chars
	isNonspacing                    // removed by BertNormalizer's strip_accents
	isCombining                     // removed by StripAccents
	hasLower                        // has another lower case
	hasNFD                          // decomposes canonically
	hasNFKD                         // has another compatibility decomposition
	hasCCC                          // has a combining class above 0
	unstableNFC                     // NFC may change it, or what lies before it
	extends                         // joins the grapheme cluster before it
	prepends                        // is joined by the next code point
	standsAlone                     // a control of grapheme clusters
	isPictograph                    // joined by a zero width joiner
)

const (
	blockBits = 7
	blockMask = 1<<blockBits - 1
)

// unicodeData is the tables of unicode_tables.go, unpacked.
type unicodeData struct {
	index  [(utf8.MaxRune + 1) >> blockBits]*[1 << blockBits]class
	ascii  [utf8.RuneSelf]class
	lower  map[rune]string
	nfd    map[rune]string
	nfkd   map[rune]string
	ccc    map[rune]uint8 // the rank of the combining class, from 1
	pairs  map[[2]rune]rune
	script func() map[rune]uint8
}

// unicodeTables unpacks the tables on first use: a few milliseconds, once.
var unicodeTables = sync.OnceValue(newUnicodeData)

// of gives the properties of a code point.
func (u *unicodeData) of(r rune) class {
	if uint32(r) < utf8.RuneSelf {
		return u.ascii[r]
	}
	if uint32(r) > utf8.MaxRune {
		return 0
	}
	return u.index[r>>blockBits][r&blockMask]
}

func (u *unicodeData) is(r rune, c class) bool { return u.of(r)&c != 0 }

// unpacker reads the varints of a packed table.
type unpacker struct {
	data string
	next rune // the code point after the last range
}

func (p *unpacker) more() bool { return len(p.data) > 0 }

func (p *unpacker) number() int {
	var buf [binary.MaxVarintLen32]byte
	n := copy(buf[:], p.data)
	v, size := binary.Uvarint(buf[:n])
	p.data = p.data[size:]
	return int(v)
}

// span reads a range of code points, both ends included.
func (p *unpacker) span() (first, last rune) {
	first = p.next + rune(p.number())
	last = first + rune(p.number())
	p.next = last + 1
	return first, last
}

// mapping reads a code point and its text.
func (p *unpacker) mapping() (rune, string) {
	r := p.next + rune(p.number())
	n := p.number()
	text := p.data[:n]
	p.data, p.next = p.data[n:], r+1
	return r, text
}

// tableBuilder fills the two-level table; blocks without properties share one.
type tableBuilder struct {
	u     *unicodeData
	empty *[1 << blockBits]class
}

func (b *tableBuilder) set(first, last rune, c class) {
	for r := first; r <= last; r++ {
		block := &b.u.index[r>>blockBits]
		if *block == b.empty {
			*block = new([1 << blockBits]class)
		}
		(*block)[r&blockMask] |= c
	}
}

func (b *tableBuilder) ranges(packed string, c class) {
	for p := (unpacker{data: packed}); p.more(); {
		first, last := p.span()
		b.set(first, last, c)
	}
}

func (b *tableBuilder) mappings(packed string, c class) map[rune]string {
	m := map[rune]string{}
	for p := (unpacker{data: packed}); p.more(); {
		r, text := p.mapping()
		m[r] = text
		b.set(r, r, c)
	}
	return m
}

// share lets equal blocks be one: whole planes have the same properties.
func (b *tableBuilder) share() {
	seen := map[[1 << blockBits]class]*[1 << blockBits]class{}
	for i, block := range b.u.index {
		if block == b.empty {
			continue
		}
		if same, ok := seen[*block]; ok {
			b.u.index[i] = same
		} else {
			seen[*block] = block
		}
	}
}

func newUnicodeData() *unicodeData {
	u := &unicodeData{ccc: map[rune]uint8{}, pairs: map[[2]rune]rune{}}
	b := tableBuilder{u: u, empty: new([1 << blockBits]class)}
	for i := range u.index {
		u.index[i] = b.empty
	}
	for p := (unpacker{data: packedCategory}); p.more(); {
		first, last := p.span()
		switch categoryNames[p.number()][0] {
		case 'L':
			b.set(first, last, isLetter)
		case 'N':
			b.set(first, last, isNumber)
		}
	}
	b.ranges(packedSpace, isSpace)
	b.ranges(packedPunctuation, isPunctuation)
	b.ranges(packedNumeric, isNumeric)
	b.ranges(packedWord, isWord)
	b.ranges(packedCleaned, isCleaned)
	b.ranges(packedChinese, isChinese)
	b.ranges(packedNonspacingMark, isNonspacing)
	b.ranges(packedCombiningMark, isCombining)
	b.ranges(packedGraphemeExtend, extends)
	b.ranges(packedGraphemePrepend, prepends)
	b.ranges(packedGraphemeControl, standsAlone)
	b.ranges(packedPictographic, isPictograph)
	u.lower = b.mappings(packedLower, hasLower)
	u.nfd = b.mappings(packedNFD, hasNFD)
	u.nfkd = b.mappings(packedNFKD, hasNFKD)
	for p := (unpacker{data: packedCombiningClass}); p.more(); {
		first, last := p.span()
		rank := uint8(p.number() + 1)
		for r := first; r <= last; r++ {
			u.ccc[r] = rank
		}
		b.set(first, last, hasCCC|unstableNFC)
	}
	composed := map[rune]bool{}
	for p := (unpacker{data: packedCompose}); p.more(); {
		first, second, whole := rune(p.number()), rune(p.number()), rune(p.number())
		u.pairs[[2]rune{first, second}] = whole
		composed[whole] = true
		b.set(second, second, unstableNFC)
	}
	for r := range u.nfd {
		if !composed[r] {
			b.set(r, r, unstableNFC)
		}
	}
	b.set(jamoV, jamoV+jamoVCount-1, unstableNFC)
	b.set(jamoT, jamoT+jamoTCount-1, unstableNFC)
	b.set(0, 0, isCleaned|standsAlone)
	b.share()
	for r := range u.ascii {
		u.ascii[r] = u.index[r>>blockBits][r&blockMask]
	}
	u.script = sync.OnceValue(unpackScripts)
	return u
}

// unpackScripts gives the number of each code point's script for UnicodeScripts; 0 goes with any other.
func unpackScripts() map[rune]uint8 {
	m := map[rune]uint8{0: 1}
	for p := (unpacker{data: packedScripts}); p.more(); {
		first, last := p.span()
		tag := uint8(p.number())
		for r := first; r <= last; r++ {
			if tag != 0 {
				m[r] = tag
			}
		}
	}
	return m
}
