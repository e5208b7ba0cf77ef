package tokenizers

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonScanner walks through a JSON text once. It is for vocabularies and merges, of which there are hundreds of
// thousands; small parts go through encoding/json.
type jsonScanner struct {
	data []byte
	pos  int
	buf  []byte // of the last string that had escapes
}

// maxJSONDepth bounds nesting, as encoding/json does.
const maxJSONDepth = 1000

func (s *jsonScanner) fail(want string) error {
	got := "the end"
	if s.pos < len(s.data) {
		got = strconv.Quote(string(s.data[s.pos:min(s.pos+10, len(s.data))]))
	}
	return fmt.Errorf("byte %d: got %s, want %s", s.pos, got, want)
}

// peek gives the next byte that is no white space, 0 at the end.
func (s *jsonScanner) peek() byte {
	for ; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

func (s *jsonScanner) expect(c byte) error {
	if s.peek() != c {
		return s.fail(strconv.QuoteRune(rune(c)))
	}
	s.pos++
	return nil
}

// object calls field for each key with the scanner before the value, which field must read.
func (s *jsonScanner) object(field func(key []byte) error) error {
	return s.list('{', '}', func() error {
		key, err := s.str()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		return field(key)
	})
}

// array calls item for each value with the scanner before it; item must read it.
func (s *jsonScanner) array(item func() error) error { return s.list('[', ']', item) }

func (s *jsonScanner) list(open, end byte, item func() error) error {
	if err := s.expect(open); err != nil {
		return err
	}
	if s.peek() == end {
		s.pos++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.pos++
		case end:
			s.pos++
			return nil
		default:
			return s.fail("a comma or " + strconv.QuoteRune(rune(end)))
		}
	}
}

// str reads a string. The result holds until the next string.
func (s *jsonScanner) str() ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.fail("a string")
	}
	s.pos++
	start := s.pos
	for ; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return s.data[start : s.pos-1], nil
		case c == '\\':
			return s.escaped(start)
		case c < ' ':
			return nil, s.fail("a string without control characters")
		}
	}
	return nil, s.fail("the end of a string")
}

// escaped reads the rest of a string from its first escape on.
func (s *jsonScanner) escaped(start int) ([]byte, error) {
	s.buf = append(s.buf[:0], s.data[start:s.pos]...)
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		if c == '"' {
			s.pos++
			return s.buf, nil
		}
		if c < ' ' {
			return nil, s.fail("a string without control characters")
		}
		s.pos++
		if c != '\\' {
			s.buf = append(s.buf, c)
			continue
		}
		if s.pos >= len(s.data) {
			break
		}
		c = s.data[s.pos]
		s.pos++
		switch c {
		case '"', '\\', '/':
			s.buf = append(s.buf, c)
		case 'b':
			s.buf = append(s.buf, '\b')
		case 'f':
			s.buf = append(s.buf, '\f')
		case 'n':
			s.buf = append(s.buf, '\n')
		case 'r':
			s.buf = append(s.buf, '\r')
		case 't':
			s.buf = append(s.buf, '\t')
		case 'u':
			r, err := s.hex()
			if err != nil {
				return nil, err
			}
			if utf16.IsSurrogate(r) {
				high := r
				r = utf8.RuneError
				if rest := s.data[s.pos:]; len(rest) >= 6 && rest[0] == '\\' && rest[1] == 'u' {
					back := s.pos
					s.pos += 2
					low, err := s.hex()
					if err != nil {
						return nil, err
					}
					if r = utf16.DecodeRune(high, low); r == utf8.RuneError {
						s.pos = back
					}
				}
			}
			s.buf = utf8.AppendRune(s.buf, r)
		default:
			s.pos--
			return nil, s.fail("an escape")
		}
	}
	return nil, s.fail("the end of a string")
}

func (s *jsonScanner) hex() (rune, error) {
	if len(s.data)-s.pos < 4 {
		return 0, s.fail("four hexadecimal digits")
	}
	v := rune(0)
	for _, c := range s.data[s.pos : s.pos+4] {
		switch {
		case '0' <= c && c <= '9':
			v = v<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			v = v<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			v = v<<4 | rune(c-'A'+10)
		default:
			return 0, s.fail("four hexadecimal digits")
		}
	}
	s.pos += 4
	return v, nil
}

// integer reads a whole number.
func (s *jsonScanner) integer() (int64, error) {
	s.peek()
	start := s.pos
	token, err := s.number()
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseInt(string(token), 10, 64)
	if err != nil {
		s.pos = start
		return 0, s.fail("a whole number")
	}
	return v, nil
}

func (s *jsonScanner) float() (float64, error) {
	token, err := s.number()
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(string(token), 64)
}

func (s *jsonScanner) number() ([]byte, error) {
	s.peek()
	start := s.pos
	for s.pos < len(s.data) && isNumberByte(s.data[s.pos]) {
		s.pos++
	}
	if s.pos == start {
		return nil, s.fail("a number")
	}
	return s.data[start:s.pos], nil
}

func isNumberByte(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// value skips a value and gives its text.
func (s *jsonScanner) value() (json.RawMessage, error) {
	s.peek()
	start := s.pos
	if err := s.skip(0); err != nil {
		return nil, err
	}
	return s.data[start:s.pos], nil
}

func (s *jsonScanner) skip(depth int) error {
	if depth > maxJSONDepth {
		return s.fail("less nesting")
	}
	switch c := s.peek(); {
	case c == '{':
		return s.object(func([]byte) error { return s.skip(depth + 1) })
	case c == '[':
		return s.array(func() error { return s.skip(depth + 1) })
	case c == '"':
		_, err := s.str()
		return err
	case c == 't', c == 'f', c == 'n':
		for _, word := range []string{"true", "false", "null"} {
			if len(s.data)-s.pos >= len(word) && string(s.data[s.pos:s.pos+len(word)]) == word {
				s.pos += len(word)
				return nil
			}
		}
	case c == '-', c >= '0' && c <= '9':
		_, err := s.number()
		return err
	}
	return s.fail("a value")
}

// interner keeps many small strings in few large pieces of memory.
type interner struct{ chunk strings.Builder }

const internChunk = 64 << 10

// intern gives b as a string.
func (n *interner) intern(b []byte) string {
	if n.chunk.Cap()-n.chunk.Len() < len(b) {
		n.chunk = strings.Builder{}
		n.chunk.Grow(max(internChunk, len(b)))
	}
	start := n.chunk.Len()
	n.chunk.Write(b) // within its capacity, so what was given out before stays where it is
	return n.chunk.String()[start:]
}
