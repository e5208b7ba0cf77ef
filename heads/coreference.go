package heads

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// CoreferenceResolver scores spans as mentions and, for each, the earlier ones as
// its antecedent: span scoring and antecedent ranking of Lee et al. 2017 ("End-to-end
// Neural Coreference Resolution") in the start-to-end form of Kirstain et al. 2021
// ("Coreference Resolution without Span Representations"), where a span is its two
// ends and all scores are biaffine; without its layer norms. Nothing is pruned
// inside: the caller's targets are the candidates, Mentions and PruneSpans their
// pruning. Clusters reads the result.
type CoreferenceResolver struct {
	*trunk
	spaces     *nn.Linear // mention start and end, antecedent start and end
	mentionAt  *nn.Linear // [start, end] -> 1
	mention    *nn.Linear // start B + b: [A,A], [A]
	antecedent *nn.Linear // the four bilinear forms of starts and ends as one: [2A,2A], [2A]
}

// NewCoreferenceResolver builds the head's parameters in b.
func NewCoreferenceResolver(b *nn.Builder, cfg TaskConfig, inputDim int, opt Options) (*CoreferenceResolver, error) {
	cfg, opt, err := prepare(cfg, opt, KindCoreference, inputDim)
	if err != nil {
		return nil, err
	}
	t := newTrunk(b, cfg, opt, KindCoreference, inputDim)
	w := t.cur
	return &CoreferenceResolver{
		trunk:      t,
		spaces:     b.FusedLinear(w, w, true, nn.GlorotUniform, "mention_start", "mention_end", "antecedent_start", "antecedent_end"),
		mentionAt:  t.outputOf(b, "mention_score", 2*w, 1),
		mention:    b.Linear("mention", w, w, true, nn.GlorotUniform),
		antecedent: b.Linear("antecedent", 2*w, 2*w, true, nn.GlorotUniform),
	}, nil
}

// Forward takes packed rows or [B,L,D] and the candidate spans as targets, in the
// order of the text (CandidateSpans makes all up to a width). mention_scores [B,M],
// M the most candidates of a sequence; antecedent_logits [B,M,M+1]: 0 for "none",
// which is always 0, and for candidate j+1 < i the sum of both mention scores and of
// the pair's. What is no candidate scores -1e9.
func (h *CoreferenceResolver) Forward(s *tensor.Scope, in Input) (out Output, err error) {
	if in.MentionsOnly {
		return h.Mentions(s, in)
	}
	m, err := h.score(s, in, h.spaces)
	if err != nil {
		return out, err
	}
	defer tensor.FreeAll(s, m.starts, m.ends, m.own)
	if out.AntecedentLogits, err = h.rank(s, m); err != nil {
		return out, err
	}
	out.MentionScores, err = m.masked(s)
	return out, err
}

// Mentions is Forward without its antecedents: the mention_scores [B,M] of in.Targets
// alone, which cost no memory of M^2. PruneSpans leaves the best of them, for Forward.
func (h *CoreferenceResolver) Mentions(s *tensor.Scope, in Input) (out Output, err error) {
	spaces, err := h.mentionSpaces()
	if err != nil {
		return out, err
	}
	m, err := h.score(s, in, spaces)
	if err != nil {
		return out, err
	}
	defer tensor.FreeAll(s, m.starts, m.ends, m.own)
	out.MentionScores, err = m.masked(s)
	return out, err
}

// mentionSpaces is the half of spaces that mention scores read.
func (h *CoreferenceResolver) mentionSpaces() (*nn.Linear, error) {
	w, err := h.spaces.Weight.Slice(0, 2*h.cur)
	if err != nil {
		return nil, err
	}
	b, err := h.spaces.Bias.Slice(0, 2*h.cur)
	return &nn.Linear{Weight: w, Bias: b}, err
}

// mentions are candidates with what they score by themselves.
type mentions struct {
	*candidates
	starts, ends tensor.Tensor // either end in the spaces: [B*M,2W] or [B*M,4W]
	own          tensor.Tensor // [B*M,1]
}

// score gives the candidates their mention scores, by spaces.
func (h *CoreferenceResolver) score(s *tensor.Scope, in Input, spaces *nn.Linear) (m mentions, err error) {
	if err := needTargets(h.cfg.Name, in, "candidate spans"); err != nil {
		return m, err
	}
	r, err := h.tokens(s, in)
	if err != nil {
		return m, err
	}
	if m.candidates, err = h.candidates(r, in.Targets); err != nil {
		return m, err
	}
	y, err := spaces.ForwardAct(s, r.x, h.act, tensor.Tensor{})
	if err := r.step(s, y, err); err != nil {
		return m, err
	}
	if r.x, err = nn.Dropout(s, r.x, h.rate); err != nil {
		return m, err
	}
	if m.starts, err = gather(s, r.x, m.start); err != nil {
		return m, err
	}
	if m.ends, err = gather(s, r.x, m.end); err != nil {
		return m, err
	}
	r.free(s)
	m.own, err = h.mentionScores(s, m.starts, m.ends, h.cur)
	return m, err
}

// masked are the scores [B,M], -1e9 in empty slots.
func (m mentions) masked(s *tensor.Scope) (tensor.Tensor, error) {
	mask, err := tensor.Upload(s, m.absent, len(m.absent), 1)
	if err != nil {
		return mask, err
	}
	defer s.Free(mask.Buf)
	y, err := tensor.Add(s, m.own, mask)
	if err != nil {
		return y, err
	}
	return y.Reshape(m.b, m.m)
}

