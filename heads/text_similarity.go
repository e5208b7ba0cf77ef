package heads

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// cosineEps keeps a zero embedding from dividing by zero: it scores 0.
const cosineEps = 1e-8

// TextSimilarity embeds sentences, and scores a pair of them (spec 4.5).
type TextSimilarity struct {
	*trunk
	projection *nn.Linear
	hidden     *nn.Linear // learned: 4H -> H
	score      *nn.Linear // learned: H -> 1
}

// NewTextSimilarity builds the head's parameters in b.
func NewTextSimilarity(b *nn.Builder, cfg TaskConfig, inputDim int, opt Options) (*TextSimilarity, error) {
	cfg, opt, err := prepare(cfg, opt, KindTextSimilarity, inputDim)
	if err != nil {
		return nil, err
	}
	t := newTrunk(b, cfg, opt, KindTextSimilarity, inputDim)
	h := &TextSimilarity{trunk: t}
	w := width(cfg, opt, inputDim)
	h.projection = t.output(b, "projection", w)
	if opt.SimilarityFunction == "learned" {
		h.hidden = b.Linear("sim_hidden", 4*w, w, true, nn.GlorotUniform)
		h.score = b.Linear("sim_output", w, 1, true, nn.GlorotUniform)
	}
	return h, nil
}

// embed takes packed rows, [B,L,D] or [B,D] to embeddings [B,H], not normalized.
func (h *TextSimilarity) embed(s *tensor.Scope, in Input) (tensor.Tensor, error) {
	r, err := h.sentences(s, in)
	if err != nil {
		return tensor.Tensor{}, err
	}
	defer r.free(s)
	return h.projection.Forward(s, r.x)
}

// Forward embeds one sentence each: embeddings [B,H].
func (h *TextSimilarity) Forward(s *tensor.Scope, in Input) (out Output, err error) {
	out.Embeddings, err = h.embed(s, in)
	return out, err
}

// ForwardPair scores pairs: similarity_score [B], and, with output_embeddings,
// embeddings_1 and embeddings_2 [B,H].
func (h *TextSimilarity) ForwardPair(s *tensor.Scope, p Pair) (out Output, err error) {
	a, b, err := embedPair(s, h.cfg.Name, p, h.embed)
	if err != nil {
		return out, err
	}
	if out.SimilarityScore, err = h.compare(s, a, b); err != nil {
		return out, err
	}
	if out.SimilarityScore, err = out.SimilarityScore.Reshape(a.Dim(0)); err != nil {
		return out, err
	}
	if *h.opt.OutputEmbeddings {
		out.Embeddings1, out.Embeddings2 = a, b
		return out, nil
	}
	tensor.FreeAll(s, a, b)
	return out, nil
}

// embedPair embeds both sides, which must be of one batch size.
func embedPair(s *tensor.Scope, head string, p Pair, embed func(*tensor.Scope, Input) (tensor.Tensor, error)) (a, b tensor.Tensor, err error) {
	if a, err = embed(s, p.A); err != nil {
		return a, b, fmt.Errorf("first of the pair: %w", err)
	}
	if b, err = embed(s, p.B); err != nil {
		return a, b, fmt.Errorf("second of the pair: %w", err)
	}
	if a.Dim(0) != b.Dim(0) {
		return a, b, fmt.Errorf("head %q: a pair of %d and %d sentences, want equal numbers: %w", head, a.Dim(0), b.Dim(0), ErrInputFormat)
	}
	return a, b, nil
}

// compare scores embeddings [B,H]: [B,1].
func (h *TextSimilarity) compare(s *tensor.Scope, a, b tensor.Tensor) (tensor.Tensor, error) {
	switch h.opt.SimilarityFunction {
	case "dot":
		return dot(s, a, b)
	case "learned":
		return h.learned(s, a, b)
	}
	u, err := tensor.L2Normalize(s, a, cosineEps)
	if err != nil {
		return u, err
	}
	defer s.Free(u.Buf)
	v, err := tensor.L2Normalize(s, b, cosineEps)
	if err != nil {
		return v, err
	}
	defer s.Free(v.Buf)
	return dot(s, u, v)
}

// dot is sum(a b) over the last axis: [B,1].
func dot(s *tensor.Scope, a, b tensor.Tensor) (tensor.Tensor, error) {
	m, err := tensor.Mul(s, a, b)
	if err != nil {
		return m, err
	}
	defer s.Free(m.Buf)
	return tensor.SumCols(s, m)
}

// learned is W2 act(W1 [a, b, a*b, |a-b|]): [B,1]. It is not symmetric.
func (h *TextSimilarity) learned(s *tensor.Scope, a, b tensor.Tensor) (tensor.Tensor, error) {
	m, err := tensor.Mul(s, a, b)
	if err != nil {
		return m, err
	}
	defer s.Free(m.Buf)
	d, err := absDiff(s, a, b)
	if err != nil {
		return d, err
	}
	defer s.Free(d.Buf)
	f, err := tensor.Concat(s, a, b, m, d)
	if err != nil {
		return f, err
	}
	defer s.Free(f.Buf)
	z, err := h.hidden.ForwardAct(s, f, h.act, tensor.Tensor{})
	if err != nil {
		return z, err
	}
	defer s.Free(z.Buf)
	return h.score.Forward(s, z)
}

func absDiff(s *tensor.Scope, a, b tensor.Tensor) (tensor.Tensor, error) {
	d, err := tensor.AddScaled(s, a, b, -1)
	if err != nil {
		return d, err
	}
	defer s.Free(d.Buf)
	return tensor.Activation(s, d, tensor.ActAbs)
}
