package tokenizers

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// translateRegex turns an expression of Oniguruma's Ruby syntax, the library's, into one of regexp2's. Classes
// become explicit ranges, so that neither engine's Unicode version counts.
func translateRegex(expr string) (string, error) {
	t := &translator{in: []rune(expr), out: new(strings.Builder)}
	if !utf8.ValidString(expr) {
		return "", fmt.Errorf("not UTF-8")
	}
	if err := t.alternatives(0); err != nil {
		return "", err
	}
	if t.pos < len(t.in) {
		return "", t.fail("an unmatched )")
	}
	return t.out.String(), nil
}

type translator struct {
	in  []rune
	pos int
	out *strings.Builder // of the group, or of the atom being read
}

func (t *translator) fail(what string) error {
	return fmt.Errorf("%s at character %d is not supported", what, t.pos)
}

// peek gives the character at offset n from here, 0 past the end.
func (t *translator) peek(n int) rune {
	if t.pos+n < len(t.in) {
		return t.in[t.pos+n]
	}
	return 0
}

func (t *translator) has(s string) bool {
	r := []rune(s)
	return t.pos+len(r) <= len(t.in) && string(t.in[t.pos:t.pos+len(r)]) == s
}

const maxRegexDepth = 200

// alternatives reads up to the end of the group, or of the expression.
func (t *translator) alternatives(depth int) error {
	if depth > maxRegexDepth {
		return t.fail("nesting of more than 200 groups")
	}
	for t.pos < len(t.in) && t.peek(0) != ')' {
		if t.peek(0) == '|' {
			t.pos++
			t.out.WriteByte('|')
			continue
		}
		whole := t.out
		t.out = new(strings.Builder)
		rest, err := t.atom(depth)
		if err != nil {
			return err
		}
		atom := t.out.String()
		if !rest {
			atom = t.quantified(atom)
		}
		t.out = whole
		t.out.WriteString(atom)
	}
	return nil
}

// quantified reads the quantifiers after an atom.
func (t *translator) quantified(atom string) string {
	for n := 0; ; n++ {
		q, interval := "", false
		switch c := t.peek(0); {
		case c == '*' || c == '+' || c == '?':
			q = string(c)
			t.pos++
		case c == '{':
			if q = t.interval(); q == "" {
				return atom // a brace like any other character, read as the next atom
			}
			interval = true
		default:
			return atom
		}
		if n > 0 {
			atom = "(?:" + atom + ")"
		}
		switch c := t.peek(0); {
		case c == '?' && interval && !strings.Contains(q, ","):
			atom += q // {n}? is an option, which the next round reads
		case c == '?':
			t.pos++
			atom += q + "?"
		case c == '+' && !interval:
			t.pos++
			atom = "(?>" + atom + q + ")"
		default:
			atom += q
		}
	}
}

// interval reads {n}, {n,}, {n,m} or {,m}; "" if it is none.
func (t *translator) interval() string {
	end := t.pos + 1
	for end < len(t.in) && (t.in[end] >= '0' && t.in[end] <= '9' || t.in[end] == ',') {
		end++
	}
	body := string(t.in[t.pos+1 : min(end, len(t.in))])
	if end >= len(t.in) || t.in[end] != '}' || body == "" || body == "," || strings.Count(body, ",") > 1 {
		return ""
	}
	t.pos = end + 1
	if body[0] == ',' {
		body = "0" + body
	}
	return "{" + body + "}"
}

// atom reads one thing that may be repeated. rest is true for (?i), which holds for the rest of the group and
// has read it.
func (t *translator) atom(depth int) (rest bool, err error) {
	switch c := t.peek(0); c {
	case '(':
		return t.group(depth)
	case '[':
		s, err := t.class(0)
		s.write(t.out)
		return false, err
	case '\\':
		t.pos++
		return false, t.escape()
	case '^':
		t.out.WriteString(`(?:\A|(?<=\n)(?!\z))`)
	case '$':
		t.out.WriteString(`(?:\z|(?=\n))`)
	case '.':
		t.out.WriteByte('.')
	default:
		writeRune(t.out, c)
	}
	t.pos++
	return false, nil
}

// group reads a group with its parentheses.
func (t *translator) group(depth int) (rest bool, err error) {
	open := "("
	for _, known := range []string{"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>"} {
		if t.has(known) {
			open = known
		}
	}
	switch {
	case t.has("(?#"):
		for t.pos < len(t.in) && t.peek(0) != ')' {
			t.pos++
		}
		t.pos++
		return true, nil
	case open != "(":
		t.pos += len(open)
	case t.has("(?<"):
		for end := t.pos; end < len(t.in); end++ {
			if t.in[end] == '>' {
				open = string(t.in[t.pos : end+1])
				t.pos = end + 1
				break
			}
		}
	case t.has("(?"):
		flags, closed, err := t.flags()
		if err != nil {
			return false, err
		}
		t.out.WriteString(flags)
		if err := t.alternatives(depth + 1); err != nil {
			return false, err
		}
		t.out.WriteByte(')')
		if !closed {
			return true, nil // (?i): the group that it is in ends here too
		}
		if t.peek(0) != ')' {
			return false, t.fail("a group without end")
		}
		t.pos++
		return false, nil
	default:
		t.pos++
	}
	t.out.WriteString(open)
	if err := t.alternatives(depth + 1); err != nil {
		return false, err
	}
	if t.peek(0) != ')' {
		return false, t.fail("a group without end")
	}
	t.pos++
	t.out.WriteByte(')')
	return false, nil
}

