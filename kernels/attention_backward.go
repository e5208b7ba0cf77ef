package kernels

import (
	"math"

	"github.com/cephalo-ml/cephalo/shaders"
	"github.com/cephalo-ml/cephalo/tensor"
)

// attentionBackward gives each gradient its own dispatch: dq sums over keys, dk and
// dv over queries, so that no sum is shared and none needs atomics. All three take
// (lse, delta) of every query, which a first kernel writes. Rows that do not fit
// into bindings are taken in parts, whose sums add up.
func attentionBackward(s *stream, c *tensor.Call) error {
	g := gradients{heads: headsOf(c), dout: c.Src[4]}
	if g.q.Dim(1) == 0 { // nothing comes of no heads
		return s.clear(c)
	}
	buf, err := s.temp(8 * g.q.Elems() / int64(g.q.Dim(2)))
	if err != nil {
		return err
	}
	defer s.Free(buf)
	g.stat = tensor.View(buf, tensor.Of(tensor.F32, g.q.Dim(0), g.q.Dim(1), 2))
	if err := s.deltas(c.Src[3], g.dout, c.Src[5], g.stat); err != nil {
		return err
	}
	if err := g.ofRows(s, c.Dst[0]); err != nil {
		return err
	}
	if err := g.ofKeys(s, c.Dst[1], setIf("OF_V", false)); err != nil {
		return err
	}
	return g.ofKeys(s, c.Dst[2], setIf("OF_V", true))
}

// clear makes the results zeros; adding them is nothing.
func (s *stream) clear(c *tensor.Call) error {
	for _, dst := range c.Dst {
		if !dst.Present() || c.Accum {
			continue
		}
		if err := s.fill(dst, f32(0)); err != nil {
			return err
		}
	}
	return nil
}

// deltas writes stat, (lse, out dout) of each row and head.
func (s *stream) deltas(out, dout, lse, stat tensor.Tensor) error {
	heads := out.Dim(1)
	return s.split([]operand{axis0(out), axis0(dout), axis0(lse), axis0(stat)}, func(ops []operand) error {
		rows := ops[0].rows
		return s.dispatch(kernelOf("attention_delta", set("WG", elementGroup)), groupsOf(rows*heads, elementGroup), ops,
			u32(rows), u32(heads), u32(out.Dim(2)))
	})
}

// gradients are the operands of the passes.
type gradients struct {
	heads
	dout, stat tensor.Tensor
}

// ofRows is dq, where it is asked for.
func (g *gradients) ofRows(s *stream, dq tensor.Tensor) error {
	if !dq.Present() {
		return nil
	}
	return s.eachPart(math.MaxInt32, []tensor.Tensor{g.q, g.dout, g.stat, dq}, func(r0, r1 int) error {
		return s.eachPart(g.sumRows(s.b, g.c.Keys, 1), []tensor.Tensor{g.k, g.v}, func(k0, k1 int) error {
			p := g.part(r0, r1, k0, k1)
			return p.dispatch(s, "attention_backward_q", rowsOf(dq, r0, r1), r1-r0, k1-k0, g.q.Dim(1), setIf("ACCUM", g.c.Accum || k0 > 0))
		})
	})
}

// ofKeys is dk or dv, where it is asked for.
func (g *gradients) ofKeys(s *stream, dx tensor.Tensor, which shaders.Const) error {
	if !dx.Present() {
		return nil
	}
	group := g.q.Dim(1) / g.k.Dim(1)
	return s.eachPart(math.MaxInt32, []tensor.Tensor{g.k, g.v, dx}, func(k0, k1 int) error {
		return s.eachPart(g.sumRows(s.b, g.c.Rows, group), []tensor.Tensor{g.q, g.dout, g.stat}, func(r0, r1 int) error {
			p := g.part(r0, r1, k0, k1)
			return p.dispatch(s, "attention_backward_kv", rowsOf(dx, k0, k1), k1-k0, r1-r0, g.k.Dim(1), setIf("ACCUM", g.c.Accum || r0 > 0), which)
		})
	})
}

// Sums of more terms than fewTerms are made in blocks of blockTerms: one by one they
// lose digits.
const (
	fewTerms   = 8192
	blockTerms = 1024
)

// sumRows is how many rows of l a dispatch sums over, for each of some heads.
func (g *gradients) sumRows(b *Backend, l *tensor.Layout, heads int) int {
	most := b.keyRows(l, g.q.Dim(2), heads)
	if min(l.MaxLen(), g.width())*heads > fewTerms {
		most = min(most, max(blockTerms/heads, 4))
	}
	return most
}

// width is how many positions see each other.
func (g *gradients) width() int {
	left, right := g.c.Attr.Left, g.c.Attr.Right
	if g.c.Attr.Causal {
		right = 0
	}
	if left < 0 || right < 0 {
		return math.MaxInt32
	}
	return int(left) + int(right) + 1
}

func (g *gradients) part(r0, r1, k0, k1 int) gradients {
	p := *g
	p.q, p.dout, p.stat, p.firstRow = rowsOf(g.q, r0, r1), rowsOf(g.dout, r0, r1), rowsOf(g.stat, r0, r1), r0
	p.k, p.v, p.firstKey = rowsOf(g.k, k0, k1), rowsOf(g.v, k0, k1), k0
	return p
}

// dispatch covers count rows and heads of dx, which sum over held rows.
func (g *gradients) dispatch(s *stream, file string, dx tensor.Tensor, count, held, heads int, more ...shaders.Const) error {
	byFour, chunk := g.byFour(g.q, g.k, g.v, g.dout), chunkSingle
	if byFour {
		chunk = chunkByFour
	}
	ops := []operand{axis0(g.q), axis0(g.k), axis0(g.v), axis0(g.dout), axis0(g.stat), layout(g.c.Rows), layout(g.c.Keys), axis0(dx)}
	return s.dispatch(g.kernel(file, chunk, byFour, more...), g.groups(count, heads, chunk), ops, append(g.words(count, held), g.dropout()...)...)
}
