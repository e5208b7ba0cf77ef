package cephalo

import (
	"fmt"
	"unicode/utf8"

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

// placeIn refuses what is no place of a text.
func placeIn(text string, at Span) error {
	switch {
	case at.Start < 0 || at.End <= at.Start || at.End > len(text):
		return fmt.Errorf("bytes %d to %d, want 0 <= start < end <= %d, the length of the text", at.Start, at.End, len(text))
	case !boundary(text, at.Start) || !boundary(text, at.End):
		return fmt.Errorf("bytes %d to %d cut a character", at.Start, at.End)
	}
	return nil
}

func boundary(s string, i int) bool { return i == len(s) || utf8.RuneStart(s[i]) }

// targetAt is a place of the first text as tokens. What its errors say goes on
// after the target's name.
func targetAt(e *tokenizers.Encoding, at Span) (heads.Target, error) {
	t, read := heads.Target{Start: -1}, Span{Start: -1}
	for i := range e.IDs {
		if e.Special[i] || e.Sequence[i] != 0 {
			continue
		}
		o := e.Offsets[i]
		if read.Start < 0 {
			read.Start = o.Start
		}
		read.End = o.End
		if o.Start < at.End && at.Start < o.End {
			if t.Start < 0 {
				t.Start = i
			}
			t.End = i + 1
		}
	}
	switch {
	case t.Start >= 0:
		return t, nil
	case len(e.Overflow) > 0 && (at.Start >= read.End || at.End <= read.Start):
		return t, fmt.Errorf("lies outside the %d tokens that are read of the text", len(e.IDs))
	}
	return t, fmt.Errorf("holds no token")
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
		err := placeIn(in.Text, at)
		if err != nil {
			return nil, nil, fmt.Errorf("target %d: %w", i, err)
		}
		if ts[i], err = targetAt(e, at); err != nil {
			return nil, nil, fmt.Errorf("target %d (%q) %w", i, in.Text[at.Start:at.End], err)
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
