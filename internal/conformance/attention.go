package conformance

import (
	"fmt"
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

// shapeOfHeads are the heads, kv heads and head dim of an attention.
type shapeOfHeads struct{ h, kv, d int }

func attentionCases() []Case {
	full := tensor.Attr{Left: -1, Right: -1}
	causal := tensor.Attr{Left: -1, Right: -1, Causal: true}
	one := shapeOfHeads{1, 1, 8}
	cs := attentionNumbers()
	add := func(name string, rows, keys *tensor.Layout, sh shapeOfHeads, at tensor.Attr) {
		cs = append(cs, attentionPair(name, rows, keys, sh, at, false)...)
	}
	self := func(name string, l *tensor.Layout, sh shapeOfHeads, at tensor.Attr) { add(name, l, l, sh, at) }
	for _, n := range edges {
		self(fmt.Sprintf("length%d", n), tensor.NewLayout(n), one, full)
	}
	for _, d := range []int{1, 3, 8, 32, 64, 80, 128, 255, 256} {
		self(fmt.Sprintf("dim%d", d), tensor.NewLayout(5, 18), shapeOfHeads{2, 2, d}, full)
	}
	for _, sh := range []shapeOfHeads{{4, 2, 8}, {6, 2, 8}, {5, 1, 8}, {12, 4, 16}, {3, 3, 7}} {
		self(fmt.Sprintf("heads%dof%d", sh.h, sh.kv), tensor.NewLayout(4, 9), sh, causal)
	}
	self("packed", tensor.NewLayout(3, 1, 17, 2, 40), shapeOfHeads{2, 2, 16}, full)
	self("packed-causal", tensor.NewLayout(3, 1, 17, 2, 40), shapeOfHeads{2, 2, 16}, causal)
	self("empty-sequence", tensor.NewLayout(3, 0, 5, 0), one, full)
	self("no-rows", tensor.NewLayout(0), one, full)
	self("gaps", gapped(3, 4, 0, 19), shapeOfHeads{2, 1, 8}, full)
	self("gaps-causal", gapped(1, 33, 2), one, causal)
	self("holes", masked("110101", "001110", "111111", "000000", "000001"), one, full)
	self("holes-causal", masked("110101", "001110", "111111", "000000", "000001"), shapeOfHeads{2, 1, 8}, causal)
	self("holes-window", masked("1101011", "0011100", "1111111"), one, tensor.Attr{Left: 1, Right: 1})
	for _, w := range []struct {
		left, right int32
		causal      bool
	}{{2, 2, false}, {0, 0, false}, {0, -1, false}, {-1, 0, false}, {3, 1, false}, {2, -1, true}, {-1, 5, true}, {64, 64, false}, {1000, 1000, false}} {
		name := fmt.Sprintf("window%d,%d", w.left, w.right)
		if w.causal {
			name += "-causal"
		}
		self(name, tensor.NewLayout(9, 70), one, tensor.Attr{Left: w.left, Right: w.right, Causal: w.causal})
	}
	add("cross", tensor.NewLayout(2, 5, 1), tensor.NewLayout(7, 1, 33), shapeOfHeads{2, 2, 8}, full)
	add("cross-no-keys", tensor.NewLayout(2, 3, 1), tensor.NewLayout(4, 0, 2), shapeOfHeads{2, 2, 8}, full)
	add("cross-no-queries", tensor.NewLayout(2, 0, 1), tensor.NewLayout(4, 3, 2), shapeOfHeads{2, 2, 8}, full)
	add("cache", lastOf(5, 1, 32), cached(32, 5, 1, 32), shapeOfHeads{4, 2, 16}, causal)
	add("cache-window", lastOf(5, 1, 32), cached(32, 5, 1, 32), shapeOfHeads{4, 2, 16}, tensor.Attr{Left: 3, Right: -1, Causal: true})
	add("cache-chunk", shifted(tensor.NewLayout(4), 9), cached(20, 13), one, causal)
	// Every key lies outside the window or after the query: zeros.
	add("window-without-keys", shifted(tensor.NewLayout(3), 50), tensor.NewLayout(4), one, tensor.Attr{Left: 2, Right: 2})
	add("causal-without-keys", tensor.NewLayout(3), shifted(tensor.NewLayout(4), 2), one, causal)
	add("many-keys", tensor.NewLayout(1), tensor.NewLayout(3000), one, full)
	add("large-positions", shifted(tensor.NewLayout(5), 1<<20), shifted(tensor.NewLayout(5), 1<<20), one, tensor.Attr{Left: 2, Right: 2})
	self("scale", tensor.NewLayout(9), one, tensor.Attr{Left: -1, Right: -1, Scale: 0.125})
	for i, rate := range []float32{0.1, 0.5, 0.9} {
		at := tensor.Attr{Left: -1, Right: -1, Rate: rate, Seed: 1<<33 + 77}
		self(fmt.Sprintf("dropout%d", i), tensor.NewLayout(5, 17), shapeOfHeads{4, 2, 8}, at)
	}
	add("dropout-cross-gaps", gapped(2, 3, 4), gapped(1, 6, 2), shapeOfHeads{2, 1, 8}, tensor.Attr{Left: -1, Right: -1, Causal: true, Rate: 0.3, Seed: 5})
	self("ragged", tensor.NewLayout(3, 1, 0, 2, 5, 1, 90, 1, 4, 0, 7, 1, 2), shapeOfHeads{2, 1, 8}, full)
	self("ragged-causal", tensor.NewLayout(3, 1, 0, 2, 5, 1, 90, 1, 4, 0, 7, 1, 2), shapeOfHeads{2, 1, 40}, causal)
	self("ragged-gaps", gapped(9, 3, 1, 0, 2, 5, 1, 90, 1, 4, 0, 7, 1, 2), shapeOfHeads{2, 1, 8}, full)
	self("no-heads", tensor.NewLayout(3, 2), shapeOfHeads{0, 1, 8}, full)
	tokens := make([]int, pastRows)
	for i := range tokens {
		tokens[i] = 1
	}
	many := tensor.NewLayout(tokens...)
	cs = append(cs, attentionPair("past-sequences", many, many, shapeOfHeads{1, 1, 2}, full, true)...)
	x := attentionPair("only", tensor.NewLayout(6), tensor.NewLayout(6), shapeOfHeads{2, 1, 8}, full, false)[1]
	for i, name := range []string{"only-dq", "only-dk", "only-dv"} {
		c := x
		c.Name, c.Dst = name, make([]tensor.Spec, 3)
		c.Dst[i] = x.Dst[i]
		cs = append(cs, c)
	}
	return cs
}

// attentionNumbers have results known without arithmetic of the suite's.
func attentionNumbers() []Case {
	seq := tensor.NewLayout(3)
	at := tensor.Attr{Left: -1, Right: -1, Scale: 1}
	causal := at
	causal.Causal = true
	dst := []tensor.Spec{f32(3, 1, 2)}
	v := repeat([]float64{1, 10, 2, 20, 6, 60}, 3, 1, 2)
	zero := constant(0, 3, 1, 2)
	ln := math.Log
	drop := at
	drop.Rate, drop.Seed = 0.5, 1<<40+3
	dropped := make([]float64, 6) // of the mean of the values, by the hash of (query row, head, key row)
	for i := range dropped {
		t, d := i/2, i%2
		for p, value := range []float64{1, 2, 6} {
			dropped[i] += kept(value*[]float64{1, 10}[d]/3, drop.Seed, t*3+p, drop.Rate)
		}
	}
	return []Case{
		// Equal scores: the mean of the values.
		{Op: tensor.OpAttention, Name: "numbers-mean", Src: []Operand{zero, zero, v}, Dst: dst, Rows: seq, Keys: seq, Attr: at,
			Want: [][]float64{{3, 30, 3, 30, 3, 30}, {ln(3), ln(3), ln(3)}}},
		{Op: tensor.OpAttention, Name: "numbers-causal", Src: []Operand{zero, zero, v}, Dst: dst, Rows: seq, Keys: seq, Attr: causal,
			Want: [][]float64{{1, 10, 1.5, 15, 3, 30}, {0, ln(2), ln(3)}}},
		{Op: tensor.OpAttention, Name: "numbers-dropout", Src: []Operand{zero, zero, v}, Dst: dst, Rows: seq, Keys: seq, Attr: drop,
			Want: [][]float64{dropped, {ln(3), ln(3), ln(3)}}},
		// Scores 100, 0, -100 and so on: the largest wins, nothing overflows.
		{Op: tensor.OpAttention, Name: "numbers-huge", Src: []Operand{repeat([]float64{1000, 0, 0, 1000, -1000, 0}, 3, 1, 2), repeat([]float64{1000, 0, 0, 0, -1000, 500}, 3, 1, 2), v},
			Dst: dst, Rows: seq, Keys: seq, Attr: at, Want: [][]float64{{1, 10, 6, 60, 6, 60}, {1e6, 5e5, 1e6}}},
		// dOut (1,0) each: dv = the mean of dOut; all scores equal: ds = p (dOut v - dOut out).
		{Op: tensor.OpAttentionBackward, Name: "numbers-mean",
			Src: []Operand{zero, repeat([]float64{1, 0, 2, 0, 3, 0}, 3, 1, 2), v, repeat([]float64{3, 30}, 3, 1, 2), repeat([]float64{1, 0}, 3, 1, 2), constant(ln(3), 3, 1)},
			Dst: []tensor.Spec{f32(3, 1, 2), f32(3, 1, 2), f32(3, 1, 2)}, Rows: seq, Keys: seq, Attr: at,
			// ds = (1-3, 2-3, 6-3)/3; dq = ds k = (-2 - 2 + 9)/3
			Want: [][]float64{{5. / 3, 0, 5. / 3, 0, 5. / 3, 0}, {0, 0, 0, 0, 0, 0}, {1, 0, 1, 0, 1, 0}}},
	}
}

// attentionPair is attention and its backward, with NaN in rows that lie in no sequence.
func attentionPair(name string, rows, keys *tensor.Layout, sh shapeOfHeads, at tensor.Attr, long bool) []Case {
	if at.Scale == 0 {
		at.Scale = tensor.InvSqrt(sh.d)
	}
	q := poisoned(normal(rows.Rows(), sh.h, sh.d), rows)
	k := poisoned(normal(keys.Rows(), sh.kv, sh.d), keys)
	out := poisoned(normal(rows.Rows(), sh.h, sh.d), rows)
	lse := poisoned(constant(0, rows.Rows(), sh.h), rows)
	forward := Case{Op: tensor.OpAttention, Name: name, Src: []Operand{q, k, k}, Dst: []tensor.Spec{q.Spec},
		Rows: rows, Keys: keys, Attr: at, Long: long, Undefined: undefinedAttention(rows, keys, sh, at)}
	gapQ, gapK := inGap(rows, sh.h*sh.d), inGap(keys, sh.kv*sh.d)
	backward := Case{Op: tensor.OpAttentionBackward, Name: name, Src: []Operand{q, k, k, out, out, lse}, Dst: []tensor.Spec{q.Spec, k.Spec, k.Spec},
		Rows: rows, Keys: keys, Attr: at, Long: long,
		Undefined: func(dst, e int) bool {
			if dst == 0 {
				return gapQ(e)
			}
			return gapK(e)
		},
		Derive: func(run Forward, v [][]float64) error {
			y, err := run(forward, v[0], v[1], v[2])
			if err != nil {
				return err
			}
			gap := inGap(rows, sh.h*sh.d)
			for e := range v[3] {
				if !gap(e) {
					v[3][e] = y[0][e]
				}
			}
			gap = inGap(rows, sh.h)
			for e := range v[5] {
				if !gap(e) {
					v[5][e] = y[1][e]
				}
			}
			return nil
		}}
	return []Case{forward, backward}
}

// undefinedAttention are rows in no sequence, and the log-sum-exp of a query without keys.
func undefinedAttention(rows, keys *tensor.Layout, sh shapeOfHeads, at tensor.Attr) func(dst, e int) bool {
	seq := rows.Seq()
	seen := make([]bool, rows.Rows())
	for r := range seen {
		if seq[r] < 0 {
			continue
		}
		b := seq[r]
		for k := keys.Start[b]; k < keys.Start[b]+keys.Len[b] && !seen[r]; k++ {
			seen[r] = inSight(at, rows.Pos[r], keys.Pos[k])
		}
	}
	return func(dst, e int) bool {
		if dst == 0 {
			return seq[e/(sh.h*sh.d)] < 0
		}
		return !seen[e/sh.h]
	}
}
