package heads

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// CoreferenceResolver scores spans as mentions and, for each, the earlier ones as
// its antecedent: span scoring and antecedent ranking of Lee et al. 2017 ("End-to-end
// Neural Coreference Resolution") in the start-to-end form of Kirstain et al. 2021
// ("Coreference Resolution without Span Representations"), where a span is its two
// ends and all scores are biaffine; without its layer norms. Nothing is pruned
// inside: the caller's targets are the candidates. Clusters reads the result.
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
	if err := needTargets(h.cfg.Name, in, "candidate spans"); err != nil {
		return out, err
	}
	r, err := h.tokens(s, in)
	if err != nil {
		return out, err
	}
	c, err := h.candidates(r, in.Targets)
	if err != nil {
		return out, err
	}
	y, err := h.spaces.ForwardAct(s, r.x, h.act, tensor.Tensor{})
	if err := r.step(s, y, err); err != nil {
		return out, err
	}
	if r.x, err = nn.Dropout(s, r.x, h.rate); err != nil {
		return out, err
	}
	starts, err := gather(s, r.x, c.start)
	if err != nil {
		return out, err
	}
	defer s.Free(starts.Buf)
	ends, err := gather(s, r.x, c.end)
	if err != nil {
		return out, err
	}
	defer s.Free(ends.Buf)
	r.free(s)
	w := h.cur
	mentions, err := h.mentionScores(s, starts, ends, w)
	if err != nil {
		return out, err
	}
	defer s.Free(mentions.Buf)
	if out.AntecedentLogits, err = h.rank(s, starts, ends, mentions, c, w); err != nil {
		return out, err
	}
	mask, err := tensor.Upload(s, c.absent, len(c.absent), 1)
	if err != nil {
		return out, err
	}
	defer s.Free(mask.Buf)
	if out.MentionScores, err = tensor.Add(s, mentions, mask); err != nil {
		return out, err
	}
	out.MentionScores, err = out.MentionScores.Reshape(c.b, c.m)
	return out, err
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
		if i > 0 && !inOrder(ts[i-1], t) {
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

func inOrder(a, b Target) bool {
	switch {
	case a.Seq != b.Seq:
		return a.Seq < b.Seq
	case a.Start != b.Start:
		return a.Start < b.Start
	}
	return a.End < b.End
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
func (h *CoreferenceResolver) rank(s *tensor.Scope, starts, ends, mentions tensor.Tensor, c *candidates, w int) (tensor.Tensor, error) {
	var none tensor.Tensor
	start, err := starts.Columns(2*w, 3*w)
	if err != nil {
		return none, err
	}
	end, err := ends.Columns(3*w, 4*w)
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
	one, err := tensor.Scale(s, mentions, 0, 1)
	if err != nil {
		return none, err
	}
	defer s.Free(one.Buf)
	left, err := tensor.Concat(s, u, one)
	if err != nil {
		return none, err
	}
	defer s.Free(left.Buf)
	right, err := tensor.Concat(s, q, mentions)
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
	withOwn, err := tensor.Add(s, pairs, mentions)
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

// CandidateSpans are all spans of up to maxWidth kept tokens, in the order of the
// text: what CoreferenceResolver ranks where no candidates are known.
func CandidateSpans(rows *tensor.Layout, maxWidth int) []Target {
	var ts []Target
	for seq, lo := range rows.Start {
		pos := rows.Pos[lo : lo+rows.Len[seq]]
		for i := range pos {
			for j := i; j < min(i+maxWidth, len(pos)); j++ {
				ts = append(ts, Target{Seq: seq, Start: int(pos[i]), End: int(pos[j]) + 1})
			}
		}
	}
	return ts
}

// Clusters joins every candidate with its best antecedent, where one beats "none":
// for each sequence the clusters, by their first mention, as slots of its candidates. The
// first wins on ties.
func Clusters(out Result) ([][][]int, error) {
	h := out["antecedent_logits"]
	if h.Rank != 3 || h.Dim(2) != h.Dim(1)+1 {
		return nil, fmt.Errorf("antecedent_logits is %v, want [B,M,M+1]: %w", h.Spec, ErrInputFormat)
	}
	v, err := h.Float32()
	if err != nil {
		return nil, fmt.Errorf("antecedent_logits: %w", err)
	}
	m := h.Dim(1)
	all := make([][][]int, h.Dim(0))
	for b := range all {
		of := map[int]int{} // slot -> cluster
		for i := range m {
			best, at := float32(math.Inf(-1)), 0
			for j, x := range v[(b*m+i)*(m+1):][:i+1] {
				if x > best {
					best, at = x, j
				}
			}
			if at == 0 {
				continue
			}
			k, ok := of[at-1]
			if !ok {
				k = len(all[b])
				of[at-1] = k
				all[b] = append(all[b], []int{at - 1})
			}
			of[i] = k
			all[b][k] = append(all[b][k], i)
		}
		slices.SortFunc(all[b], func(x, y []int) int { return cmp.Compare(x[0], y[0]) })
	}
	return all, nil
}
