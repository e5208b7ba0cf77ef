package tokenizers

import "unicode/utf8"

// scanner is a regular expression known by its text, written out by hand. scan gives the end of the match at
// start; these patterns match something at every place.
type scanner struct {
	u    *unicodeData
	scan func(u *unicodeData, text string, start int) int
}

func (s scanner) find(text string, dst []segment) ([]segment, error) {
	for i := 0; i < len(text); {
		end := s.scan(s.u, text, i)
		dst = append(dst, segment{i, end, true})
		i = end
	}
	return dst, nil
}

// isolate emits each match as a piece.
func (s scanner) isolate(p piece, emit func(piece) error) error {
	for i := 0; i < len(p.text); {
		end := s.scan(s.u, p.text, i)
		part := p.slice(i, end)
		part.raw = p.raw
		if err := emit(part); err != nil {
			return err
		}
		i = end
	}
	return nil
}

// The patterns known by their text.
const (
	patternGPT2   = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	patternCL100K = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	patternQwen   = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

var scanners = map[string]func(*unicodeData, string, int) int{
	patternGPT2:   scanGPT2,
	patternCL100K: func(u *unicodeData, text string, start int) int { return scanCL100K(u, text, start, 3) },
	patternQwen:   func(u *unicodeData, text string, start int) int { return scanCL100K(u, text, start, 1) },
}

// classAt gives the class of the character at i and its length; 0, 0 at the end.
func (u *unicodeData) classAt(text string, i int) (class, int) {
	if i >= len(text) {
		return 0, 0
	}
	if c := text[i]; c < utf8.RuneSelf {
		return u.ascii[c], 1
	}
	r, n := utf8.DecodeRuneInString(text[i:])
	return u.of(r), n
}

// run gives the end of the characters of a class from i on; at most limit of them, if that is not 0.
func (u *unicodeData) run(text string, i int, c class, limit int) int {
	for n := 0; limit == 0 || n < limit; n++ {
		k, size := u.classAt(text, i)
		if k&c == 0 {
			break
		}
		i += size
	}
	return i
}

// runOther gives the end of the characters that are no space, letter or number from i on.
func (u *unicodeData) runOther(text string, i int) int {
	for {
		k, size := u.classAt(text, i)
		if size == 0 || k&(isSpace|isLetter|isNumber) != 0 {
			return i
		}
		i += size
	}
}

// runSpaces is \s+(?!\S)|\s+ : the spaces from i on, less the last one when something else follows, unless it
// is the only one.
func (u *unicodeData) runSpaces(text string, i int) int {
	last, end := i, i
	for {
		k, size := u.classAt(text, end)
		if k&isSpace == 0 {
			break
		}
		last, end = end, end+size
	}
	if end < len(text) && last > i {
		return last
	}
	return end
}

// contraction gives the length of 's 't 're 've 'm 'll 'd at i, or 0. With fold in either case; ſ is an s too.
func contraction(text string, i int, fold bool) int {
	if text[i] != '\'' || i+1 >= len(text) {
		return 0
	}
	lower := func(j int) byte {
		if j >= len(text) {
			return 0
		}
		if c := text[j]; fold && 'A' <= c && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return text[j]
	}
	switch a, b := lower(i+1), lower(i+2); {
	case a == 's' || a == 't' || a == 'm' || a == 'd':
		return 2
	case a == 'r' && b == 'e' || a == 'v' && b == 'e' || a == 'l' && b == 'l':
		return 3
	case fold && a == "ſ"[0] && b == "ſ"[1]:
		return 1 + len("ſ")
	}
	return 0
}

// scanGPT2 is patternGPT2.
func scanGPT2(u *unicodeData, text string, start int) int {
	if n := contraction(text, start, false); n > 0 {
		return start + n
	}
	i := start
	if text[i] == ' ' {
		i++
	}
	k, size := u.classAt(text, i)
	switch {
	case k&isLetter != 0:
		return u.run(text, i+size, isLetter, 0)
	case k&isNumber != 0:
		return u.run(text, i+size, isNumber, 0)
	case size > 0 && k&isSpace == 0:
		return u.runOther(text, i+size)
	}
	return u.runSpaces(text, start)
}

// scanCL100K is patternCL100K and patternQwen, which differ in the digits that go together.
func scanCL100K(u *unicodeData, text string, start, digits int) int {
	if n := contraction(text, start, true); n > 0 {
		return start + n
	}
	k, size := u.classAt(text, start)
	if k&isLetter != 0 {
		return u.run(text, start+size, isLetter, 0)
	}
	if k&isNumber != 0 {
		return u.run(text, start, isNumber, digits)
	}
	newline := text[start] == '\r' || text[start] == '\n'
	if !newline {
		if k2, size2 := u.classAt(text, start+size); k2&isLetter != 0 {
			return u.run(text, start+size+size2, isLetter, 0)
		}
	}
	i := start
	if text[i] == ' ' {
		i++
	}
	if other := u.runOther(text, i); other > i {
		for other < len(text) && (text[other] == '\r' || text[other] == '\n') {
			other++
		}
		return other
	}
	// \s*[\r\n]+ : up to the last line end of the spaces.
	end, lines := start, -1
	for {
		k, size := u.classAt(text, end)
		if k&isSpace == 0 {
			break
		}
		if text[end] == '\r' || text[end] == '\n' {
			lines = end + 1
		}
		end += size
	}
	if lines >= 0 {
		return lines
	}
	return u.runSpaces(text, start)
}
