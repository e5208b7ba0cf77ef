package tokenizers

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// metaspace writes spaces as a character of their own, puts one in front, and cuts before each.
type metaspace struct {
	replacement string // one character
	prepend     string // always, first, never
	cut         bool
}

func parseMetaspaceConfig(raw json.RawMessage) (metaspace, error) {
	c := struct {
		Replacement    string
		AddPrefixSpace *bool   `json:"add_prefix_space"`
		PrependScheme  *string `json:"prepend_scheme"`
		Split          *bool
	}{}
	if err := json.Unmarshal(raw, &c); err != nil {
		return metaspace{}, err
	}
	m := metaspace{replacement: c.Replacement, prepend: "always", cut: c.Split == nil || *c.Split}
	if utf8.RuneCountInString(m.replacement) != 1 {
		return m, fmt.Errorf("part Metaspace: replacement %q, want one character", c.Replacement)
	}
	if c.PrependScheme != nil {
		m.prepend = *c.PrependScheme
	}
	switch m.prepend {
	case "always", "first", "never":
	default:
		return m, fmt.Errorf("part Metaspace: prepend_scheme %q, want always, first or never", m.prepend)
	}
	if c.AddPrefixSpace != nil && !*c.AddPrefixSpace {
		if c.PrependScheme != nil && m.prepend != "never" {
			return m, fmt.Errorf("part Metaspace: add_prefix_space false with prepend_scheme %q", m.prepend)
		}
		m.prepend = "never"
	}
	return m, nil
}

func parseMetaspace(raw json.RawMessage) (preTokenizer, error) {
	return parseMetaspaceConfig(raw)
}

func (m metaspace) split(p piece, emit func(piece) error) error {
	first := !strings.HasPrefix(p.text, m.replacement) && !strings.HasPrefix(p.text, " ") &&
		(m.prepend == "always" || m.prepend == "first" && p.base == 0)
	if p.text != "" && (first || strings.Contains(p.text, " ")) {
		p = m.rewrite(p, first)
	}
	if !m.cut {
		return emit(p)
	}
	start := 0
	for start < len(p.text) { // each replacement begins a piece
		_, size := utf8.DecodeRuneInString(p.text[start:])
		end := len(p.text)
		if i := strings.Index(p.text[start+size:], m.replacement); i >= 0 {
			end = start + size + i
		}
		if err := emit(p.slice(start, end)); err != nil {
			return err
		}
		start = end
	}
	return nil
}

// rewrite gives p with the replacement for each space, and with one in front, which stands for p's first
// character, as that does itself.
func (m metaspace) rewrite(p piece, first bool) piece {
	mark, _ := utf8.DecodeRuneInString(m.replacement)
	w := newRewriter(&p)
	if first {
		w.emit(mark, 0)
		w.pos = 0
	}
	for {
		i := strings.IndexByte(p.text[w.pos:], ' ')
		if i < 0 {
			break
		}
		w.copy(w.pos + i)
		w.emit(mark, 0)
	}
	w.copy(len(p.text))
	w.finish()
	return p
}
