package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/models"
)

type tokenizeCmd struct {
	inputFlags
	outputFlags
	lengthFlags
	Model       string `help:"Folder with the tokenizer's files; without it the embedded model's." env:"CEPHALO_MODEL" placeholder:"DIR" type:"path" default:""`
	Offsets     string `help:"Unit of offsets: ${enum}." enum:"char,byte,utf16" default:"char"`
	Decode      bool   `help:"Ids to text: takes {\"ids\":[…]}."`
	SkipSpecial bool   `help:"With --decode: leave special tokens out."`
	NoSpecial   bool   `help:"Add no special tokens."`
}

func (c *tokenizeCmd) load() (*cephalo.Tokenizer, error) {
	if c.Model != "" {
		if d, err := os.Stat(c.Model); err != nil {
			return nil, err
		} else if !d.IsDir() {
			return nil, fmt.Errorf("%s is a file, want a folder with a tokenizer's files", c.Model)
		}
		return cephalo.LoadTokenizer(c.Model)
	}
	fsys, ok := models.Default()
	if !ok {
		return nil, usagef("--model is missing: this build embeds no model")
	}
	return cephalo.LoadTokenizerFS(fsys)
}

// tokenized is the JSON form of one encoding.
type tokenized struct {
	IDs      []int32     `json:"ids"`
	Tokens   []string    `json:"tokens"`
	TypeIDs  []int32     `json:"type_ids"`
	Offsets  [][2]int    `json:"offsets"`
	Overflow []tokenized `json:"overflow,omitempty"`
}

// checkFlags finds flags that would do nothing.
func (c *tokenizeCmd) checkFlags() error {
	cuts := c.MaxLength > 0
	switch {
	case c.SkipSpecial && !c.Decode:
		return usagef("--skip-special is of --decode, which is not given")
	case c.Decode && (cuts || c.Overlap > 0 || c.NoSpecial || c.OnLong != ""):
		return usagef("--decode does not go with --max-length, --overlap, --on-long and --no-special, which are of text")
	case c.Overlap > 0 && !cuts:
		return usagef("--overlap needs --max-length: without it nothing is cut")
	case c.OnLong == cephalo.LongError && !cuts:
		return usagef("--on-long error needs --max-length: without it nothing is too long")
	}
	return nil
}

func (c *tokenizeCmd) Run(a *app) error {
	if err := c.checkFlags(); err != nil {
		return err
	}
	tok, err := c.load()
	if err != nil {
		return err
	}
	var broken error
	lines, err := c.lines(a, &broken)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(a.out)
	defer w.Flush()
	failed, size := false, tok.VocabSize()
	for l := range lines {
		if err := a.ctx.Err(); err != nil {
			return err
		}
		v, err := c.one(tok, size, l)
		if err != nil {
			failed = true
			if c.Format == "json" {
				if err := writeJSON(w, map[string]any{"error": err.Error(), "line": l.number}); err != nil {
					return err
				}
			}
			w.Flush()
			fmt.Fprintf(a.errOut, "cephalo: line %d: %v\n", l.number, err)
			if c.Strict {
				break
			}
			continue
		}
		if err := write(w, c.Format, v); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	switch {
	case broken != nil:
		return broken
	case failed:
		return errPartial
	}
	return nil
}

func (c *tokenizeCmd) one(tok *cephalo.Tokenizer, size int, l line) (value, error) {
	if l.err != nil {
		return value{}, l.err
	}
	if c.Decode {
		if l.IDs == nil {
			return value{}, fmt.Errorf(`--decode takes {"ids":[…]}`)
		}
		for i, id := range l.IDs {
			if _, ok := tok.IDToToken(id); !ok && (id < 0 || int(id) >= size) {
				return value{}, fmt.Errorf("the key \"ids\" has %d as element %d, want ids from 0 to %d", id, i, size-1)
			}
		}
		text, err := tok.Decode(l.IDs, c.SkipSpecial)
		return value{json: map[string]any{"text": text}, text: text}, err
	}
	if l.Text == nil {
		return value{}, fmt.Errorf(`the key "text" is missing`)
	}
	o := cephalo.TokenizeOptions{NoSpecialTokens: c.NoSpecial, MaxLength: c.MaxLength, Overlap: c.Overlap, TruncationSide: c.TruncationSide, TruncationStrategy: c.TruncationStrategy}
	var e *cephalo.Encoding
	var err error
	if l.TextPair != nil {
		e, err = tok.EncodePair(*l.Text, *l.TextPair, o)
	} else {
		e, err = tok.Encode(*l.Text, o)
	}
	if err != nil {
		return value{}, err
	}
	if c.OnLong == cephalo.LongError && len(e.Overflow) > 0 {
		return value{}, fmt.Errorf("more than %d tokens", c.MaxLength)
	}
	t := c.form(e, l)
	ids := make([]string, len(t.IDs))
	for i, id := range t.IDs {
		ids[i] = fmt.Sprint(id)
	}
	return value{json: t, text: strings.Join(t.Tokens, " "), tsv: []string{strings.Join(ids, " "), strings.Join(t.Tokens, " ")}}, nil
}

// form converts offsets to the unit asked for, each in its token's own text.
func (c *tokenizeCmd) form(e *cephalo.Encoding, l line) tokenized {
	t := tokenized{IDs: e.IDs, Tokens: e.Tokens, TypeIDs: e.TypeIDs, Offsets: make([][2]int, len(e.Offsets))}
	for seq, text := range []*string{l.Text, l.TextPair} {
		if text == nil {
			continue
		}
		var at []int
		var spans []cephalo.Span
		for i, s := range e.Sequence {
			if int(s) == seq {
				at, spans = append(at, i), append(spans, e.Offsets[i])
			}
		}
		switch c.Offsets {
		case "char":
			spans = cephalo.CodePoints(*text, spans)
		case "utf16":
			spans = cephalo.UTF16(*text, spans)
		}
		for j, i := range at {
			t.Offsets[i] = [2]int{spans[j].Start, spans[j].End}
		}
	}
	for _, o := range e.Overflow {
		t.Overflow = append(t.Overflow, c.form(o, l))
	}
	return t
}