// flags reads (?imx-imx: or (?imx-imx) and gives what opens the same group here. Ruby's m is a dot for every
// character.
func (t *translator) flags() (open string, closed bool, err error) {
	t.pos += 2
	var b strings.Builder
	b.WriteString("(?")
	for ; ; t.pos++ {
		switch c := t.peek(0); c {
		case 'i', '-':
			b.WriteRune(c)
		case 'm':
			b.WriteByte('s')
		case ':', ')':
			t.pos++
			b.WriteByte(':')
			return b.String(), c == ':', nil
		default:
			return "", false, t.fail("the group option " + strconv.QuoteRune(c))
		}
	}
}

// simpleEscapes are escapes of single characters.
var simpleEscapes = map[rune]rune{'t': '\t', 'n': '\n', 'r': '\r', 'f': '\f', 'v': '\v', 'a': '\a', 'e': 0x1b}

// escape reads what follows a backslash outside of a class.
func (t *translator) escape() error {
	c := t.peek(0)
	if s, ok := escapeSet(c, false); ok {
		t.pos++
		s.write(t.out)
		return nil
	}
	switch c {
	case 'p', 'P':
		s, err := t.property()
		s.write(t.out)
		return err
	case 'b', 'B':
		t.pos++
		var w strings.Builder
		s, _ := escapeSet('w', false)
		s.write(&w)
		word := w.String()
		if c == 'b' {
			t.out.WriteString("(?:(?<=" + word + ")(?!" + word + ")|(?<!" + word + ")(?=" + word + "))")
		} else {
			t.out.WriteString("(?:(?<=" + word + ")(?=" + word + ")|(?<!" + word + ")(?!" + word + "))")
		}
		return nil
	case 'R':
		t.pos++
		t.out.WriteString(`(?>\r\n|[\n-\r\u0085\u2028\u2029])`)
		return nil
	case 'A', 'z', 'Z', 'G':
		t.pos++
		t.out.WriteString(`\` + string(c))
		return nil
	case '1', '2', '3', '4', '5', '6', '7', '8', '9':
		t.pos++
		t.out.WriteString(`\` + string(c))
		return nil
	case 'k':
		if t.peek(1) == '<' {
			for end := t.pos; end < len(t.in); end++ {
				if t.in[end] == '>' {
					t.out.WriteString(`\` + string(t.in[t.pos:end+1]))
					t.pos = end + 1
					return nil
				}
			}
		}
	}
	r, err := t.character()
	writeRune(t.out, r)
	return err
}

// character reads the escape of a single character, after the backslash.
func (t *translator) character() (rune, error) {
	c := t.peek(0)
	if r, ok := simpleEscapes[c]; ok {
		t.pos++
		return r, nil
	}
	switch {
	case c == 'x' && t.peek(1) == '{':
		t.pos += 2
		r, err := t.hex(8)
		if err == nil && t.peek(0) != '}' {
			err = t.fail(`\x{ without }`)
		}
		t.pos++
		return r, err
	case c == 'x':
		t.pos++
		return t.hex(2)
	case c == 'u':
		t.pos++
		return t.hex(4)
	case c == '0':
		v := rune(0)
		for n := 0; n < 3 && t.peek(0) >= '0' && t.peek(0) <= '7'; n++ {
			v = v*8 + t.peek(0) - '0'
			t.pos++
		}
		return v, nil
	case t.pos >= len(t.in), c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '1' && c <= '9':
		return 0, t.fail("the escape " + strconv.QuoteRune(c))
	}
	t.pos++
	return c, nil
}

// hex reads up to n hexadecimal digits.
func (t *translator) hex(n int) (rune, error) {
	start := t.pos
	for t.pos-start < n && strings.ContainsRune("0123456789abcdefABCDEF", t.peek(0)) && t.peek(0) != 0 {
		t.pos++
	}
	v, err := strconv.ParseUint(string(t.in[start:t.pos]), 16, 32)
	if err != nil || v > utf8.MaxRune {
		return 0, t.fail("a character number out of range")
	}
	return rune(v), nil
}

// writeRune writes a character so that it stands for itself.
func writeRune(b *strings.Builder, r rune) {
	switch {
	case r < 0x80 && !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'), r >= 0x80 && r <= 0xffff:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		b.WriteRune(r)
	}
}
