package tokenizers

import (
	"encoding/json"
	"unicode/utf8"
)

// bertNormalizer is BERT's: clean, put spaces round Chinese characters, strip accents, lower-case.
type bertNormalizer struct {
	u                                     *unicodeData
	clean, chinese, stripAccents, toLower bool
	// slow has the classes of characters that ASCII's quick way cannot do.
	slow class
}

func parseBertNormalizer(raw json.RawMessage) (normalizer, error) {
	c := struct {
		Clean        bool  `json:"clean_text"`
		Chinese      bool  `json:"handle_chinese_chars"`
		StripAccents *bool `json:"strip_accents"`
		Lowercase    bool  `json:"lowercase"`
	}{}
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, err
	}
	strip := c.Lowercase // null means "as lowercase"
	if c.StripAccents != nil {
		strip = *c.StripAccents
	}
	return newBertNormalizer(c.Clean, c.Chinese, strip, c.Lowercase), nil
}

func newBertNormalizer(clean, chinese, stripAccents, toLower bool) *bertNormalizer {
	n := &bertNormalizer{u: unicodeTables(), clean: clean, chinese: chinese, stripAccents: stripAccents, toLower: toLower}
	if clean {
		n.slow |= isCleaned
	}
	return n
}

func (n *bertNormalizer) normalize(p *piece) error {
	if n.ascii(p) {
		return nil
	}
	if n.clean {
		n.cleanText(p)
	}
	if n.chinese {
		n.spaceChinese(p)
	}
	if n.stripAccents {
		if err := (formNormalizer{n.u, form{}}).normalize(p); err != nil {
			return err
		}
		if err := (filter{n.u, isNonspacing}).normalize(p); err != nil {
			return err
		}
	}
	if n.toLower {
		return lowercase{n.u}.normalize(p)
	}
	return nil
}

// ascii does a text of ASCII without controls, where every byte keeps its place.
func (n *bertNormalizer) ascii(p *piece) bool {
	change := false
	for i := 0; i < len(p.text); i++ {
		c := p.text[i]
		if c >= utf8.RuneSelf || n.u.ascii[c]&n.slow != 0 {
			return false
		}
		change = change || n.byteFor(c) != c
	}
	if change {
		b := []byte(p.text)
		for i, c := range b {
			b[i] = n.byteFor(c)
		}
		p.text = string(b)
	}
	return true
}

func (n *bertNormalizer) byteFor(c byte) byte {
	switch {
	case n.toLower && 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	case n.clean && (c == '\t' || c == '\n' || c == '\r'):
		return ' '
	}
	return c
}

// cleanText removes controls and makes white space plain spaces.
func (n *bertNormalizer) cleanText(p *piece) {
	removeRunes(p, func(r rune) bool { return n.u.is(r, isCleaned) })
	var w *rewriter
	for i, r := range p.text {
		if r != ' ' && n.u.is(r, isSpace) {
			if w == nil {
				w = newRewriter(p)
			}
			w.copy(i)
			w.emit(' ', 0)
		}
	}
	if w != nil {
		w.copy(len(p.text))
		w.finish()
	}
}

func (n *bertNormalizer) spaceChinese(p *piece) {
	var w *rewriter
	for i, r := range p.text {
		if n.u.is(r, isChinese) {
			if w == nil {
				w = newRewriter(p)
			}
			w.copy(i)
			w.emit(' ', 0)
			w.emit(r, 1)
			w.emit(' ', 1)
		}
	}
	if w != nil {
		w.copy(len(p.text))
		w.finish()
	}
}
