package conformance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cephalo-ml/cephalo/tensor"
)

// RunUnseen holds b to what attention promises of keys that a query does not see, beyond
// the contract: that whatever they hold has no part in its result. reference is as in Run.
func RunUnseen(t *testing.T, b, reference tensor.Backend) {
	s := &suite{b: b, reference: reference}
	for _, c := range attentionUnseen() {
		t.Run(c.Op.String()+"/"+c.Name, func(t *testing.T) { s.runCase(t, &c) })
	}
}

// attentionUnseen are cases with NaN and infinities in keys and values: they reach the
// queries that see such a key, and those alone.
func attentionUnseen() (cs []Case) {
	plain := tensor.Attr{Left: -1, Right: -1}
	causal := tensor.Attr{Left: -1, Right: -1, Causal: true}
	local := tensor.Attr{Left: 3, Right: 2}
	behind := tensor.Attr{Left: 5, Right: -1, Causal: true}
	for _, d := range []int{7, 8, 80} {
		add := func(name string, l *tensor.Layout, at tensor.Attr, bad ...int) {
			cs = append(cs, unseenPair(fmt.Sprintf("unseen-%s-dim%d", name, d), l, shapeOfHeads{2, 1, d}, at, bad)...)
		}
		add("plain", tensor.NewLayout(5, 1, 7), plain, 5)
		add("causal", tensor.NewLayout(3, 21, 2), causal, 12, 17, 23)
		add("causal-all-later", tensor.NewLayout(6), causal, 1, 2, 3, 4, 5)
		add("local", tensor.NewLayout(3, 40), local, 2, 20, 35)
		add("causal-local", tensor.NewLayout(3, 40), behind, 2, 20, 35)
		add("gaps", gapped(3, 1, 33, 2), local, 17)
		add("holes", masked("110101101101", "001110110111"), local, 4, 11)
		add("unordered", unordered(tensor.NewLayout(4, 23)), causal, 9, 15)
		add("unordered-local", unordered(tensor.NewLayout(4, 37)), local, 9, 15)
	}
	return cs
}

// unordered turns positions around within a sequence, in strides.
func unordered(l *tensor.Layout) *tensor.Layout {
	for b, start := range l.Start {
		for i := range l.Len[b] {
			l.Pos[start+i] = (i*5 + 3) % l.Len[b] // no length is a multiple of 5
		}
	}
	return l
}

// unseenPair is attentionPair over one layout, with the keys and values of the bad rows
// spoilt. What they reach is left open: comparing NaN would say nothing.
func unseenPair(name string, l *tensor.Layout, sh shapeOfHeads, at tensor.Attr, bad []int) []Case {
	pair := attentionPair(name, l, l, sh, at, false)
	seq := l.Seq()
	sees := func(q, k int) bool {
		return seq[q] >= 0 && seq[q] == seq[k] && inSight(at, l.Pos[q], l.Pos[k])
	}
	spoilt := make([]bool, l.Rows()) // queries that see a bad key
	for q := range spoilt {
		spoilt[q] = slices.ContainsFunc(bad, func(k int) bool { return sees(q, k) })
	}
	reached := make([]bool, l.Rows()) // keys that such a query sees
	for k := range reached {
		for q := range spoilt {
			reached[k] = reached[k] || spoilt[q] && sees(q, k)
		}
	}
	for i := range pair {
		c := &pair[i]
		c.Src = slices.Clone(c.Src)
		for _, o := range []int{1, 2} {
			c.Src[o] = spoil(c.Src[o], bad)
		}
		c.Spoilt = func(dst, e int) bool {
			inner, open := sh.h*sh.d, spoilt
			switch {
			case i == 0 && dst == 1:
				inner = sh.h
			case i == 1 && dst > 0:
				inner, open = sh.kv*sh.d, reached
			}
			return open[e/inner]
		}
	}
	return pair
}

// spoil is o with no finite number in the bad rows.
func spoil(o Operand, bad []int) Operand {
	return Operand{o.Spec, func(r *rand.Rand, i int) float64 {
		v := o.Fill(r, i)
		if at := slices.Index(bad, i/o.Inner()); at >= 0 {
			return []float64{math.NaN(), math.Inf(1), math.Inf(-1)}[(at+i)%3]
		}
		return v
	}}
}

// inSight says whether a query at a position sees a key at one.
func inSight(at tensor.Attr, query, key int32) bool {
	return (!at.Causal || key <= query) && (at.Left < 0 || query-at.Left <= key) && (at.Right < 0 || key <= query+at.Right)
}
