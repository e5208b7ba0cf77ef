package cephalo

import (
	"context"
	"fmt"
	"slices"

	"github.com/cephalo-ml/cephalo/tokenizers"
)

// What to do with a text that is longer than the model takes.
const (
	LongTruncate = "truncate" // cut it, special tokens kept
	LongError    = "error"    // refuse it
	LongWindow   = "window"   // overlapping windows: Tag and Answer, and what is made of tags
)

// Length says how long texts are cut. The zero value cuts at the model's limit
// from the right, longest first.
type Length struct {
	MaxLength          int    // tokens with special ones; 0: the model's limit, which it never exceeds
	OnLong             string // truncate, error or window; "" is the pipeline's default
	Overlap            int    // tokens that neighbouring windows share; of window alone
	TruncationSide     string // right (default) or left
	TruncationStrategy string // longest_first (default), only_first, only_second
	PlainSpecial       bool   // special tokens written in the text are plain text
}

// limit is the longest input in tokens: max_seq_length of the folder, else the
// tokenizer's model_max_length, never above the encoder's positions.
func (m *Model) limit(asked int) int {
	n := m.encoder.Config().MaxTokens
	for _, v := range []int{asked, m.folder.maxSeqLength, m.tokenizer.ModelMaxLength()} {
		if v > 0 {
			n = min(n, v)
			break
		}
	}
	return n
}

// check refuses options that are unknown, and those of windows where texts are read
// whole.
func (l Length) check(windows bool) error {
	switch {
	case !slices.Contains([]string{"", LongTruncate, LongError, LongWindow}, l.OnLong):
		return fmt.Errorf("on-long is %q, want truncate, error or window", l.OnLong)
	case l.MaxLength < 0 || l.Overlap < 0:
		return fmt.Errorf("max length %d, overlap %d: want 0 or more", l.MaxLength, l.Overlap)
	case !slices.Contains([]string{"", "right", "left"}, l.TruncationSide):
		return fmt.Errorf("truncation side is %q, want right or left", l.TruncationSide)
	case !slices.Contains([]string{"", "longest_first", "only_first", "only_second"}, l.TruncationStrategy):
		return fmt.Errorf("truncation strategy is %q, want longest_first, only_first or only_second", l.TruncationStrategy)
	case l.Overlap > 0 && (l.OnLong == LongTruncate || l.OnLong == LongError):
		return fmt.Errorf("overlap is %d, but on-long is %s: overlap is of windows", l.Overlap, l.OnLong)
	case !windows && l.OnLong == LongWindow:
		return fmt.Errorf("on-long is window, but this reads a text in one piece: want truncate or error")
	case !windows && l.Overlap > 0:
		return fmt.Errorf("overlap is %d, but this reads a text in one piece: overlap is of windows", l.Overlap)
	}
	return nil
}

// encode tokenizes one input that is read in one piece, and cuts it.
func (m *Model) encode(t Text, l Length) (*tokenizers.Encoding, error) {
	if err := l.check(false); err != nil {
		return nil, err
	}
	return m.cut(t, l)
}

// cut tokenizes one input and cuts it; the result and its Overflow are the windows.
func (m *Model) cut(t Text, l Length) (*tokenizers.Encoding, error) {
	if t.Err != nil {
		return nil, t.Err
	}
	if m.tokenizer == nil {
		return nil, fmt.Errorf("no tokenizer: %w", m.noTok)
	}
	limit := m.limit(l.MaxLength)
	o := tokenizers.Options{MaxLength: limit, Overlap: l.Overlap, TruncationSide: l.TruncationSide, TruncationStrategy: l.TruncationStrategy, PlainSpecial: l.PlainSpecial}
	if l.OnLong == LongError {
		o.MaxLength = 0
	}
	var e *tokenizers.Encoding
	var err error
	if t.Pair != nil {
		e, err = m.tokenizer.EncodePair(t.Text, *t.Pair, o)
	} else {
		e, err = m.tokenizer.Encode(t.Text, o)
	}
	if err != nil {
		return nil, err
	}
	if l.OnLong == LongError && len(e.IDs) > limit {
		return nil, fmt.Errorf("text of %d tokens, the limit is %d", len(e.IDs), limit)
	}
	return e, nil
}

// sequenceOf is an encoding as the encoder takes it.
func (m *Model) sequenceOf(e *tokenizers.Encoding) *sequence {
	s := &sequence{ids: e.IDs}
	if m.encoder.Config().TypeVocabSize > 1 {
		s.types = e.TypeIDs
	}
	return s
}

// sequences is a text as the one sequence of an ask.
func (m *Model) sequences(t Text, l Length) ([]*sequence, error) {
	e, err := m.encode(t, l)
	if err != nil {
		return nil, err
	}
	return []*sequence{m.sequenceOf(e)}, nil
}

// Tokenize is the folder's tokenization of a text or a pair, cut only where
// o.MaxLength says so.
func (m *Model) Tokenize(_ context.Context, t Text, o tokenizers.Options) (*tokenizers.Encoding, error) {
	if m.tokenizer == nil {
		return nil, fmt.Errorf("no tokenizer: %w", m.noTok)
	}
	if t.Pair != nil {
		return m.tokenizer.EncodePair(t.Text, *t.Pair, o)
	}
	return m.tokenizer.Encode(t.Text, o)
}
