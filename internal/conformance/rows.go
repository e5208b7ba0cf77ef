package conformance

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cephalo-ml/cephalo/tensor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rowCase is a batch of which each row, or each sequence, could go alone.
type rowCase struct {
	Case
	src, dst uint // bit i: operand or result i has a row for each row of the batch
	pooled   uint // bit i: result i has a row for each sequence
}

func rowCases() []rowCase {
	const rows, k, n = 67, 129, 70
	x, xn := normal(rows, k), f32(rows, n)
	cs := []rowCase{
		{Case{Op: tensor.OpLinear, Src: []Operand{x, normal(n, k), normal(n), normal(rows, n)}, Dst: []tensor.Spec{xn, xn}, Attr: tensor.Attr{Act: tensor.ActGelu}}, 1<<0 | 1<<3, 3, 0},
		{Case{Op: tensor.OpLinear, Name: "transw", Src: []Operand{x, normal(k, n)}, Dst: []tensor.Spec{xn}, Attr: tensor.Attr{TransW: true}}, 1, 1, 0},
		{Case{Op: tensor.OpLinear, Name: "long-sum", Src: []Operand{normal(rows, 1500), normal(33, 1500)}, Dst: []tensor.Spec{f32(rows, 33)}}, 1, 1, 0},
		{Case{Op: tensor.OpMatMul, Src: []Operand{x, normal(k, n)}, Dst: []tensor.Spec{xn}}, 1, 1, 0},
		{Case{Op: tensor.OpMatMul, Name: "tb", Src: []Operand{x, normal(n, k)}, Dst: []tensor.Spec{xn}, Attr: tensor.Attr{TransB: true}}, 1, 1, 0},
		{Case{Op: tensor.OpMatMul, Name: "batch", Src: []Operand{normal(9, 5, k), normal(9, k, 17)}, Dst: []tensor.Spec{f32(9, 5, 17)}}, 3, 1, 0},
		{Case{Op: tensor.OpEmbedding, Src: []Operand{index(11, rows), normal(11, k), x}, Dst: []tensor.Spec{x.Spec}, Attr: tensor.Attr{Index: -1}}, 1<<0 | 1<<2, 1, 0},
		{Case{Op: tensor.OpArgmax, Src: []Operand{x}, Dst: []tensor.Spec{tensor.Of(tensor.I32, rows)}}, 1, 1, 0},
		{Case{Op: tensor.OpSumCols, Src: []Operand{x}, Dst: []tensor.Spec{f32(rows, 1)}}, 1, 1, 0},
		{Case{Op: tensor.OpGated, Src: []Operand{x, x}, Dst: []tensor.Spec{x.Spec}, Attr: tensor.Attr{Act: tensor.ActSilu}}, 3, 1, 0},
		{Case{Op: tensor.OpL2Normalize, Src: []Operand{x}, Dst: []tensor.Spec{x.Spec}, Attr: tensor.Attr{Eps: 1e-12}}, 1, 1, 0},
		{Case{Op: tensor.OpL2NormalizeBackward, Src: []Operand{x, x}, Dst: []tensor.Spec{x.Spec}, Attr: tensor.Attr{Eps: 1e-12}}, 3, 1, 0},
		{Case{Op: tensor.OpSoftmax, Src: []Operand{x}, Dst: []tensor.Spec{x.Spec}}, 1, 1, 0},
		{Case{Op: tensor.OpLogSoftmax, Src: []Operand{x}, Dst: []tensor.Spec{x.Spec}}, 1, 1, 0},
		{Case{Op: tensor.OpSoftmaxBackward, Src: []Operand{x, x}, Dst: []tensor.Spec{x.Spec}}, 3, 1, 0},
		{Case{Op: tensor.OpLogSoftmaxBackward, Src: []Operand{uniform(-6, -4, rows, k), x}, Dst: []tensor.Spec{x.Spec}}, 3, 1, 0},
	}
	for _, a := range acts {
		cs = append(cs, rowCase{Case{Op: opOf(a), Src: []Operand{x}, Dst: []tensor.Spec{x.Spec}}, 1, 1, 0})
	}
	for _, op := range []tensor.Op{tensor.OpLayerNorm, tensor.OpRMSNorm} {
		src := normParts{true, op == tensor.OpLayerNorm, true}.operands(x)
		cs = append(cs, rowCase{Case{Op: op, Src: src, Dst: []tensor.Spec{x.Spec, x.Spec, f32(rows, 2)}, Attr: tensor.Attr{Eps: 1e-5}}, 1<<0 | 1<<3, 7, 0})
	}
	for _, op := range []tensor.Op{tensor.OpLayerNormBackward, tensor.OpRMSNormBackward} {
		cs = append(cs, rowCase{Case{Op: op, Src: []Operand{x, x, normal(k), uniform(0.5, 1, rows, 2)}, Dst: []tensor.Spec{x.Spec}}, 1<<0 | 1<<1 | 1<<3, 1, 0})
	}
	return slices.Concat(cs, lossRowCases(), sequenceCases())
}

