package tokenizers

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// part is one place of a template: a sequence, or a special token.
type part struct {
	sequence int8 // 0 the text, 1 the pair, -1 a special token
	id       int32
	token    string
	typeID   int32
}

// postProcessor puts special tokens round the sequences. A folder without one has the two follow each other.
type postProcessor struct {
	single, pair []part
	trims        []trim
	templated    bool // single and pair come from the file
	wrapped      bool // a special token belongs to the sequence, for the trims that follow
}

// trim takes the spaces at a token's ends out of its offsets.
type trim struct {
	addPrefixSpace bool // one space at the start of the text was added, and is none of the text's
	inner          bool // the first token of a sequence has a special token before it
}

var (
	defaultSingle = []part{{sequence: 0}}
	defaultPair   = []part{{sequence: 0}, {sequence: 1, typeID: 1}}
)

// parsePostProcessor reads the "post_processor" of tokenizer.json; null gives the default.
func parsePostProcessor(raw json.RawMessage) (*postProcessor, error) {
	p := &postProcessor{single: defaultSingle, pair: defaultPair}
	return p, p.parse(raw)
}

func (p *postProcessor) parse(raw json.RawMessage) error {
	kind, err := partType(raw)
	if err != nil || kind == "" {
		return err
	}
	switch kind {
	case "Sequence":
		var c struct{ Processors []json.RawMessage }
		if err := json.Unmarshal(raw, &c); err != nil {
			return err
		}
		for _, r := range c.Processors {
			if err := p.parse(r); err != nil {
				return err
			}
		}
		return nil
	case "ByteLevel":
		c := struct {
			AddPrefixSpace bool `json:"add_prefix_space"`
			TrimOffsets    bool `json:"trim_offsets"`
		}{true, true}
		if err := json.Unmarshal(raw, &c); err != nil {
			return err
		}
		if c.TrimOffsets {
			p.trims = append(p.trims, trim{c.AddPrefixSpace, p.wrapped})
		}
		return nil
	case "TemplateProcessing":
		return p.parseTemplate(raw)
	case "BertProcessing", "RobertaProcessing":
		c := struct {
			Sep, Cls       namedID
			AddPrefixSpace bool `json:"add_prefix_space"`
			TrimOffsets    bool `json:"trim_offsets"`
		}{AddPrefixSpace: true, TrimOffsets: true}
		if err := json.Unmarshal(raw, &c); err != nil {
			return err
		}
		roberta := kind == "RobertaProcessing"
		if roberta && c.TrimOffsets {
			p.trims = append(p.trims, trim{c.AddPrefixSpace, p.wrapped})
		}
		return p.wrap(c.Cls, c.Sep, roberta)
	}
	return fmt.Errorf("post-processor of type %q is not known", kind)
}

// namedID is a token and its id, as the array [token, id].
type namedID struct {
	token string
	id    int32
}

func (n *namedID) UnmarshalJSON(raw []byte) error {
	return json.Unmarshal(raw, &[]any{&n.token, &n.id})
}

var errTwoTemplates = errors.New("post-processor: a Sequence of two templates is not supported")

// wrap sets the template of BERT: cls A sep, cls A sep B sep; of RoBERTa: cls A sep sep B sep, all of type 0.
func (p *postProcessor) wrap(cls, sep namedID, roberta bool) error {
	if p.templated {
		return errTwoTemplates
	}
	p.templated, p.wrapped = true, true
	special := func(n namedID, typeID int32) part { return part{-1, n.id, n.token, typeID} }
	a, b := part{sequence: 0}, part{sequence: 1, typeID: 1}
	p.single = []part{special(cls, 0), a, special(sep, 0)}
	p.pair = []part{special(cls, 0), a, special(sep, 0), b, special(sep, 1)}
	if roberta {
		b.typeID = 0
		p.pair = []part{special(cls, 0), a, special(sep, 0), special(sep, 0), b, special(sep, 0)}
	}
	return nil
}

