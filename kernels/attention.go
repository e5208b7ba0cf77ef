package kernels

import (
	"math"

	"github.com/cephalo-ml/cephalo/shaders"
	"github.com/cephalo-ml/cephalo/tensor"
)

// heads are the operands that attention and its backward share, and the place of
// their rows and heads in the whole call where they are parts of it.
type heads struct {
	c                             *tensor.Call
	q, k, v                       tensor.Tensor
	firstRow, firstKey, firstHead int
	mask                          int
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

// consts are the constants of the kernels; vec takes the operands that are read
// four elements at a time.
func (a *heads) consts(vec ...tensor.Tensor) []shaders.Const {
	dim, four := a.q.Dim(2), true
	for _, t := range vec {
		four = four && t.Off%windowRound == 0 && t.Stride%4 == 0 && dim%4 == 0
	}
	return []shaders.Const{
		set("WG", elementGroup), set("CHUNK", headChunk), setIf("VEC", four), set("MASK", a.mask),
		setIf("DROPOUT", a.c.Attr.Rate > 0),
	}
}

// headChunk is how many vec4 of a head an invocation sums up in registers: more would
// spill, and take long to compile.
const headChunk = 8

// invocations is the grid over count rows, heads and chunks of a head.
func (a *heads) invocations(count, heads int) int {
	return groupsOf(count*heads*groupsOf(a.q.Dim(2), 4*headChunk), elementGroup)
}

// places are the words that say where windows lie in the call. count and heads are
// the rows and heads of the operand that the grid covers.
func (a *heads) places(count, heads int) [11]uint32 {
	return [...]uint32{
		u32(a.c.Rows.Batch()), u32(a.c.Rows.Rows()), u32(a.c.Keys.Rows()), u32(a.c.Src[0].Dim(1)),
		u32(a.firstRow), u32(a.firstKey), u32(a.firstHead), u32(count), u32(heads), u32(a.q.Dim(1) / a.k.Dim(1)),
		u32(a.q.Dim(2)),
	}
}

// maskWords are left, right, causal and scale.
func (a *heads) maskWords() [4]uint32 {
	at := &a.c.Attr
	return [...]uint32{i32(at.Left), i32(at.Right), flag(at.Causal), f32(at.Scale)}
}

func (a *heads) dropoutWords() [4]uint32 {
	at := &a.c.Attr
	return [...]uint32{uint32(at.Seed), uint32(at.Seed >> 32), tensor.DropoutThreshold(at.Rate), f32(1 / (1 - at.Rate))}
}

// attention runs one kernel, or one for each part of the sequences that fits into
// bindings.
func attention(s *stream, c *tensor.Call) error {
	out, lse := c.Dst[0], c.Dst[1]
	if sameBuffer(axis0(out), axis0(lse)) { // which one dispatch cannot bind twice
		buf, err := s.temp(lse.Bytes())
		if err != nil {
			return err
		}
		defer s.Free(buf)
		part := *c
		part.Dst[1] = tensor.View(buf, lse.Spec)
		if err := attention(s, &part); err != nil {
			return err
		}
		return s.copy(part.Dst[1], lse)
	}
	a := headsOf(c)
	return s.chunks(&a, []tensor.Tensor{a.q, out, lse}, []tensor.Tensor{a.k, a.v}, func(sp chunk, fits bool) error {
		part := a.at(sp)
		to, stat := rowsOf(out, sp.q0, sp.q1), rowsOf(lse, sp.q0, sp.q1)
		if fits {
			return s.attend(&part, to, stat)
		}
		return s.eachKV(&part, func(one *heads) error {
			group := one.q.Dim(1)
			to, stat := headsFrom(to, one.firstHead, group), columnsFrom(stat, one.firstHead, group)
			return s.eachPart([]tensor.Tensor{one.q, to, stat}, func(lo, hi int) error {
				p := *one
				p.q, p.firstRow = rowsOf(one.q, lo, hi), one.firstRow+lo
				return s.attend(&p, rowsOf(to, lo, hi), rowsOf(stat, lo, hi))
			})
		})
	})
}

func (s *stream) attend(a *heads, out, lse tensor.Tensor) error {
	count, n := a.q.Dim(0), a.q.Dim(1)
	k := kernelOf("attention", append(a.consts(a.q, a.k, a.v), setIf("LSE", lse.Present()))...)
	ops := []operand{axis0(a.q), axis0(a.k), axis0(a.v), layoutOf(a.c.Rows), layoutOf(a.c.Keys), axis0(out), axis0(lse)}
	words := make([]uint32, 0, 24)
	places, mask, drop := a.places(count, n), a.maskWords(), a.dropoutWords()
	words = append(append(append(append(words, places[:]...), mask[:]...), f32(float32(math.Inf(-1)))), drop[:]...)
	return s.dispatch(k, a.invocations(count, n), ops, words...)
}
