package tokenizers

import (
	"strings"
	"unicode/utf8"
)

// Span is a half-open range [Start, End) of a text.
type Span struct{ Start, End int }

// Encoding is a text, or a pair of texts, as tokens. All slices have one entry a token.
type Encoding struct {
	IDs     []int32
	TypeIDs []int32 // the template's token type ids
	Tokens  []string
	// Offsets are byte ranges of the token's own text (see Sequence); zero for added special tokens.
	Offsets []Span
	// Special marks the tokens that the template added, not special tokens written in the text.
	Special []bool
	// WordIDs is the index of the word (the pre-token) in the token's own text, -1 for added special tokens.
	WordIDs []int32
	// Sequence is 0 for tokens of the text, 1 for those of the pair, -1 for added special tokens.
	Sequence []int8
	// First is the number, among all tokens of the text and of the pair, of this window's first one.
	First [2]int
	// Overflow is the further windows of a text that was cut, in order.
	Overflow []*Encoding

	texts     [2]string
	prefix    string // of tokens that continue a word, if the model has one
	unknownID int32
}

func newEncoding(n int) *Encoding {
	ints := make([]int32, 3*n)
	return &Encoding{
		IDs: ints[:n:n], TypeIDs: ints[n : 2*n : 2*n], WordIDs: ints[2*n:],
		Tokens: make([]string, n), Offsets: make([]Span, n), Special: make([]bool, n), Sequence: make([]int8, n),
	}
}

// Len is the number of tokens.
func (e *Encoding) Len() int { return len(e.IDs) }

// IsContinuation says whether token i goes on with the word of the token before it, as token classification
// needs it: in a model that marks such tokens (WordPiece's ##) those with the mark, in others those that are
// not preceded by a space, as Hugging Face's pipeline has it. Added special and unknown tokens never do.
func (e *Encoding) IsContinuation(i int) bool {
	if e.Special[i] || e.Sequence[i] < 0 || e.IDs[i] == e.unknownID {
		return false
	}
	if e.prefix != "" {
		return strings.HasPrefix(e.Tokens[i], e.prefix)
	}
	text, s := e.texts[e.Sequence[i]], e.Offsets[i]
	if s.Start == 0 {
		return false
	}
	_, before := utf8.DecodeLastRuneInString(text[:s.Start])
	_, first := utf8.DecodeRuneInString(text[s.Start:])
	return !strings.Contains(text[s.Start-before:s.Start+first], " ")
}

// CodePoints turns byte ranges of text into ranges of Unicode code points, as Hugging Face counts. A byte
// sequence that is not UTF-8 counts as the U+FFFD that it is read as.
func CodePoints(text string, spans []Span) []Span {
	return convertSpans(text, spans, func(rune) int { return 1 })
}

// UTF16 turns byte ranges of text into ranges of UTF-16 code units, as browsers count.
func UTF16(text string, spans []Span) []Span {
	return convertSpans(text, spans, func(r rune) int {
		if r > 0xffff {
			return 2
		}
		return 1
	})
}

// convertSpans counts with a cursor that follows the spans, which are nearly in order.
func convertSpans(text string, spans []Span, width func(rune) int) []Span {
	out := make([]Span, len(spans))
	valid := utf8.ValidString(text)
	at, count := 0, 0
	move := func(to int) int {
		to = min(to, len(text))
		if to <= 0 {
			return 0
		}
		if to < at && (!valid || to < at-to) {
			at, count = 0, 0
		}
		for at < to {
			r, n := decodeLossy(text[at:])
			at += n
			count += width(r)
		}
		for at > to {
			r, n := utf8.DecodeLastRuneInString(text[:at])
			at -= n
			count -= width(r)
		}
		return count
	}
	for i, s := range spans {
		out[i].Start = move(s.Start)
		out[i].End = max(out[i].Start, move(s.End))
	}
	return out
}

// decodeLossy reads the first character of text; what is not UTF-8 is U+FFFD, as long as it could have gone on
// to a character (the maximal subparts of the Unicode standard, as Rust and Python replace).
func decodeLossy(text string) (rune, int) {
	r, n := utf8.DecodeRuneInString(text)
	if r != utf8.RuneError || n != 1 {
		return r, n
	}
	// The bytes that may follow the first one, and how many.
	lo, hi, more := byte(0x80), byte(0xbf), 0
	switch b := text[0]; {
	case b >= 0xc2 && b <= 0xdf:
		more = 1
	case b >= 0xe0 && b <= 0xef:
		more = 2
		switch b {
		case 0xe0:
			lo = 0xa0
		case 0xed:
			hi = 0x9f
		}
	case b >= 0xf0 && b <= 0xf4:
		more = 3
		switch b {
		case 0xf0:
			lo = 0x90
		case 0xf4:
			hi = 0x8f
		}
	}
	for n <= more && n < len(text) && lo <= text[n] && text[n] <= hi {
		n++
		lo, hi = 0x80, 0xbf
	}
	return utf8.RuneError, n
}

// lossy gives text with what is not UTF-8 replaced, and for each byte of the result, and its end, its place in
// the text.
func lossy(text string) (string, []int32) {
	var b strings.Builder
	var places []int32
	for i := 0; i < len(text); {
		r, n := decodeLossy(text[i:])
		for range utf8.RuneLen(r) {
			places = append(places, int32(i))
		}
		b.WriteRune(r)
		i += n
	}
	return b.String(), append(places, int32(len(text)))
}
