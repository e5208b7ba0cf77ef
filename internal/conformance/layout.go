package conformance

import (
	"math"
	"math/rand/v2"

	"github.com/cephalo-ml/cephalo/tensor"
)

// gapped is a layout with gap rows before, between and after its sequences.
func gapped(gap int, lens ...int) *tensor.Layout {
	l := &tensor.Layout{}
	blank := func() {
		for range gap {
			l.Pos = append(l.Pos, 0)
		}
	}
	for _, n := range lens {
		blank()
		l.Start, l.Len = append(l.Start, int32(len(l.Pos))), append(l.Len, int32(n))
		for i := range n {
			l.Pos = append(l.Pos, int32(i))
		}
		l.Cols = max(l.Cols, int32(n))
	}
	blank()
	return l
}

// masked is the layout of an attention mask: a string for each sequence, 1 for a kept place.
func masked(seqs ...string) *tensor.Layout {
	var mask []int32
	for _, s := range seqs {
		for _, c := range s {
			mask = append(mask, int32(c-'0'))
		}
	}
	l, _, err := tensor.LayoutOfMask(mask, len(seqs), len(seqs[0]))
	if err != nil {
		panic(err)
	}
	return l
}

// cached is a key-value cache of the given capacity a sequence, of which lens rows are in use.
func cached(capacity int, lens ...int) *tensor.Layout {
	l := &tensor.Layout{Cols: int32(capacity)}
	for i, n := range lens {
		l.Start, l.Len = append(l.Start, int32(i*capacity)), append(l.Len, int32(n))
		for p := range capacity {
			l.Pos = append(l.Pos, int32(p))
		}
	}
	return l
}

// lastOf has one row a sequence: the query that goes with the last row in use of a cache.
func lastOf(lens ...int) *tensor.Layout {
	l := &tensor.Layout{}
	for i, n := range lens {
		l.Start, l.Len, l.Pos = append(l.Start, int32(i)), append(l.Len, 1), append(l.Pos, int32(n-1))
		l.Cols = max(l.Cols, int32(n))
	}
	return l
}

// shifted moves every position.
func shifted(l *tensor.Layout, by int) *tensor.Layout {
	for i := range l.Pos {
		l.Pos[i] += int32(by)
	}
	l.Cols += int32(by)
	return l
}

// inGap says whether element e of a tensor with inner elements a row lies in no sequence.
func inGap(l *tensor.Layout, inner int) func(e int) bool {
	seq := l.Seq()
	return func(e int) bool { return seq[e/inner] < 0 }
}

// poisoned is o with NaN in the rows that lie in no sequence: nothing may read them.
func poisoned(o Operand, l *tensor.Layout) Operand {
	gap := inGap(l, o.Inner())
	return Operand{o.Spec, func(r *rand.Rand, i int) float64 {
		v := o.Fill(r, i)
		if gap(i) {
			return math.NaN()
		}
		return v
	}}
}
