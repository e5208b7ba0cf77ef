package conformance

import (
	"encoding/binary"
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

// layoutKind is where the operands of a run lie in memory.
type layoutKind uint8

const (
	dense   layoutKind = iota // each alone in a buffer of its size
	views                     // each in a buffer of its own, with an offset and gaps between the rows
	shared                    // all operands in one buffer, all results in another, equal rows as columns of one matrix
	guarded                   // dense rows with an offset, and a guard behind: views without the memory
)

func (k layoutKind) String() string { return [...]string{"dense", "views", "shared", "guarded"}[k] }

// Every element that computes has four bytes.
const wordSize = 4

// What lies in memory where no element does. An operand's surroundings turn a
// result into NaN or point outside when they are read.
const (
	guardSrcF32 = 0x7fc00bad // a NaN
	guardSrcI32 = 0x7fffffff
	guardDst    = 0x4b5ade5a
	unwritten   = 0x7fc0dead // a NaN: a result before it is written
)

// block is the memory of one buffer, word by word.
type block struct {
	words []uint32
	used  []bool // word holds an element
}

// place is where a tensor lies: word numbers.
type place struct {
	spec        tensor.Spec
	block       int
	off, stride int
}

// word is the place of element i, counted densely.
func (p *place) word(i int) int {
	inner := p.spec.Inner()
	return p.off + i/inner*p.stride + i%inner
}

// each calls f with every element and its place.
func (p *place) each(f func(i, word int)) {
	n, inner := int(p.spec.Elems()), p.spec.Inner()
	for i, row := 0, p.off; i < n; row += p.stride {
		for c := range inner {
			f(i, row+c)
			i++
		}
	}
}

// arrange places the tensors and gives the size of each block in words. NoType
// places nothing.
func arrange(k layoutKind, specs []tensor.Spec) (places []place, sizes []int) {
	places = make([]place, len(specs))
	if k == shared {
		return places, arrangeShared(places, specs)
	}
	for i, sp := range specs {
		if sp.DType == tensor.NoType {
			continue
		}
		p := place{spec: sp, block: len(sizes), stride: sp.Inner()}
		tail := 0
		if k == views || k == guarded {
			p.off = 3 + 2*i // odd: no kernel may count on vec4 alignment
			tail = 70
		}
		if k == views {
			p.stride += 1 + i%3
		}
		rows := 1
		if sp.Rank > 0 {
			rows = sp.Dim(0)
		}
		places[i] = p
		sizes = append(sizes, max(p.off+rows*p.stride+tail, 1))
	}
	return places, sizes
}

// arrangeShared puts tensors of one dtype into one block: those with the same
// number of rows side by side, as the parts of a fused projection.
func arrangeShared(places []place, specs []tensor.Spec) (sizes []int) {
	blockOf := map[tensor.DType]int{}
	done := make([]bool, len(specs))
	for i, sp := range specs {
		if sp.DType == tensor.NoType || done[i] {
			continue
		}
		b, ok := blockOf[sp.DType]
		if !ok {
			b = len(sizes)
			blockOf[sp.DType] = b
			sizes = append(sizes, 1)
		}
		width := 0
		for j := i; j < len(specs); j++ {
			if specs[j].DType != sp.DType || done[j] || !sameRows(sp, specs[j]) {
				continue
			}
			done[j] = true
			places[j] = place{spec: specs[j], block: b, off: sizes[b] + width}
			width += specs[j].Inner() + 1
		}
		rows := 1
		if sp.Rank > 0 {
			rows = sp.Dim(0)
		}
		for j := i; j < len(specs); j++ {
			if specs[j].DType == sp.DType && sameRows(sp, specs[j]) {
				places[j].stride = width
			}
		}
		sizes[b] += max(rows, 1)*width + 2
	}
	return sizes
}

func sameRows(a, b tensor.Spec) bool {
	return (a.Rank == 0) == (b.Rank == 0) && (a.Rank == 0 || a.Shape[0] == b.Shape[0])
}

// blocks makes memory of the given sizes, filled with what guard gives for the
// dtype, and the elements of every tensor in it.
func blocks(places []place, sizes []int, values [][]float64, guard func(tensor.DType) uint32) []block {
	bs := make([]block, len(sizes))
	for i := range places {
		p := &places[i]
		if p.spec.DType == tensor.NoType {
			continue
		}
		b := &bs[p.block]
		if b.words == nil {
			b.words, b.used = make([]uint32, sizes[p.block]), make([]bool, sizes[p.block])
			for w := range b.words {
				b.words[w] = guard(p.spec.DType)
			}
		}
		p.each(func(e, w int) {
			b.used[w] = true
			b.words[w] = unwritten
			if values[i] != nil {
				b.words[w] = encode(p.spec.DType, values[i][e])
			}
		})
	}
	return bs
}

func encode(d tensor.DType, v float64) uint32 {
	if d == tensor.I32 {
		return uint32(int32(v))
	}
	return math.Float32bits(float32(v))
}

func decode(d tensor.DType, w uint32) float64 {
	if d == tensor.I32 {
		return float64(int32(w))
	}
	return float64(math.Float32frombits(w))
}

// read gives the elements of p out of its block.
func (p *place) read(words []uint32) []float64 {
	v := make([]float64, p.spec.Elems())
	p.each(func(i, w int) { v[i] = decode(p.spec.DType, words[w]) })
	return v
}

func toBytes(words []uint32) []byte {
	raw := make([]byte, wordSize*len(words))
	for i, w := range words {
		binary.LittleEndian.PutUint32(raw[wordSize*i:], w)
	}
	return raw
}

func toWords(raw []byte) []uint32 {
	words := make([]uint32, len(raw)/wordSize)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(raw[wordSize*i:])
	}
	return words
}
