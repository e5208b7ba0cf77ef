package cephalo

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tokenizers"
)

// Mention is a place of a text. Start and End are bytes: text[Start:End] is Word.
type Mention struct {
	Word  string `json:"word"`
	Start int    `json:"start"`
	End   int    `json:"end"`
}

func mention(text string, s Span) Mention {
	return Mention{Word: text[s.Start:s.End], Start: s.Start, End: s.End}
}

// word is a word of a text, as the tokenizer's word ids tell: its tokens, half-open,
// and its bytes.
type word struct {
	lo, hi int
	Span
}

// wordsOf are the words of the first text of an encoding.
func wordsOf(e *tokenizers.Encoding) []word {
	var all []word
	for i := range e.IDs {
		if e.Special[i] || e.Sequence[i] != 0 {
			continue
		}
		last := len(all) - 1
		if last >= 0 && all[last].hi == i && e.WordIDs[i] == e.WordIDs[i-1] {
			all[last].hi, all[last].End = i+1, e.Offsets[i].End
			continue
		}
		all = append(all, word{i, i + 1, e.Offsets[i]})
	}
	return all
}

// wordMask is 1 at the first token of every word of the first text, else 0.
func wordMask(e *tokenizers.Encoding) []int32 {
	mask := make([]int32, len(e.IDs))
	for _, w := range wordsOf(e) {
		mask[w.lo] = 1
	}
	return mask
}

// targetAt is a place of the first text as tokens.
func targetAt(e *tokenizers.Encoding, text string, at Span) (heads.Target, error) {
	if at.Start < 0 || at.End <= at.Start || at.End > len(text) {
		return heads.Target{}, fmt.Errorf("target %d to %d, want a place in a text of %d bytes", at.Start, at.End, len(text))
	}
	t := heads.Target{Start: -1}
	for i := range e.IDs {
		if o := e.Offsets[i]; !e.Special[i] && e.Sequence[i] == 0 && o.Start < at.End && at.Start < o.End {
			if t.Start < 0 {
				t.Start = i
			}
			t.End = i + 1
		}
	}
	if t.Start < 0 {
		return t, fmt.Errorf("target %q at byte %d holds no token, or lies behind the %d tokens that are read", text[at.Start:at.End], at.Start, len(e.IDs))
	}
	return t, nil
}

// targetsOf are the places of a text that a head is asked about, with their
// tokens: those that were given, else every word.
func targetsOf(e *tokenizers.Encoding, in Text) ([]Span, []heads.Target, error) {
	if in.Targets == nil {
		var spans []Span
		var ts []heads.Target
		for _, w := range wordsOf(e) {
			spans, ts = append(spans, w.Span), append(ts, heads.Target{Start: w.lo, End: w.hi})
		}
		return spans, ts, nil
	}
	ts := make([]heads.Target, len(in.Targets))
	for i, at := range in.Targets {
		var err error
		if ts[i], err = targetAt(e, in.Text, at); err != nil {
			return nil, nil, err
		}
	}
	return in.Targets, ts, nil
}

// one refuses a pair where a pipeline reads a single text.
func (t Text) one(what string) error {
	if t.Err == nil && t.Pair != nil {
		return fmt.Errorf("%s takes one text, not a pair", what)
	}
	return t.Err
}
