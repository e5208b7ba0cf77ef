package tokenizers

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// runeSet is a set of code points as sorted ranges [first, last] that do not touch.
type runeSet [][2]rune

// newRuneSet sorts ranges and joins those that touch.
func newRuneSet(ranges ...[2]rune) runeSet {
	slices.SortFunc(ranges, func(a, b [2]rune) int { return int(a[0]) - int(b[0]) })
	var s runeSet
	for _, r := range ranges {
		if n := len(s); n > 0 && r[0] <= s[n-1][1]+1 {
			s[n-1][1] = max(s[n-1][1], r[1])
		} else if r[0] <= r[1] {
			s = append(s, r)
		}
	}
	return s
}

func (s runeSet) union(t runeSet) runeSet {
	return newRuneSet(append(slices.Clone(s), t...)...)
}

// negate gives what is not in s.
func (s runeSet) negate() runeSet {
	var out runeSet
	next := rune(0)
	for _, r := range s {
		if next < r[0] {
			out = append(out, [2]rune{next, r[0] - 1})
		}
		next = r[1] + 1
	}
	if next <= utf8.MaxRune {
		out = append(out, [2]rune{next, utf8.MaxRune})
	}
	return out
}

func (s runeSet) intersect(t runeSet) runeSet {
	return s.negate().union(t.negate()).negate()
}

func packedSet(packed string) runeSet {
	var s runeSet
	for p := (unpacker{data: packed}); p.more(); {
		first, last := p.span()
		s = append(s, [2]rune{first, last})
	}
	return s
}

// categorySet gives the code points of the general categories whose short names begin with prefix.
func categorySet(prefix string) runeSet {
	var ranges [][2]rune
	for p := (unpacker{data: packedCategory}); p.more(); {
		first, last := p.span()
		if strings.HasPrefix(categoryNames[p.number()], prefix) {
			ranges = append(ranges, [2]rune{first, last})
		}
	}
	return newRuneSet(ranges...)
}

// categoryAliases are the long names of general categories, without spaces, hyphens and underscores.
var categoryAliases = map[string]string{
	"letter": "L", "uppercaseletter": "Lu", "lowercaseletter": "Ll", "titlecaseletter": "Lt", "modifierletter": "Lm",
	"otherletter": "Lo", "mark": "M", "combiningmark": "M", "nonspacingmark": "Mn", "spacingmark": "Mc", "enclosingmark": "Me",
	"number": "N", "decimalnumber": "Nd", "letternumber": "Nl", "othernumber": "No", "punctuation": "P",
	"connectorpunctuation": "Pc", "dashpunctuation": "Pd", "openpunctuation": "Ps", "closepunctuation": "Pe",
	"initialpunctuation": "Pi", "finalpunctuation": "Pf", "otherpunctuation": "Po", "symbol": "S", "mathsymbol": "Sm",
	"currencysymbol": "Sc", "modifiersymbol": "Sk", "othersymbol": "So", "separator": "Z", "spaceseparator": "Zs",
	"lineseparator": "Zl", "paragraphseparator": "Zp", "other": "C", "control": "Cc", "format": "Cf", "unassigned": "Cn",
	"privateuse": "Co", "surrogate": "Cs",
}

// propertySet gives the code points of a property of a regular expression: a general category, a bracket class,
// or a script. The rarer scripts are those of Go's tables.
func propertySet(name string) (runeSet, bool) {
	key := strings.NewReplacer(" ", "", "-", "", "_", "").Replace(strings.ToLower(name))
	switch key {
	case "any":
		return runeSet{{0, utf8.MaxRune}}, true
	case "ascii":
		return runeSet{{0, 0x7f}}, true
	case "assigned":
		return categorySet("Cn").negate(), true
	case "punct":
		return categorySet("P"), true
	case "lc":
		return categorySet("Lu").union(categorySet("Ll")).union(categorySet("Lt")), true
	}
	if alias, ok := categoryAliases[key]; ok {
		return categorySet(alias), true
	}
	for _, c := range categoryNames {
		if key == strings.ToLower(c) || key == strings.ToLower(c[:1]) {
			return categorySet(strings.ToUpper(key[:1]) + key[1:]), true
		}
	}
	if packed, ok := packedPosix[key]; ok {
		return packedSet(packed), true
	}
	if packed, ok := packedScriptProperty[key]; ok {
		return packedSet(packed), true
	}
	for script, table := range unicode.Scripts {
		if strings.ReplaceAll(strings.ToLower(script), "_", "") == key {
			return tableSet(table), true
		}
	}
	return nil, false
}

func tableSet(t *unicode.RangeTable) runeSet {
	var ranges [][2]rune
	add := func(lo, hi, stride rune) {
		for r := lo; r <= hi; r += stride {
			ranges = append(ranges, [2]rune{r, r})
		}
	}
	for _, r := range t.R16 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	for _, r := range t.R32 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	return newRuneSet(ranges...)
}

// escapeSet gives the code points of \s \d \w \h and their opposites. inside tells a bracket class: outside of
// one Oniguruma takes the digits of Latin-1 for word characters too.
func escapeSet(c rune, inside bool) (runeSet, bool) {
	var s runeSet
	switch unicode.ToLower(c) {
	case 's':
		s = packedSet(packedSpace)
	case 'd':
		s = categorySet("Nd")
	case 'w':
		s = packedSet(packedPosix["word"])
		if !inside {
			s = s.union(newRuneSet([2]rune{0xb2, 0xb3}, [2]rune{0xb9, 0xb9}, [2]rune{0xbc, 0xbe}))
		}
	case 'h':
		s = packedSet(packedPosix["xdigit"])
	default:
		return nil, false
	}
	if unicode.IsUpper(c) {
		s = s.negate()
	}
	return s, true
}

// write gives the set as a bracket class.
func (s runeSet) write(b *strings.Builder) {
	if len(s) == 0 {
		b.WriteString(`(?!)`)
		return
	}
	if not := s.negate(); len(not) < len(s) && len(not) > 0 {
		b.WriteString("[^")
		s = not
	} else {
		b.WriteString("[")
	}
	for _, r := range s {
		writeRune(b, r[0])
		if r[1] > r[0] {
			b.WriteByte('-')
			writeRune(b, r[1])
		}
	}
	b.WriteByte(']')
}