// candidates are the candidate spans in slots [B,M].
type candidates struct {
	b, m       int
	start, end []int32   // row of either end, -1 in an empty slot
	absent     []float32 // -1e9 in an empty slot
}

func (h *CoreferenceResolver) candidates(r *rowsIn, ts []Target) (*candidates, error) {
	spans, err := r.spans(h.cfg.Name, ts)
	if err != nil {
		return nil, err
	}
	c := &candidates{b: r.rows.Batch()}
	count := make([]int, c.b)
	slot := make([]int, len(ts))
	for i, t := range ts {
		if i > 0 && byText(ts[i-1], t) >= 0 {
			return nil, fmt.Errorf("head %q: target %d comes before target %d in the text, want them in order and each once: %w", h.cfg.Name, i, i-1, ErrInputFormat)
		}
		slot[i] = count[t.Seq]
		count[t.Seq]++
		c.m = max(c.m, count[t.Seq])
	}
	n := c.b * c.m
	c.start, c.end, c.absent = make([]int32, n), make([]int32, n), make([]float32, n)
	for i := range n {
		c.start[i], c.end[i], c.absent[i] = -1, -1, maskedLogit
	}
	for i, t := range ts {
		at := t.Seq*c.m + slot[i]
		c.start[at], c.end[at], c.absent[at] = spans[i].lo, spans[i].hi-1, 0
	}
	return c, nil
}

// mentionScores is v [start, end] + end^T (B start + b): [B*M,1].
func (h *CoreferenceResolver) mentionScores(s *tensor.Scope, starts, ends tensor.Tensor, w int) (tensor.Tensor, error) {
	start, err := starts.Columns(0, w)
	if err != nil {
		return start, err
	}
	end, err := ends.Columns(w, 2*w)
	if err != nil {
		return end, err
	}
	both, err := tensor.Concat(s, start, end)
	if err != nil {
		return both, err
	}
	defer s.Free(both.Buf)
	v, err := h.mentionAt.Forward(s, both)
	if err != nil {
		return v, err
	}
	defer s.Free(v.Buf)
	u, err := h.mention.Forward(s, start)
	if err != nil {
		return u, err
	}
	defer s.Free(u.Buf)
	p, err := dot(s, u, end)
	if err != nil {
		return p, err
	}
	defer s.Free(p.Buf)
	return tensor.Add(s, p, v)
}

// rank is the score of each candidate as the antecedent of each later one, after a
// column of zeros: [B,M,M+1]. The mention score of the antecedent rides along as one
// more column of the product.
func (h *CoreferenceResolver) rank(s *tensor.Scope, m mentions) (tensor.Tensor, error) {
	var none tensor.Tensor
	c, w := m.candidates, h.cur
	start, err := m.starts.Columns(2*w, 3*w)
	if err != nil {
		return none, err
	}
	end, err := m.ends.Columns(3*w, 4*w)
	if err != nil {
		return none, err
	}
	q, err := tensor.Concat(s, start, end)
	if err != nil {
		return none, err
	}
	defer s.Free(q.Buf)
	u, err := h.antecedent.Forward(s, q)
	if err != nil {
		return none, err
	}
	defer s.Free(u.Buf)
	one, err := tensor.Scale(s, m.own, 0, 1)
	if err != nil {
		return none, err
	}
	defer s.Free(one.Buf)
	left, err := tensor.Concat(s, u, one)
	if err != nil {
		return none, err
	}
	defer s.Free(left.Buf)
	right, err := tensor.Concat(s, q, m.own)
	if err != nil {
		return none, err
	}
	defer s.Free(right.Buf)
	if left, err = left.Reshape(c.b, c.m, 2*w+1); err != nil {
		return none, err
	}
	if right, err = right.Reshape(c.b, c.m, 2*w+1); err != nil {
		return none, err
	}
	pairs, err := tensor.MatMul(s, left, right, false, true)
	if err != nil {
		return none, err
	}
	defer s.Free(pairs.Buf)
	if pairs, err = pairs.Reshape(c.b*c.m, c.m); err != nil {
		return none, err
	}
	withOwn, err := tensor.Add(s, pairs, m.own)
	if err != nil {
		return none, err
	}
	defer s.Free(withOwn.Buf)
	earlier, err := tensor.Upload(s, c.earlier(), c.b*c.m, c.m)
	if err != nil {
		return none, err
	}
	defer s.Free(earlier.Buf)
	masked, err := tensor.Add(s, withOwn, earlier)
	if err != nil {
		return none, err
	}
	defer s.Free(masked.Buf)
	dummy, err := tensor.Upload(s, make([]float32, c.b*c.m), c.b*c.m, 1)
	if err != nil {
		return none, err
	}
	defer s.Free(dummy.Buf)
	y, err := tensor.Concat(s, dummy, masked)
	if err != nil {
		return none, err
	}
	return y.Reshape(c.b, c.m, c.m+1)
}

// earlier is 0 where slot j lies before slot i and both are filled, else -1e9.
func (c *candidates) earlier() []float32 {
	mask := make([]float32, c.b*c.m*c.m)
	for i := range mask {
		slot, j := i/c.m, i%c.m
		if j >= slot%c.m || c.start[slot] < 0 {
			mask[i] = maskedLogit
		}
	}
	return mask
}
