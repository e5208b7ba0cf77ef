package conformance

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

func dropoutCases() []Case {
	var cs []Case
	add := func(name string, x Operand, rate float32, seed uint64, long bool) {
		c := Case{Op: tensor.OpDropout, Name: name, Src: []Operand{x}, Dst: []tensor.Spec{x.Spec}, Attr: tensor.Attr{Rate: rate, Seed: seed}, Long: long}
		if !long {
			v := c.values()[0]
			for i := range v {
				v[i] = kept(v[i], seed, i, rate)
			}
			c.Want = [][]float64{v}
		}
		cs = append(cs, c)
	}
	for _, n := range edges {
		add(fmt.Sprintf("n%d", n), normal(n), 0.5, 42, false)
	}
	for i, rate := range []float32{0, 0.1, 0.25, 0.9, 0.999} {
		add(fmt.Sprintf("rate%d", i), normal(7, 31), rate, 1<<40+uint64(i), false)
	}
	// Both halves of the seed count.
	add("seed-high", normal(129), 0.5, 1<<63, false)
	add("seed-all", normal(129), 0.5, 1<<64-1, false)
	add("scalar", normal(), 0.5, 3, false)
	add("rank4", normal(2, 3, 4, 5), 0.3, 7, false)
	add("empty", normal(4, 0), 0.5, 7, false)
	add("past-groups", normal(pastGroups), 0.5, 7, true)
	return cs
}

// kept is inverted dropout of element i.
func kept(x float64, seed uint64, i int, rate float32) float64 {
	if !tensor.DropoutKeep(seed, uint32(i), rate) {
		return 0
	}
	return x / (1 - float64(rate))
}
