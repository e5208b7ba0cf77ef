package cephalo

import (
	"context"
	"fmt"
	"iter"
	"sort"

	"github.com/cephalo-ml/cephalo/encoders"
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
	if err := m.needs(heads.KindTextGeneration); err != nil {
		return failed[[][]Fill](err)
	}
	if m.encoder.Config().Causal {
		return failed[[][]Fill](fmt.Errorf("%s is a causal model: it generates and does not fill masks: %w", m.head.Config().Name, tensor.ErrUnsupported))
	}
	if m.tokenizer == nil {
		return failed[[][]Fill](fmt.Errorf("no tokenizer: %w", m.noTok))
	}
	special := m.tokenizer.SpecialTokens()
	if special.MASKID < 0 {
		return failed[[][]Fill](fmt.Errorf("the tokenizer has no mask token"))
	}
	if o.TopK < 0 {
		return failed[[][]Fill](fmt.Errorf("top-k is %d, want 0 or more", o.TopK))
	}
	if o.TopK == 0 {
		o.TopK = defaultFills
	}
	prepare := func(t Text) (work[[][]float32, [][]Fill], error) {
		e, err := m.encode(t, o.Length)
		if err != nil {
			return work[[][]float32, [][]Fill]{}, err
		}
		var masks []int
		for i, id := range e.IDs {
			if id == special.MASKID {
				masks = append(masks, i)
			}
		}
		if len(masks) == 0 {
			return work[[][]float32, [][]Fill]{}, fmt.Errorf("no mask token %s in the text", special.MASK)
		}
		s := m.sequenceOf(e)
		return work[[][]float32, [][]Fill]{seqs: []sequence{s}, finish: func(w [][][]float32) ([][]Fill, error) {
			return m.fills(e, masks, w[0], o.TopK)
		}}, nil
	}
	forward := func(ctx context.Context, seqs []sequence) ([][][]float32, error) {
		return m.maskLogits(ctx, seqs, special.MASKID)
	}
	return pipeline(ctx, m, texts, prepare, forward)
}

// maskLogits runs the head on the rows of masks alone: [sequence][mask][V].
func (m *Model) maskLogits(ctx context.Context, seqs []sequence, mask int32) ([][][]float32, error) {
	batch, err := pack(seqs)
	if err != nil {
		return nil, err
	}
	var rows []int32
	for r, id := range batch.IDs {
		if id == mask {
			rows = append(rows, int32(r))
		}
	}
	out := make([][][]float32, len(seqs))
	err = m.forward(ctx, func(s *tensor.Scope) error {
		enc, err := m.encoder.Forward(s, batch, encoders.Want{})
		if err != nil {
			return err
		}
		var o heads.Output
		if pub := m.published(); pub != nil {
			at, err := tensor.Upload(s, rows, len(rows))
			if err != nil {
				return err
			}
			x, err := tensor.GatherRows(s, enc.Hidden, at, 0)
			if err != nil {
				return err
			}
			o.Logits, err = pub.Logits(s, x, true)
			if err != nil {
				return err
			}
		} else {
			if o, err = m.head.Forward(s, heads.Input{Hidden: enc.Hidden, Layout: batch.Layout}); err != nil {
				return err
			}
			at, err := tensor.Upload(s, rows, len(rows))
			if err != nil {
				return err
			}
			if o.Logits, err = tensor.GatherRows(s, o.Logits, at, 0); err != nil {
				return err
			}
		}
		v, err := tensor.Download(ctx, s, o.Logits)
		if err != nil {
			return err
		}
		w, seq := o.Logits.Cols(), batch.Layout.Seq()
		for i, r := range rows {
			out[seq[r]] = append(out[seq[r]], v[i*w:(i+1)*w])
		}
		return nil
	})
	return out, err
}

// fills are the best tokens of each mask.
func (m *Model) fills(e *tokenizers.Encoding, masks []int, logits [][]float32, k int) ([][]Fill, error) {
	out := make([][]Fill, len(masks))
	for n, at := range masks {
		p := make([]float64, len(logits[n]))
		for i, v := range logits[n] {
			p[i] = float64(v)
		}
		softmax(p)
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
				case i == at:
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