func (p *postProcessor) parseTemplate(raw json.RawMessage) error {
	if p.templated {
		return errTwoTemplates
	}
	type place struct {
		ID     string
		TypeID int32 `json:"type_id"`
	}
	type entry struct{ Sequence, SpecialToken *place }
	var c struct {
		Single, Pair  []entry
		SpecialTokens map[string]struct {
			IDs    []int32
			Tokens []string
		} `json:"special_tokens"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	build := func(name string, entries []entry) ([]part, error) {
		var out []part
		for _, e := range entries {
			switch {
			case e.Sequence != nil && e.Sequence.ID == "A":
				out = append(out, part{sequence: 0, typeID: e.Sequence.TypeID})
			case e.Sequence != nil && e.Sequence.ID == "B" && name == "pair":
				out = append(out, part{sequence: 1, typeID: e.Sequence.TypeID})
			case e.Sequence != nil:
				return nil, fmt.Errorf("template %q: sequence %q, want A, or B in a pair", name, e.Sequence.ID)
			case e.SpecialToken != nil:
				s, ok := c.SpecialTokens[e.SpecialToken.ID]
				if !ok || len(s.IDs) != len(s.Tokens) {
					return nil, fmt.Errorf("template %q: special token %q has no entry with as many tokens as ids", name, e.SpecialToken.ID)
				}
				for i, id := range s.IDs {
					out = append(out, part{-1, id, s.Tokens[i], e.SpecialToken.TypeID})
				}
			default:
				return nil, fmt.Errorf("template %q: a place that is neither Sequence nor SpecialToken", name)
			}
		}
		return out, nil
	}
	var err error
	if p.single, err = build("single", c.Single); err != nil {
		return err
	}
	p.pair, err = build("pair", c.Pair)
	p.templated = true
	return err
}

// template gives the parts for one or two sequences.
func (p *postProcessor) template(pair, special bool) []part {
	parts := p.single
	if pair {
		parts = p.pair
	}
	if special {
		return parts
	}
	var out []part
	for _, x := range parts {
		if x.sequence >= 0 {
			out = append(out, x)
		}
	}
	return out
}

func countSpecial(parts []part) int {
	n := 0
	for _, x := range parts {
		if x.sequence < 0 {
			n++
		}
	}
	return n
}

// apply changes the offsets of a sequence's window.
func (t trim) apply(text string, tokens []string, offsets []Span) {
	for i, token := range tokens {
		leading, trailing := spacesAround(token)
		if leading == 0 && trailing == 0 {
			continue
		}
		s := &offsets[i]
		if leading > 0 {
			first := i == 0 && !t.inner || s.Start == 0
			if first && t.addPrefixSpace && leading == 1 {
				leading = 0
			}
			for ; leading > 0 && s.Start < s.End; leading-- {
				_, n := decodeLossy(text[s.Start:])
				s.Start = min(s.Start+n, s.End)
			}
		}
		if end := s.End; trailing > 0 {
			for ; trailing > 0 && end > 0; trailing-- {
				_, n := utf8.DecodeLastRuneInString(text[:end])
				end -= n
			}
			if trailing == 0 { // otherwise there are fewer characters before the end than spaces
				s.End = max(end, s.Start)
			}
		}
	}
}

// spacesAround counts a token's spaces at the start and at the end, the byte alphabet's among them.
func spacesAround(token string) (leading, trailing int) {
	if token == "" {
		return 0, 0
	}
	if first, last := token[0], token[len(token)-1]; first > ' ' && first < utf8.RuneSelf && last > ' ' && last < utf8.RuneSelf {
		return 0, 0
	}
	u := unicodeTables()
	space := func(r rune) bool { return r == byteRunes[' '] || u.is(r, isSpace) }
	for _, r := range token {
		if !space(r) {
			break
		}
		leading++
	}
	for s := token; s != ""; trailing++ {
		r, n := utf8.DecodeLastRuneInString(s)
		if !space(r) {
			break
		}
		s = s[:len(s)-n]
	}
	return leading, trailing
}
