package tokenizers

import "unicode/utf8"

// span32 is a half-open range of bytes of the original text.
type span32 struct{ start, end int32 }

// piece is a stretch of text on its way to tokens, and where it comes from.
type piece struct {
	text string
	// align has for each byte of text the range of the original that it stands for, and is nil where text is
	// the original's own from byte base on (then a byte stands for its whole character).
	align []span32
	base  int32 // where the piece begins in the original
	id    int32 // the added token that the piece is, or -1
	raw   bool  // ByteLevel: each byte of text stands for a character of the byte alphabet
}

// runeStart and runeEnd give the bounds of the character that holds byte i.
func runeStart(text string, i int) int {
	for i > 0 && !utf8.RuneStart(text[i]) {
		i--
	}
	return i
}

func runeEnd(text string, i int) int {
	for i++; i < len(text) && !utf8.RuneStart(text[i]); i++ {
	}
	return i
}

// at gives the original range of byte i of the text.
func (p *piece) at(i int) span32 {
	if p.align != nil {
		return p.align[i]
	}
	return span32{p.base + int32(runeStart(p.text, i)), p.base + int32(runeEnd(p.text, i))}
}

// origin gives the original range of the bytes [start, end) of the text: from the start of what the first
// stands for to the end of what the last stands for.
func (p *piece) origin(start, end int) span32 {
	if start >= end || end > len(p.text) {
		return span32{p.base + int32(start), p.base + int32(end)}
	}
	if p.align != nil {
		return span32{p.align[start].start, p.align[end-1].end}
	}
	for start > 0 && !utf8.RuneStart(p.text[start]) {
		start--
	}
	for end < len(p.text) && !utf8.RuneStart(p.text[end]) {
		end++
	}
	return span32{p.base + int32(start), p.base + int32(end)}
}

// slice gives the part [start, end) of the piece; both are ends of characters.
func (p *piece) slice(start, end int) piece {
	s := piece{text: p.text[start:end], id: -1, base: p.base + int32(start)}
	if p.align != nil {
		s.align = p.align[start:end]
		s.base = p.base
		if start < end {
			s.base = s.align[0].start
		}
	}
	return s
}

// rewriter writes a piece's new text with its alignment, the way Hugging Face's NormalizedString counts: each
// character written either stands for the next one of the old text (and may swallow more), or is added and
// takes the range of the one before the current place.
type rewriter struct {
	old   *piece
	pos   int
	text  []byte
	align []span32
}

func newRewriter(p *piece) *rewriter {
	n := len(p.text) + len(p.text)/4 + 8
	return &rewriter{old: p, text: make([]byte, 0, n), align: make([]span32, 0, n)}
}

// skip moves past n characters of the old text.
func (w *rewriter) skip(n int) {
	for ; n > 0 && w.pos < len(w.old.text); n-- {
		w.pos = runeEnd(w.old.text, w.pos)
	}
}

// emit writes r: change 0 for the next character, -n for the next one and n after it, 1 added.
func (w *rewriter) emit(r rune, change int) {
	var a span32
	switch {
	case len(w.old.text) == 0 || (change > 0 && w.pos == 0):
		a = span32{w.old.base, w.old.base}
	case change > 0 || w.pos >= len(w.old.text):
		a = w.old.at(w.pos - 1)
	default:
		a = w.old.at(w.pos)
	}
	if change <= 0 {
		w.skip(1 - change)
	}
	n := len(w.text)
	w.text = utf8.AppendRune(w.text, r)
	for ; n < len(w.text); n++ {
		w.align = append(w.align, a)
	}
}

// copy keeps the old text's bytes [w.pos, end) as they are.
func (w *rewriter) copy(end int) {
	if w.old.align != nil {
		w.align = append(w.align, w.old.align[w.pos:end]...)
	} else {
		for i := w.pos; i < end; {
			next := runeEnd(w.old.text, i)
			a := span32{w.old.base + int32(i), w.old.base + int32(next)}
			for ; i < next; i++ {
				w.align = append(w.align, a)
			}
		}
	}
	w.text = append(w.text, w.old.text[w.pos:end]...)
	w.pos = end
}

// finish makes the written text the piece's.
func (w *rewriter) finish() {
	w.old.text, w.old.align = string(w.text), w.align
}
