package tokenizers

import (
	"strconv"
	"strings"
)

// property reads p{Name}, P{Name} or p{^Name}.
func (t *translator) property() (runeSet, error) {
	negate := t.peek(0) == 'P'
	if t.peek(1) != '{' {
		return nil, t.fail(`\p without {`)
	}
	end := t.pos + 2
	for end < len(t.in) && t.in[end] != '}' {
		end++
	}
	if end == len(t.in) {
		return nil, t.fail(`\p{ without }`)
	}
	name := string(t.in[t.pos+2 : end])
	if rest, ok := strings.CutPrefix(name, "^"); ok {
		name, negate = rest, !negate
	}
	s, ok := propertySet(name)
	if !ok {
		return nil, t.fail("the property " + strconv.Quote(name))
	}
	t.pos = end + 1
	if negate {
		s = s.negate()
	}
	return s, nil
}

// class reads a bracket class.
func (t *translator) class(depth int) (runeSet, error) {
	if depth > maxRegexDepth {
		return nil, t.fail("nesting of more than 200 classes")
	}
	t.pos++
	negate := t.peek(0) == '^'
	if negate {
		t.pos++
	}
	set, all := runeSet(nil), runeSet(nil) // all is what stood before the last &&
	and := false
	for first := true; ; first = false {
		switch c := t.peek(0); {
		case t.pos >= len(t.in):
			return nil, t.fail("a class without ]")
		case c == ']' && !first:
			t.pos++
			if and {
				set = all.intersect(set)
			}
			if negate {
				set = set.negate()
			}
			return set, nil
		case t.has("&&"):
			t.pos += 2
			if and {
				set = all.intersect(set)
			}
			all, set, and = set, nil, true
		default:
			s, err := t.classItem(depth)
			if err != nil {
				return nil, err
			}
			set = set.union(s)
		}
	}
}

// classItem reads a character, a range, an escape, a bracket class or a class in a class.
func (t *translator) classItem(depth int) (runeSet, error) {
	switch {
	case t.has("[:"):
		for end := t.pos + 2; end+1 < len(t.in); end++ {
			if t.in[end] == ':' && t.in[end+1] == ']' {
				name := string(t.in[t.pos+2 : end])
				rest, negate := strings.CutPrefix(name, "^")
				packed, ok := packedPosix[rest]
				if !ok {
					break
				}
				t.pos = end + 2
				s := packedSet(packed)
				if negate {
					s = s.negate()
				}
				return s, nil
			}
		}
		return t.class(depth + 1)
	case t.peek(0) == '[':
		return t.class(depth + 1)
	case t.peek(0) == '\\' && (t.peek(1) == 'p' || t.peek(1) == 'P'):
		t.pos++
		return t.property()
	case t.peek(0) == '\\':
		if s, ok := escapeSet(t.peek(1), true); ok {
			t.pos += 2
			return s, nil
		}
	}
	first, err := t.classRune()
	if err != nil {
		return nil, err
	}
	last := first
	if t.peek(0) == '-' && t.peek(1) != ']' && t.peek(1) != 0 && !(t.peek(1) == '[') {
		if t.peek(1) == '\\' {
			if _, ok := escapeSet(t.peek(2), true); ok || t.peek(2) == 'p' || t.peek(2) == 'P' {
				return runeSet{{first, first}}, nil
			}
		}
		t.pos++
		if last, err = t.classRune(); err != nil {
			return nil, err
		}
		if last < first {
			return nil, t.fail("a range that ends before it begins")
		}
	}
	return newRuneSet([2]rune{first, last}), nil
}

// classRune reads a character in a class.
func (t *translator) classRune() (rune, error) {
	c := t.peek(0)
	t.pos++
	if c != '\\' {
		return c, nil
	}
	if t.peek(0) == 'b' {
		t.pos++
		return '\b', nil
	}
	return t.character()
}
