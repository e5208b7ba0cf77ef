package cephalo

import (
	"context"
	"sort"

	"github.com/cephalo-ml/cephalo/tensor"
)

// hypothesis is a continuation with its summed log-probability.
type hypothesis struct {
	ids  []int32
	sum  float64
	from int // the beam it grew from
}

// mean is the score by which ended hypotheses compare: the sum over the length,
// as Hugging Face with length_penalty 1.
func (h hypothesis) mean() float64 { return h.sum / float64(max(len(h.ids), 1)) }

// search is the beam search of one prompt.
type search struct {
	running []hypothesis
	ended   []hypothesis // best first, at most as many as beams
	done    bool
}

// beams continues every prompt by beam search: each step keeps the best
// continuations by summed log-probability.
func (m *Model) beams(ctx context.Context, prompts [][]int32, o GenerateOptions) ([][]int32, error) {
	k := o.NumBeams
	d, n, err := m.newDecoder(prompts, o, k)
	if err != nil {
		return nil, err
	}
	defer d.cache.Release()
	// All beams of a prompt begin alike; the first step grows from one alone.
	next := make([][]int32, len(prompts)*k)
	all := make([]*search, len(prompts))
	for i, p := range prompts {
		all[i] = &search{running: []hypothesis{{}}}
		for b := range k {
			next[i*k+b] = p
		}
	}
	for step := range n {
		logits, err := d.step(ctx, next)
		if err != nil {
			return nil, err
		}
		from, going := make([]int32, len(next)), false
		for i, s := range all {
			for b := range k {
				from[i*k+b], next[i*k+b] = int32(i*k+b), nil
			}
			if s.done {
				continue
			}
			s.grow(logits[i*k:(i+1)*k], k, d.eos)
			full := step+1 == n || len(prompts[i])+step+1 >= d.enc.Config().MaxTokens
			if s.done = full || s.settled(k); s.done {
				continue
			}
			going = true
			for b, h := range s.running {
				from[i*k+b] = int32(i*k + h.from)
				next[i*k+b] = []int32{h.ids[len(h.ids)-1]}
			}
		}
		if !going {
			break
		}
		if err := m.forward(ctx, func(s *tensor.Scope) error {
			if err := d.cache.Reorder(s, from); err != nil {
				return err
			}
			return s.Read(ctx, nil)
		}); err != nil {
			return nil, err
		}
	}
	out := make([][]int32, len(prompts))
	for i, s := range all {
		best := append(append([]hypothesis{}, s.ended...), s.running...)
		sort.SliceStable(best, func(a, b int) bool { return best[a].mean() > best[b].mean() })
		out[i] = best[0].ids
	}
	return out, nil
}

// grow replaces the running hypotheses by their k best continuations that do not
// end, and adds those that end, among the 2k best, to the ended ones.
func (s *search) grow(logits [][]float32, k int, eos map[int32]bool) {
	var next []hypothesis
	for b, h := range s.running {
		logp := make([]float64, len(logits[b]))
		for i, x := range logits[b] {
			logp[i] = float64(x)
		}
		logSoftmax(logp)
		ids := make([]int, len(logp))
		for i := range ids {
			ids[i] = i
		}
		sort.SliceStable(ids, func(x, y int) bool { return logp[ids[x]] > logp[ids[y]] })
		for _, id := range ids[:min(2*k, len(ids))] {
			next = append(next, hypothesis{ids: append(append([]int32{}, h.ids...), int32(id)), sum: h.sum + logp[id], from: b})
		}
	}
	sort.SliceStable(next, func(a, b int) bool { return next[a].sum > next[b].sum })
	s.running = s.running[:0:0]
	for rank, h := range next[:min(2*k, len(next))] {
		switch {
		case !eos[h.ids[len(h.ids)-1]]:
			if len(s.running) < k {
				s.running = append(s.running, h)
			}
		case rank < k:
			s.ended = append(s.ended, h)
		}
	}
	sort.SliceStable(s.ended, func(a, b int) bool { return s.ended[a].mean() > s.ended[b].mean() })
	s.ended = s.ended[:min(len(s.ended), k)]
}

// settled says whether no running hypothesis can still beat the ended ones.
func (s *search) settled(k int) bool {
	if len(s.running) == 0 {
		return true
	}
	return len(s.ended) >= k && s.running[0].mean() <= s.ended[k-1].mean()
}
