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
		return m, fmt.Errorf("Metaspace: replacement %q, want one character", c.Replacement)
	}
	if c.PrependScheme != nil {
		m.prepend = *c.PrependScheme
	}
	switch m.prepend {
	case "always", "first", "never":
	default:
		return m, fmt.Errorf("Metaspace: prepend_scheme %q, want always, first or never", m.prepend)
	}
	if c.AddPrefixSpace != nil && !*c.AddPrefixSpace {
		if c.PrependScheme != nil && m.prepend != "never" {
			return m, fmt.Errorf("Metaspace: add_prefix_space false with prepend_scheme %q", m.prepend)
		}
		m.prepend = "never"
	}
	return m, nil
}

func parseMetaspace(raw json.RawMessage) (preTokenizer, error) {
	return parseMetaspaceConfig(raw)
}

func (m metaspace) split(dst []piece, p piece) ([]piece, error) {
	if err := (replace{literal(" "), m.replacement}).normalize(&p); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(p.text, m.replacement) && (m.prepend == "always" || m.prepend == "first" && p.base == 0) {
		prependText(&p, m.replacement)
	}
	if !m.cut {
		return append(dst, p), nil
	}
	return splitter{literal(m.replacement), mergedWithNext, false}.split(dst, p)
}
