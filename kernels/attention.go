package kernels

import (
	"math"

	"github.com/cephalo-ml/cephalo/shaders"
	"github.com/cephalo-ml/cephalo/tensor"
)

// attention runs one kernel for the rows that fit into bindings. Where the keys do
// not, the kernel runs over windows of them, each time going on from the result
// and the log-sum-exp so far.
func attention(s *stream, c *tensor.Call) error {
	a, out, lse := headsOf(c), c.Dst[0], c.Dst[1]
	if sameBuffer(axis0(out), axis0(lse)) { // which one dispatch cannot bind twice
		buf, err := s.temp(lse.Bytes())
		if err != nil {
			return err
		}
		defer s.Free(buf)
		apart := *c
		apart.Dst[1] = tensor.View(buf, lse.Spec)
		if err := attention(s, &apart); err != nil {
			return err
		}
		return s.copy(apart.Dst[1], lse)
	}
	return s.eachPart(math.MaxInt32, []tensor.Tensor{a.q, out, lse}, func(r0, r1 int) error {
		rows := a
		rows.q, rows.firstRow = rowsOf(a.q, r0, r1), r0
		to, sum := rowsOf(out, r0, r1), rowsOf(lse, r0, r1)
		var before tensor.Tensor
		err := s.eachPart(s.b.keyRows(c.Keys, a.q.Dim(2), 1), []tensor.Tensor{a.k, a.v}, func(k0, k1 int) error {
			part := rows
			part.k, part.v, part.firstKey = rowsOf(a.k, k0, k1), rowsOf(a.v, k0, k1), k0
			if k1 == a.k.Dim(0) {
				return s.attend(&part, before, to, sum)
			}
			after, err := s.temp(4 * int64(r1-r0) * int64(a.q.Dim(1)))
			if err != nil {
				return err
			}
			next := tensor.View(after, tensor.Of(tensor.F32, r1-r0, a.q.Dim(1)))
			err = s.attend(&part, before, to, next)
			tensor.FreeAll(s, before)
			before = next
			return err
		})
		tensor.FreeAll(s, before)
		return err
	})
}

// raggedFrom is how many times the fours of rows the grid may have, each sequence with as
// many as the longest. A grid of as many as there are costs a search in each.
const raggedFrom = 2

// attend goes on from before, where it is present.
func (s *stream) attend(a *heads, before, out, lse tensor.Tensor) error {
	byFour, chunk := a.byFour(a.q, a.k, a.v), chunkSingle
	switch {
	case byFour && s.b.tiles:
		chunk = chunkByFour
	case byFour:
		chunk = chunkSoftware
	}
	longest, ragged := groupsOf(a.c.Rows.MaxLen(), 4), false
	fours := longest * a.c.Rows.Batch()
	if packed := a.c.Rows.Rows()/4 + a.c.Rows.Batch(); fours > raggedFrom*packed {
		fours, ragged = packed, true
	}
	k := a.kernel("attention", chunk, byFour, setIf("LSE", lse.Present()), setIf("CARRY", before.Present()), setIf("RAGGED", ragged))
	ops := []operand{axis0(a.q), axis0(a.k), axis0(a.v), layout(a.c.Rows), layout(a.c.Keys), axis0(before), axis0(out), axis0(lse)}
	words := append(a.words(a.q.Dim(0), a.k.Dim(0)), u32(longest), u32(fours), f32(float32(math.Inf(-1))))
	return s.dispatch(k, a.groups(fours, a.q.Dim(1), chunk), ops, append(words, a.dropout()...)...)
}

// heads are the operands that attention and its backward share, and where their
// rows lie in the whole call where they are parts of it.
type heads struct {
	c                  *tensor.Call
	q, k, v            tensor.Tensor
	firstRow, firstKey int
	mask               int
}

// The values of MASK in the shaders.
const (
	maskNone = iota
	maskRange
	maskEach
)

func headsOf(c *tensor.Call) heads {
	a := heads{c: c, q: c.Src[0], k: c.Src[1], v: c.Src[2]}
	if at := &c.Attr; at.Causal || at.Left >= 0 || at.Right >= 0 {
		a.mask = maskEach
		if ascending(c.Rows) && ascending(c.Keys) {
			a.mask = maskRange
		}
	}
	return a
}

