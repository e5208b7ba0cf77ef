package conformance

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/cephalo-ml/cephalo/tensor"
)

func poolCases() []Case {
	cs := poolNumbers()
	add := func(name string, l *tensor.Layout, width int, long bool) {
		cs = append(cs, poolFamily(name, l, width, long)...)
	}
	for _, n := range edges {
		add(fmt.Sprintf("length%d", n), tensor.NewLayout(n, 3), 5, false)
		add(fmt.Sprintf("width%d", n), tensor.NewLayout(4, 2), n, false)
	}
	add("packed", tensor.NewLayout(3, 1, 17, 2, 70), 9, false)
	add("empty-sequences", tensor.NewLayout(0, 3, 0, 5, 0), 9, false)
	add("gaps", gapped(3, 4, 0, 19), 9, false)
	add("holes", masked("110101", "001110", "000000", "000001"), 9, false)
	add("no-rows", tensor.NewLayout(0), 5, false)
	add("no-sequences", tensor.NewLayout(), 5, false)
	add("one-long", tensor.NewLayout(3000), 3, false)
	ones := make([]int, pastRows)
	for i := range ones {
		ones[i] = 1 - i%2 + i%3
	}
	add("past-sequences", tensor.NewLayout(ones...), 3, true)
	add("past-width", tensor.NewLayout(1, 2), pastRows, true)
	return cs
}

// poolNumbers: rows 0..2 and 3..4, and a sequence without rows.
func poolNumbers() []Case {
	l := tensor.NewLayout(3, 2, 0)
	x := repeat([]float64{1, -1, 5, -2, 3, -3, 7, 0, 9, 4}, 5, 2)
	dy := repeat([]float64{6, 12, 2, 4, 1000, 1000}, 3, 2)
	y, dx := []tensor.Spec{f32(3, 2)}, []tensor.Spec{f32(5, 2)}
	mode := func(p tensor.Pooling) tensor.Attr { return tensor.Attr{Mode: uint8(p)} }
	half, w := math.Tanh(0.5), math.Exp(math.Tanh(0.5))
	return []Case{
		{Op: tensor.OpPoolCLS, Name: "numbers", Src: []Operand{x}, Dst: y, Rows: l, Want: [][]float64{{1, -1, 7, 0, 0, 0}}},
		{Op: tensor.OpPoolLast, Name: "numbers", Src: []Operand{x}, Dst: y, Rows: l, Want: [][]float64{{3, -3, 9, 4, 0, 0}}},
		{Op: tensor.OpPoolMean, Name: "numbers", Src: []Operand{x}, Dst: y, Rows: l, Want: [][]float64{{3, -2, 8, 2, 0, 0}}},
		{Op: tensor.OpPoolMax, Name: "numbers", Src: []Operand{x}, Dst: y, Rows: l, Want: [][]float64{{5, -1, 9, 4, 0, 0}, {1, 0, 4, 4, -1, -1}}},
		// Equal values: the first row.
		{Op: tensor.OpPoolMax, Name: "ties", Src: []Operand{constant(-2, 5, 2)}, Dst: y, Rows: l, Want: [][]float64{{-2, -2, -2, -2, 0, 0}, {0, 0, 3, 3, -1, -1}}},
		{Op: tensor.OpPoolBackward, Name: "numbers-cls", Src: []Operand{dy}, Dst: dx, Rows: l, Attr: mode(tensor.PoolCLS), Want: [][]float64{{6, 12, 0, 0, 0, 0, 2, 4, 0, 0}}},
		{Op: tensor.OpPoolBackward, Name: "numbers-last", Src: []Operand{dy}, Dst: dx, Rows: l, Attr: mode(tensor.PoolLast), Want: [][]float64{{0, 0, 0, 0, 6, 12, 0, 0, 2, 4}}},
		{Op: tensor.OpPoolBackward, Name: "numbers-mean", Src: []Operand{dy}, Dst: dx, Rows: l, Attr: mode(tensor.PoolMean), Want: [][]float64{{2, 4, 2, 4, 2, 4, 1, 2, 1, 2}}},
		{Op: tensor.OpPoolMaxBackward, Name: "numbers", Src: []Operand{dy, ints([]float64{1, 0, 4, 4, -1, -1}, 3, 2)}, Dst: dx, Rows: l, Want: [][]float64{{0, 12, 6, 0, 0, 0, 0, 0, 2, 4}}},
		// Scores tanh(0.5), 0 and tanh(0.5): weights e^0.46 to 1 to e^0.46.
		{Op: tensor.OpPoolAttention, Name: "numbers", Src: []Operand{repeat([]float64{1, 10, 0, 30, 1, 50}, 3, 2), repeat([]float64{0.5, 0}, 1, 2), constant(0, 1)}, Dst: []tensor.Spec{f32(1, 2)},
			Rows: tensor.NewLayout(3), Want: [][]float64{{2 * w / (2*w + 1), 30}, {w / (2*w + 1), 1 / (2*w + 1), w / (2*w + 1)}}},
		// One row: its weight is 1 and the score has no gradient.
		{Op: tensor.OpPoolAttentionBackward, Name: "numbers", Src: []Operand{repeat([]float64{half, 2}, 1, 2), normal(1, 2), normal(1), constant(1, 1), repeat([]float64{3, 4}, 1, 2)},
			Dst: []tensor.Spec{f32(1, 2), f32(1, 2), f32(1)}, Rows: tensor.NewLayout(1), Want: [][]float64{{3, 4}, {0, 0}, {0}}},
	}
}

