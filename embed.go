package cephalo

import (
	"context"
	"fmt"
	"iter"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/tensor"
)

// EmbedOptions are the rare knobs of Embed. What is unset is the folder's own
// (modules.json), else mean pooling (last for a causal encoder), not normalized.
type EmbedOptions struct {
	Length
	Pooling    string // cls, mean, max or last
	Normalize  *bool
	Dimensions int    // keep the first n, before normalizing; 0: all
	Prompt     string // a name of the folder's prompts, else the text itself
}

// l2Eps is torch.nn.functional.normalize's: a zero vector stays zero.
const l2Eps = 1e-12

// Embed gives a vector for each text, in order: the encoder's, pooled, through the
// modules of the folder. Heads take no part: the embedding of a similarity head is
// what Predict gives for a text. A text's vector does not depend on its neighbours.
func (m *Model) Embed(ctx context.Context, texts []string, opts ...EmbedOptions) ([][]float32, error) {
	o, err := one(opts)
	if err != nil {
		return nil, err
	}
	return all(m.EmbedSeq(ctx, textsOf(texts), o))
}

// EmbedSeq embeds texts as they come.
func (m *Model) EmbedSeq(ctx context.Context, texts iter.Seq[Text], o EmbedOptions) iter.Seq2[[]float32, error] {
	e, err := m.embedder(o)
	if err != nil {
		return failed[[]float32](err)
	}
	prepare := func(t Text) (work[[]float32], error) {
		t.Text = e.prompt + t.Text
		seqs, err := m.sequences(t, o.Length)
		if err != nil {
			return work[[]float32]{}, err
		}
		return oneAsk(ask{seqs: seqs}, func(out output) ([]float32, error) { return out.vector, nil }), nil
	}
	return pipeline(ctx, m, texts, prepare, e.vectors)
}

// EmbeddingWidth is the length of the vectors that Embed gives.
func (m *Model) EmbeddingWidth(o EmbedOptions) (int, error) {
	e, err := m.embedder(o)
	if err != nil {
		return 0, err
	}
	return e.width, nil
}

// embedder is the folder's way to vectors with the options over it.
type embedder struct {
	m         *Model
	st        *sentence
	poolings  []tensor.Pooling
	dims      int
	width     int // of the vectors, after dims
	normalize bool
	prompt    string
}

func (m *Model) embedder(o EmbedOptions) (*embedder, error) {
	e := &embedder{m: m, st: m.sentence, poolings: []tensor.Pooling{tensor.PoolMean}, dims: o.Dimensions}
	if m.encoder.Config().Causal {
		e.poolings = []tensor.Pooling{tensor.PoolLast}
	}
	width := m.encoder.Config().HiddenSize
	if e.st != nil {
		e.normalize = e.st.normalize
		if len(e.st.poolings) > 0 {
			e.poolings = e.st.poolings
		}
		var err error
		if e.prompt, err = e.st.promptOf(o.Prompt); err != nil {
			return nil, err
		}
	} else {
		e.prompt = o.Prompt
	}
	if o.Pooling != "" {
		p, err := tensor.ParsePooling(o.Pooling)
		if err != nil || p == tensor.PoolAttention {
			return nil, fmt.Errorf("pooling %q is unknown, want cls, mean, max or last", o.Pooling)
		}
		e.poolings = []tensor.Pooling{p}
	}
	if o.Normalize != nil {
		e.normalize = *o.Normalize
	}
	width *= len(e.poolings)
	if e.st != nil {
		for i, d := range e.st.dense {
			if d.in != width {
				return nil, fmt.Errorf("dense module %d takes vectors of %d, the pooling gives %d", i, d.in, width)
			}
			width = d.out
		}
	}
	if o.Dimensions < 0 || o.Dimensions > width {
		return nil, fmt.Errorf("dimensions is %d, want 1 to the width %d", o.Dimensions, width)
	}
	if e.width = width; e.dims > 0 {
		e.width = e.dims
	}
	return e, nil
}

// vectors runs sequences through encoder, pooling and the modules behind it.
func (e *embedder) vectors(ctx context.Context, asks []ask) ([]output, error) {
	seqs, at := distinct(asks)
	batch, err := pack(seqs)
	if err != nil {
		return nil, err
	}
	outs := make([]output, len(asks))
	err = e.m.forward(ctx, func(s *tensor.Scope) error {
		enc, err := e.m.encoder.Forward(s, batch, encoders.Want{})
		if err != nil {
			return err
		}
		var parts []tensor.Tensor
		for _, p := range e.poolings {
			y, err := tensor.Pool(s, enc.Hidden, batch.Layout, p, tensor.Tensor{}, tensor.Tensor{})
			if err != nil {
				return err
			}
			parts = append(parts, y)
		}
		x := parts[0]
		if len(parts) > 1 {
			if x, err = tensor.Concat(s, parts...); err != nil {
				return err
			}
		}
		if e.st != nil {
			for _, d := range e.st.dense {
				if x, err = d.layer.ForwardAct(s, x, d.act, tensor.Tensor{}); err != nil {
					return err
				}
			}
		}
		if e.dims > 0 {
			if x, err = x.Columns(0, e.dims); err != nil {
				return err
			}
		}
		if e.normalize {
			if x, err = tensor.L2Normalize(s, x, l2Eps); err != nil {
				return err
			}
		}
		v, err := tensor.Download(ctx, s, x)
		if err != nil {
			return err
		}
		w := len(v) / len(seqs)
		for i, a := range asks {
			k := at[a.seqs[0]]
			outs[i].vector = v[k*w : (k+1)*w]
			outs[i].check("the encoder")
		}
		return nil
	})
	return outs, err
}