// ascending says whether the positions of every sequence come in order, so that the
// rows within a range of positions lie side by side.
func ascending(l *tensor.Layout) bool {
	for b, start := range l.Start {
		for r := start + 1; r < start+l.Len[b]; r++ {
			if l.Pos[r] < l.Pos[r-1] {
				return false
			}
		}
	}
	return true
}

// byFour says whether the heads of all operands of a kernel can be read by vec4.
func (a *heads) byFour(ts ...tensor.Tensor) bool {
	if a.q.Dim(2)%4 != 0 {
		return false
	}
	for _, t := range ts {
		if t.Off%windowRound != 0 || t.Stride%4 != 0 {
			return false
		}
	}
	return true
}

// How many vec4 of a head an invocation sums up in registers: the more, the fewer
// take the same scores anew. By single elements they are few, since every unrolled
// step then takes four times the code; on a software renderer fewer, since it takes
// seconds to compile many.
const (
	chunkSingle   = 2
	chunkSoftware = 4
	chunkByFour   = 8
)

// kernel is the kernel of a file for heads in chunks of chunk vec4.
func (a *heads) kernel(file string, chunk int, byFour bool, more ...shaders.Const) kernel {
	return kernelOf(file, append([]shaders.Const{
		set("WG", elementGroup), set("CHUNK", chunk), setIf("VEC", byFour), set("MASK", a.mask), setIf("DROPOUT", a.c.Attr.Rate > 0),
	}, more...)...)
}

// groups is the grid over count rows, heads and chunks of a head.
func (a *heads) groups(count, heads, chunk int) int {
	return groupsOf(count*heads*groupsOf(a.q.Dim(2), 4*chunk), elementGroup)
}

// words are the parameters of all kernels from batch to scale. The grid covers
// count rows; held are the rows on the other side.
func (a *heads) words(count, held int) []uint32 {
	at := &a.c.Attr
	return append(make([]uint32, 0, 24),
		u32(a.c.Rows.Batch()), u32(a.c.Rows.Rows()), u32(a.c.Keys.Rows()), u32(a.firstRow), u32(a.firstKey),
		u32(count), u32(held), u32(a.q.Dim(1)), u32(a.q.Dim(1)/a.k.Dim(1)), u32(a.q.Dim(2)),
		i32(at.Left), i32(at.Right), flag(at.Causal), f32(at.Scale))
}

// dropout are the parameters from seed_low to keep_scale.
func (a *heads) dropout() []uint32 {
	at := &a.c.Attr
	return []uint32{uint32(at.Seed), uint32(at.Seed >> 32), tensor.DropoutThreshold(at.Rate), f32(1 / (1 - at.Rate))}
}

// keyRows is how many rows of l a dispatch may cover, of which an invocation goes
// through those of a sequence, four at a time, with two products over dim and two loops
// over a chunk for each of some heads.
func (b *Backend) keyRows(l *tensor.Layout, dim, heads int) int {
	most := 4 * max(b.rounds/(heads*(2*groupsOf(dim, 4)+2*chunkByFour+2)), 1)
	if l.MaxLen() <= most {
		return math.MaxInt32
	}
	return most
}

// eachPart calls fn on parts of the rows of ts, most at a time, that fit into
// bindings; once where there are none.
func (s *stream) eachPart(most int, ts []tensor.Tensor, fn func(lo, hi int) error) error {
	limit, n := s.b.window(), ts[0].Dim(0)
	for lo := 0; ; {
		hi := min(n, lo+min(most, n))
		for _, t := range ts {
			if o := axis0(t); o.present() {
				hi = min(hi, o.fit(lo, limit))
			}
		}
		if hi <= lo && n > 0 {
			return errRow(limit)
		}
		if err := fn(lo, hi); err != nil {
			return err
		}
		if lo = hi; lo >= n {
			return nil
		}
	}
}

// rowsOf is rows lo to hi of axis 0; an absent tensor stays absent.
func rowsOf(t tensor.Tensor, lo, hi int) tensor.Tensor {
	if t.Present() {
		t.Off += int64(lo) * int64(t.Stride) * int64(t.DType.Size())
		t.Shape[0] = int32(hi - lo)
	}
	return t
}
