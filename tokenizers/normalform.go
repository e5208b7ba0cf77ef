package tokenizers

import (
	"slices"
	"unicode/utf8"
)

// Hangul syllables compose and decompose by rule (Unicode Standard, section 3.12).
const (
	hangulS      = 0xac00
	jamoL        = 0x1100
	jamoV        = 0x1161
	jamoT        = 0x11a7
	jamoLCount   = 19
	jamoVCount   = 21
	jamoTCount   = 28
	hangulSCount = jamoLCount * jamoVCount * jamoTCount
)

// form is one of the Unicode normalization forms NFC, NFD, NFKC and NFKD.
type form struct{ compatible, compose bool }

// formRune is a code point of a normal form and what became of the source: 0 it stands for the next code
// point, 1 it was added, -n it stands for the next one and the n after that.
type formRune struct {
	r      rune
	change int
	ccc    uint8
}

// unstable gives the classes of characters that the form may change, or that may change what lies before them.
func (f form) unstable() class {
	mask := hasNFD | hasCCC
	if f.compose {
		mask = unstableNFC
	}
	if f.compatible {
		mask |= hasNFKD
	}
	return mask
}

// next gives the next stretch of text from i on that has to be worked on: unstable characters, for a composing
// form with the one before them, no further back than i. start is len(text) when there is none.
func (f form) next(u *unicodeData, text string, i int) (start, end int) {
	mask, before := f.unstable(), i
	isUnstable := func(at int) (bool, int) {
		if text[at] < utf8.RuneSelf {
			return false, 1
		}
		r, n := utf8.DecodeRuneInString(text[at:])
		return u.is(r, mask) || !f.compose && r >= hangulS && r < hangulS+hangulSCount, n
	}
	for at := i; at < len(text); {
		is, n := isUnstable(at)
		if !is {
			before = at
			at += n
			continue
		}
		start, end = at, at+n
		if f.compose {
			start = before
		}
		for end < len(text) {
			is, n := isUnstable(end)
			if !is {
				break
			}
			end += n
		}
		return start, end
	}
	return len(text), len(text)
}

// apply appends the text's normal form with the changes, in the manner of the library's iterators: the marks
// between two starters are sorted by class with the changes they came with, then composed.
func (f form) apply(u *unicodeData, out []formRune, text string) []formRune {
	pending := 0 // where the marks that are not sorted yet begin
	push := func(r rune, first bool) {
		c := formRune{r: r, change: 1}
		if first {
			c.change = 0
		}
		if u.is(r, hasCCC) {
			c.ccc = u.ccc[r]
		} else {
			sortMarks(out[pending:])
			pending = len(out) + 1
		}
		out = append(out, c)
	}
	for _, r := range text {
		u.decompose(r, f.compatible, push)
	}
	sortMarks(out[min(pending, len(out)):])
	if f.compose {
		out = u.compose(out)
	}
	return out
}

func sortMarks(marks []formRune) {
	if len(marks) > 1 {
		slices.SortStableFunc(marks, func(a, b formRune) int { return int(a.ccc) - int(b.ccc) })
	}
}

// decompose gives the code points of r's full decomposition.
func (u *unicodeData) decompose(r rune, compatible bool, push func(r rune, first bool)) {
	if r < utf8.RuneSelf {
		push(r, true)
		return
	}
	if s := r - hangulS; s >= 0 && s < hangulSCount {
		push(jamoL+s/(jamoVCount*jamoTCount), true)
		push(jamoV+s%(jamoVCount*jamoTCount)/jamoTCount, false)
		if t := s % jamoTCount; t > 0 {
			push(jamoT+t, false)
		}
		return
	}
	text, ok := "", false
	if compatible {
		text, ok = u.nfkd[r]
	}
	if !ok {
		text, ok = u.nfd[r]
	}
	if !ok {
		push(r, true)
		return
	}
	for i, d := range text {
		push(d, i == 0)
	}
}

// compose joins what composes, in place. A code point composed of several keeps the changes' sum, so that it
// stands for the first and removes the rest.
func (u *unicodeData) compose(in []formRune) []formRune {
	out := in[:0]
	starter := -1 // the place in out of the starter that marks may compose with
	last := -1    // the class of the last mark kept after it; -1: none
	for _, c := range in {
		if starter >= 0 && (last < 0 || last < int(c.ccc)) {
			if whole, ok := u.composePair(out[starter].r, c.r); ok {
				out[starter].r = whole
				out[starter].change += c.change - 1
				continue
			}
		}
		if c.ccc == 0 {
			starter, last = len(out), -1
		} else if starter >= 0 {
			last = int(c.ccc)
		}
		out = append(out, c)
	}
	return out
}

func (u *unicodeData) composePair(a, b rune) (rune, bool) {
	if l, v := a-jamoL, b-jamoV; l >= 0 && l < jamoLCount && v >= 0 && v < jamoVCount {
		return hangulS + (l*jamoVCount+v)*jamoTCount, true
	}
	if s, t := a-hangulS, b-jamoT; s >= 0 && s < hangulSCount && s%jamoTCount == 0 && t > 0 && t < jamoTCount {
		return a + t, true
	}
	whole, ok := u.pairs[[2]rune{a, b}]
	return whole, ok
}