// sequenceCases go alone by whole sequences.
func sequenceCases() []rowCase {
	l := tensor.NewLayout(5, 1, 33, 0, 64, 17)
	at := tensor.Attr{Left: -1, Right: -1, Scale: 0.25}
	causal := tensor.Attr{Left: 7, Right: -1, Causal: true, Scale: 0.25}
	q, k := normal(l.Rows(), 4, 16), normal(l.Rows(), 2, 16)
	qkv, lse := []Operand{q, k, k}, f32(l.Rows(), 4)
	x := normal(l.Rows(), 19)
	y := f32(l.Batch(), 19)
	back := append(append([]Operand{}, qkv...), q, q, uniform(3, 4, l.Rows(), 4))
	cs := []rowCase{
		{Case{Op: tensor.OpRope, Src: []Operand{q}, Dst: []tensor.Spec{q.Spec}, Attr: tensor.Attr{Theta: 1e4, Rotary: 16}}, 1, 1, 0},
		{Case{Op: tensor.OpAttention, Src: qkv, Dst: []tensor.Spec{q.Spec, lse}, Attr: at}, 7, 3, 0},
		{Case{Op: tensor.OpAttention, Name: "window", Src: qkv, Dst: []tensor.Spec{q.Spec, lse}, Attr: causal}, 7, 3, 0},
		{Case{Op: tensor.OpAttentionBackward, Src: back, Dst: []tensor.Spec{q.Spec, k.Spec, k.Spec}, Attr: at}, 63, 7, 0},
		{Case{Op: tensor.OpAttentionBackward, Name: "window", Src: back, Dst: []tensor.Spec{q.Spec, k.Spec, k.Spec}, Attr: causal}, 63, 7, 0},
		{Case{Op: tensor.OpPoolAttention, Src: []Operand{x, uniform(-.5, .5, 1, 19), normal(1)}, Dst: []tensor.Spec{y, f32(l.Rows())}}, 1, 2, 1},
	}
	for _, op := range []tensor.Op{tensor.OpPoolCLS, tensor.OpPoolLast, tensor.OpPoolMean, tensor.OpPoolMax} {
		cs = append(cs, rowCase{Case{Op: op, Src: []Operand{x}, Dst: []tensor.Spec{y}}, 1, 0, 1})
	}
	cs = append(cs, lossSequenceCases(l)...)
	for i := range cs {
		cs[i].Rows = l
		if op := cs[i].Op; op == tensor.OpAttention || op == tensor.OpAttentionBackward {
			cs[i].Keys = l
		}
	}
	return cs
}

// rowsAlone holds rows and sequences alone, and in another order, to the same
// rows in a batch: bit for bit, or to 1e-5.
func (s *suite) rowsAlone(t *testing.T) {
	for _, c := range rowCases() {
		name := c.Op.String()
		if c.Name != "" {
			name += "-" + c.Name
		}
		t.Run(name, func(t *testing.T) {
			values := c.values()
			whole := c.prepare(variant{kind: dense}, values)
			require.NoError(t, execute(s.b, whole), "%s in a batch", name)
			last := c.items() - 1
			for _, items := range [][]int{{0}, {last / 2}, {last}, {last, 0, 1}} {
				part, from := c.pick(items, values)
				alone := part.prepare(variant{kind: dense}, from)
				require.NoError(t, execute(s.b, alone), "%s items %v", name, items)
				c.compareItems(t, s.exactRows, items, whole, alone)
			}
		})
	}
}

// items are the sequences of the batch, or its rows.
func (c *rowCase) items() int {
	if c.Rows != nil {
		return c.Rows.Batch()
	}
	return c.Src[0].Dim(0)
}

// span are the rows of an item.
func (c *rowCase) span(item int) (lo, hi int) {
	if c.Rows != nil {
		return int(c.Rows.Start[item]), int(c.Rows.Start[item] + c.Rows.Len[item])
	}
	return item, item + 1
}

// pick is the batch that consists of the given items.
func (c *rowCase) pick(items []int, values [][]float64) (Case, [][]float64) {
	part := c.Case
	part.Src, part.Dst = append([]Operand{}, c.Src...), append([]tensor.Spec{}, c.Dst...)
	from := append([][]float64{}, values...)
	rows := 0
	var lens []int
	for _, item := range items {
		lo, hi := c.span(item)
		rows += hi - lo
		lens = append(lens, hi-lo)
	}
	for i := range part.Src {
		if c.src>>i&1 == 0 {
			continue
		}
		inner := part.Src[i].Inner()
		part.Src[i].Shape[0] = int32(rows)
		from[i] = nil
		for _, item := range items {
			lo, hi := c.span(item)
			from[i] = append(from[i], values[i][lo*inner:hi*inner]...)
		}
	}
	for i := range part.Dst {
		switch {
		case c.dst>>i&1 == 1:
			part.Dst[i].Shape[0] = int32(rows)
		case c.pooled>>i&1 == 1:
			part.Dst[i].Shape[0] = int32(len(items))
		}
	}
	if c.Rows != nil {
		part.Rows = tensor.NewLayout(lens...)
		if c.Keys != nil {
			part.Keys = part.Rows
		}
	}
	return part, from
}

func (c *rowCase) compareItems(t *testing.T, exact bool, items []int, whole, alone *run) {
	t.Helper()
	tol := tensor.Tol{Abs: 1e-5}
	if exact {
		tol = tensor.Tol{}
	}
	for i := range c.Dst {
		inner := c.Dst[i].Inner()
		want := whole.dst[i].read(whole.after[whole.dst[i].block])
		got := alone.dst[i].read(alone.after[alone.dst[i].block])
		for n, item := range items {
			lo, hi := c.span(item)
			if c.pooled>>i&1 == 1 {
				lo, hi = item, item+1
			}
			w := want[lo*inner : hi*inner]
			d := compare(got[:len(w)], w, tol, nil)
			got = got[len(w):]
			assert.True(t, d.ok(), "%s result %d: item %d as number %d of %v: %s", fmt.Sprint(c.Op, c.Name), i, item, n, items, d)
		}
	}
}
