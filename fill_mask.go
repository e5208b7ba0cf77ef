package cephalo

import (
	"context"
	"fmt"
	"iter"
	"sort"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
	"github.com/cephalo-ml/cephalo/tokenizers"
)

// Fill is one token for a mask.
type Fill struct {
	Score    float64 `json:"score"` // probability over the whole vocabulary
	Token    int32   `json:"token"`
	TokenStr string  `json:"token_str"`
	Sequence string  `json:"sequence"` // the text with this mask filled, the others left
}

// FillMaskOptions are the rare knobs of FillMask.
type FillMaskOptions struct {
	Length
	TopK int // tokens a mask; 0: 5
}

// defaultFills is Hugging Face's top_k.
const defaultFills = 5

// FillMask gives, for each text, one list a mask with the most probable tokens.
func (m *Model) FillMask(ctx context.Context, texts []string, o FillMaskOptions) ([][][]Fill, error) {
	return all(m.FillMaskSeq(ctx, textsOf(texts), o))
}

// FillMaskSeq fills masks as texts come.
func (m *Model) FillMaskSeq(ctx context.Context, texts iter.Seq[Text], o FillMaskOptions) iter.Seq2[[][]Fill, error] {
	t, err := m.task(heads.KindTextGeneration)
	if err != nil {
		return failed[[][]Fill](fmt.Errorf("filling masks needs a masked language model: %w", err))
	}
	prepare, err := m.filler(t, o)
	if err != nil {
		return failed[[][]Fill](err)
	}
	return pipeline(ctx, m, texts, prepare, m.answer)
}

// filler prepares texts for a masked language model, which computes the rows of
// masks alone.
func (m *Model) filler(t *task, o FillMaskOptions) (func(Text) (work[[][]Fill], error), error) {
	if m.encoder.Config().Causal {
		return nil, fmt.Errorf("%s is a causal model: it generates and does not fill masks: %w", t.name, tensor.ErrUnsupported)
	}
	if m.tokenizer == nil {
		return nil, fmt.Errorf("no tokenizer: %w", m.noTok)
	}
	if err := m.speaks(t); err != nil {
		return nil, err
	}
	special := m.tokenizer.SpecialTokens()
	if special.MASKID < 0 {
		return nil, fmt.Errorf("the tokenizer has no mask token: %w", tensor.ErrUnsupported)
	}
	if o.TopK < 0 {
		return nil, fmt.Errorf("top-k is %d, want 0 or more", o.TopK)
	}
	if o.TopK == 0 {
		o.TopK = defaultFills
	}
	return func(in Text) (work[[][]Fill], error) {
		e, err := m.encode(in, o.Length)
		if err != nil {
			return work[[][]Fill]{}, err
		}
		var masks []heads.Target
		for i, id := range e.IDs {
			if id == special.MASKID {
				masks = append(masks, heads.Target{Start: i, End: i + 1})
			}
		}
		for _, w := range e.Overflow {
			if !holdsMasks(e, w, special.MASKID) {
				return work[[][]Fill]{}, fmt.Errorf("a mask token %s lies outside the %d tokens that are read of the text", special.MASK, len(e.IDs))
			}
		}
		if len(masks) == 0 {
			return work[[][]Fill]{}, fmt.Errorf("no mask token %s in the text", special.MASK)
		}
		return oneAsk(ask{task: t, seqs: []*sequence{m.sequenceOf(e)}, targets: masks}, func(out output) ([][]Fill, error) {
			return m.fills(e, masks, out.rows, o.TopK)
		}), nil
	}, nil
}

// holdsMasks says whether each mask of a further window is one of the first's, as
// where the window repeats the other text of a pair.
func holdsMasks(e, w *tokenizers.Encoding, mask int32) bool {
	for i, id := range w.IDs {
		if id != mask {
			continue
		}
		held := false
		for j, own := range e.IDs {
			held = held || own == mask && e.Sequence[j] == w.Sequence[i] && e.Offsets[j] == w.Offsets[i]
		}
		if !held {
			return false
		}
	}
	return true
}

// fills are the best tokens of each mask.
func (m *Model) fills(e *tokenizers.Encoding, masks []heads.Target, logits [][]float32, k int) ([][]Fill, error) {
	out := make([][]Fill, len(masks))
	for n, mask := range masks {
		p := probabilities(logits[n])
		ids := make([]int, len(p))
		for i := range ids {
			ids[i] = i
		}
		sort.SliceStable(ids, func(a, b int) bool { return p[ids[a]] > p[ids[b]] })
		for _, id := range ids[:min(k, len(ids))] {
			str, err := m.tokenizer.Decode([]int32{int32(id)}, false)
			if err != nil {
				return nil, err
			}
			var text []int32
			for i, t := range e.IDs {
				switch {
				case i == mask.Start:
					text = append(text, int32(id))
				case !e.Special[i]:
					text = append(text, t)
				}
			}
			seq, err := m.tokenizer.Decode(text, false)
			if err != nil {
				return nil, err
			}
			out[n] = append(out[n], Fill{Score: p[id], Token: int32(id), TokenStr: str, Sequence: seq})
		}
	}
	return out, nil
}