// poolFamily is every pooling of x [R,width], forward and backward, with NaN in
// the rows that lie in no sequence.
func poolFamily(name string, l *tensor.Layout, width int, long bool) []Case {
	x, dy := poisoned(normal(l.Rows(), width), l), normal(l.Batch(), width)
	y, dx := []tensor.Spec{f32(l.Batch(), width)}, []tensor.Spec{x.Spec}
	cs := []Case{
		{Op: tensor.OpPoolCLS, Name: name, Src: []Operand{x}, Dst: y},
		{Op: tensor.OpPoolLast, Name: name, Src: []Operand{x}, Dst: y},
		{Op: tensor.OpPoolMean, Name: name, Src: []Operand{x}, Dst: y},
		{Op: tensor.OpPoolMax, Name: name, Src: []Operand{x}, Dst: y},
		{Op: tensor.OpPoolMaxBackward, Name: name, Src: []Operand{dy, rowsOf(l, width)}, Dst: dx},
	}
	for p := tensor.PoolCLS; p <= tensor.PoolMean; p++ {
		cs = append(cs, Case{Op: tensor.OpPoolBackward, Name: name + "-" + p.String(), Src: []Operand{dy}, Dst: dx, Attr: tensor.Attr{Mode: uint8(p)}})
	}
	// Small weights keep the scores out of tanh's flat ends.
	weight, bias := uniform(-0.5, 0.5, 1, width), uniform(-0.5, 0.5, 1)
	attention := Case{Op: tensor.OpPoolAttention, Name: name, Src: []Operand{x, weight, bias}, Dst: y, Rows: l}
	gap := inGap(l, 1)
	attention.Undefined = func(dst, e int) bool { return dst == 1 && gap(e) }
	gapX := inGap(l, max(width, 1))
	back := Case{Op: tensor.OpPoolAttentionBackward, Name: name, Src: []Operand{x, weight, bias, poisoned(constant(0, l.Rows()), l), dy},
		Dst: []tensor.Spec{x.Spec, f32(1, width), f32(1)}, Rows: l,
		Undefined: func(dst, e int) bool { return dst == 0 && gapX(e) },
		Derive: func(forward Forward, v [][]float64) error {
			y, err := forward(attention, v[0], v[1], v[2])
			if err != nil {
				return err
			}
			for e := range v[3] {
				if !gap(e) {
					v[3][e] = y[1][e]
				}
			}
			return nil
		}}
	cs = append(cs, attention, back)
	if width == 5 {
		for i, part := range []string{"-only-dx", "-only-dweight", "-only-dbias"} {
			c := back
			c.Name, c.Dst = name+part, make([]tensor.Spec, 3)
			c.Dst[i] = back.Dst[i]
			cs = append(cs, c)
		}
	}
	for i := range cs {
		cs[i].Rows, cs[i].Long = l, long
	}
	return cs
}

// rowsOf is the argmax of a maximum pooling: a row of the sequence for each
// channel, -1 where it has none.
func rowsOf(l *tensor.Layout, width int) Operand {
	return Operand{tensor.Of(tensor.I32, l.Batch(), width), func(r *rand.Rand, i int) float64 {
		b := i / width
		if l.Len[b] == 0 {
			return -1
		}
		return float64(l.Start[b] + r.Int32N(l.Len[b]))
	}}
}
