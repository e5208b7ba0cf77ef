package cephalo

import (
	"math/rand/v2"
	"sort"
)

// newSampler gives the choice of the next token of prompt i: the most probable
// one, lowest id on ties, or a seeded draw.
func newSampler(o GenerateOptions, n int) func(i int, logits []float32) int32 {
	if !o.sampling() {
		return func(_ int, logits []float32) int32 { return argmax(logits) }
	}
	draws := make([]*rand.PCG, n)
	for i := range draws {
		draws[i] = rand.NewPCG(o.Seed, uint64(i))
	}
	return func(i int, logits []float32) int32 {
		u := float64(draws[i].Uint64()>>11) / (1 << 53)
		return sample(logits, o, u)
	}
}

func argmax(v []float32) int32 {
	best := 0
	for i, x := range v {
		if x > v[best] {
			best = i
		}
	}
	return int32(best)
}

// sample draws from softmax(logits/T), cut to the k most probable tokens and then
// to the fewest whose probability reaches p (Holtzman et al. 2020), with u uniform
// in [0, 1).
func sample(logits []float32, o GenerateOptions, u float64) int32 {
	t := o.Temperature
	if t == 0 {
		t = 1
	}
	ids := make([]int, len(logits))
	for i := range ids {
		ids[i] = i
	}
	sort.SliceStable(ids, func(a, b int) bool { return logits[ids[a]] > logits[ids[b]] })
	if o.TopK > 0 && o.TopK < len(ids) {
		ids = ids[:o.TopK]
	}
	p := make([]float64, len(ids))
	for i, id := range ids {
		p[i] = float64(logits[id]) / t
	}
	softmax(p)
	if o.TopP > 0 && o.TopP < 1 {
		sum := 0.0
		for i, v := range p {
			if sum += v; sum >= o.TopP {
				p, ids = p[:i+1], ids[:i+1]
				break
			}
		}
	}
	total := 0.0
	for _, v := range p {
		total += v
	}
	for i, v := range p {
		if u -= v / total; u < 0 {
			return int32(ids[i])
		}
	}
	return int32(ids[len(ids)-1])
}
