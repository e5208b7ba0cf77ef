package kernels

import "github.com/cephalo-ml/cephalo/tensor"

// attentionBackward gives each gradient its own dispatch: dq sums over keys, dk and
// dv over queries, so that no sum is shared and none needs atomics. All three take
// (lse, delta) of every query, which a first kernel writes.
func attentionBackward(s *stream, c *tensor.Call) error {
	a, out, dout, lse := headsOf(c), c.Src[3], c.Src[4], c.Src[5]
	rows, n := a.q.Dim(0), a.q.Dim(1)
	if rows > 0 {
		buf, err := s.temp(8 * int64(rows) * int64(n))
		if err != nil {
			return err
		}
		defer s.Free(buf)
		g := gradients{heads: a, dout: dout, stat: tensor.View(buf, tensor.Of(tensor.F32, rows, n, 2))}
		if err := s.deltas(out, dout, lse, g.stat); err != nil {
			return err
		}
		return g.run(s)
	}
	g := gradients{heads: a, dout: dout}
	return g.run(s)
}

func (s *stream) deltas(out, dout, lse, stat tensor.Tensor) error {
	heads := out.Dim(1)
	return s.split([]operand{axis0(out), axis0(dout), axis0(lse), axis0(stat)}, func(ops []operand) error {
		rows := ops[0].rows
		return s.dispatch(kernelOf("attention_delta", set("WG", elementGroup)), groupsOf(rows*heads, elementGroup), ops,
			u32(rows), u32(heads), u32(out.Dim(2)))
	})
}

// gradients are the operands of the three passes.
type gradients struct {
	heads
	dout, stat tensor.Tensor
}

func (g *gradients) run(s *stream) error {
	c := g.c
	for i, pass := range [...]func(*stream, *gradients, tensor.Tensor, bool) error{gradQ, gradK, gradV} {
		dx := c.Dst[i]
		if !dx.Present() {
			continue
		}
		byRow, byKey := []tensor.Tensor{g.q, g.dout, g.stat}, []tensor.Tensor{g.k, g.v}
		if i == 0 {
			byRow = append(byRow, dx)
		} else {
			byKey = append(byKey, dx)
		}
		err := s.chunks(&g.heads, byRow, byKey, func(sp chunk, fits bool) error {
			part := gradients{g.at(sp), rowsOf(g.dout, sp.q0, sp.q1), rowsOf(g.stat, sp.q0, sp.q1)}
			to := rowsOf(dx, sp.q0, sp.q1)
			if i > 0 {
				to = rowsOf(dx, sp.k0, sp.k1)
			}
			switch {
			case fits:
				return pass(s, &part, to, c.Accum)
			case i == 0:
				return part.wideQ(s, to)
			}
			return part.wideKV(s, to, pass)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// wideQ is dq of a sequence whose keys exceed a binding: kv head by kv head, and
// rows in parts.
func (g *gradients) wideQ(s *stream, dq tensor.Tensor) error {
	return s.eachKV(&g.heads, func(one *heads) error {
		n := one.q.Dim(1)
		dout, stat, to := headsFrom(g.dout, one.firstHead, n), headsFrom(g.stat, one.firstHead, n), headsFrom(dq, one.firstHead, n)
		return s.eachPart([]tensor.Tensor{one.q, dout, stat, to}, func(lo, hi int) error {
			p := gradients{*one, rowsOf(dout, lo, hi), rowsOf(stat, lo, hi)}
			p.q, p.firstRow = rowsOf(one.q, lo, hi), one.firstRow+lo
			return gradQ(s, &p, rowsOf(to, lo, hi), g.c.Accum)
		})
	})
}

// wideKV is dk or dv of a sequence whose queries exceed a binding: query head by
// query head, packed, and keys in parts.
func (g *gradients) wideKV(s *stream, dx tensor.Tensor, pass func(*stream, *gradients, tensor.Tensor, bool) error) error {
	group := g.q.Dim(1) / g.k.Dim(1)
	for h := range g.q.Dim(1) {
		q, err := s.packHead(g.q, h)
		if err != nil {
			return err
		}
		dout, err := s.packHead(g.dout, h)
		if err != nil {
			return err
		}
		stat, err := s.packHead(g.stat, h)
		if err != nil {
			return err
		}
		k, v, to := headsFrom(g.k, h/group, 1), headsFrom(g.v, h/group, 1), headsFrom(dx, h/group, 1)
		err = s.eachPart([]tensor.Tensor{k, v, to}, func(lo, hi int) error {
			p := gradients{g.heads, dout, stat}
			p.q, p.k, p.v = q, rowsOf(k, lo, hi), rowsOf(v, lo, hi)
			p.firstKey, p.firstHead = g.firstKey+lo, g.firstHead+h
			return pass(s, &p, rowsOf(to, lo, hi), g.c.Accum || h%group > 0)
		})
		tensor.FreeAll(s, q, dout, stat)
		if err != nil {
			return err
		}
	}
	return nil
}

func gradQ(s *stream, g *gradients, dq tensor.Tensor, accum bool) error {
	k := kernelOf("attention_backward_q", append(g.consts(g.q, g.k, g.v, g.dout), setIf("ACCUM", accum))...)
	return g.dispatch(s, k, dq)
}

func gradK(s *stream, g *gradients, dk tensor.Tensor, accum bool) error {
	return g.dispatch(s, kernelOf("attention_backward_kv", append(g.consts(g.q, g.k, g.v, g.dout), setIf("ACCUM", accum), set("OF_V", 0))...), dk)
}

func gradV(s *stream, g *gradients, dv tensor.Tensor, accum bool) error {
	return g.dispatch(s, kernelOf("attention_backward_kv", append(g.consts(g.q, g.k, g.v, g.dout), setIf("ACCUM", accum), set("OF_V", 1))...), dv)
}

func (g *gradients) dispatch(s *stream, k kernel, dx tensor.Tensor) error {
	count, n := dx.Dim(0), dx.Dim(1)
	ops := []operand{axis0(g.q), axis0(g.k), axis0(g.v), axis0(g.dout), axis0(g.stat), layoutOf(g.c.Rows), layoutOf(g.c.Keys), axis0(dx)}
	words := make([]uint32, 0, 24)
	places, mask, drop := g.places(count, n), g.maskWords(), g.dropoutWords()
	words = append(append(append(words, places[:]...), mask[:]...), drop[:]...)
	return s.dispatch(k, g.invocations(count, n), ops, words...)
}
