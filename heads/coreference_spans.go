package heads

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/cephalo-ml/cephalo/tensor"
)

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

// byText orders spans by sequence, start and end.
func byText(a, b Target) int {
	return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End))
}

// PruneSpans leaves the candidates that are worth ranking, as Lee et al. 2017 prune in
// section 5: those of each sequence are taken by falling score, the earlier one on
// ties, until keep(seq) are taken; one that crosses a better one, so that they overlap
// and neither holds the other, is left out. scores are aligned with candidates (by
// slots, Mentions gives them); a candidate whose score is NaN or missing is left out.
// The result is in the order of the text.
func PruneSpans(candidates []Target, scores []float32, keep func(seq int) int) []Target {
	var order []int
	for i := range candidates[:min(len(candidates), len(scores))] {
		if !math.IsNaN(float64(scores[i])) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	kept := map[int][]Target{} // by sequence
	var out []Target
	for _, i := range order {
		c := candidates[i]
		if len(kept[c.Seq]) >= keep(c.Seq) || slices.ContainsFunc(kept[c.Seq], c.crosses) {
			continue
		}
		kept[c.Seq] = append(kept[c.Seq], c)
		out = append(out, c)
	}
	slices.SortStableFunc(out, byText)
	return out
}

// crosses says that two spans of a sequence overlap and neither holds the other.
func (t Target) crosses(o Target) bool {
	if o.Start < t.Start {
		t, o = o, t
	}
	return t.Start < o.Start && o.Start < t.End && t.End < o.End
}

// Clusters joins every candidate with its best antecedent, where one beats "none":
// for each sequence the clusters, by their first mention, as slots of its candidates. The
// first wins on ties. A logit that is not finite is an error.
func Clusters(out Result) ([][][]int, error) {
	h := out["antecedent_logits"]
	if h.Rank != 3 || h.Dim(2) != h.Dim(1)+1 {
		return nil, fmt.Errorf("antecedent_logits is %v, want [B,M,M+1]: %w", h.Spec, ErrInputFormat)
	}
	v, err := out.finite("antecedent_logits")
	if err != nil {
		return nil, err
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
