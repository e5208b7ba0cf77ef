package conformance

import (
	"math"
	"strings"
	"testing"

	"github.com/cephalo-ml/cephalo/tensor"
	"github.com/stretchr/testify/assert"
)

// Every operation has cases, and a case runs alone by its name.
func TestCasesAreNamed(t *testing.T) {
	seen := map[string]bool{}
	ops := map[tensor.Op]int{}
	for _, c := range Cases() {
		name := c.Op.String() + "/" + c.Name
		assert.False(t, seen[name], "case %s comes twice", name)
		assert.False(t, c.Name == "" || strings.ContainsAny(c.Name, " /"), "name of %q", name)
		seen[name] = true
		if !c.Long {
			ops[c.Op]++
		}
	}
	for _, op := range tensor.Ops() {
		assert.Positive(t, ops[op], "operation %s has no case that -short runs", op)
	}
}

// Every case is a call that its row accepts.
func TestCasesAreCalls(t *testing.T) {
	for _, c := range Cases() {
		if c.Long {
			continue
		}
		for _, v := range c.variants() {
			r := c.prepare(v, c.values())
			assert.NoError(t, checkPrepared(r), "%s/%s (%s)", c.Op, c.Name, v)
		}
	}
}

func checkPrepared(r *run) error {
	call := tensor.Call{Op: r.c.Op, Attr: r.c.Attr, Accum: r.variant.accum, Rows: onDevice(r.c.Rows), Keys: onDevice(r.c.Keys)}
	place := func(p place, mem []block, bufs []*sized) tensor.Tensor {
		if p.spec.DType == tensor.NoType {
			return tensor.Tensor{}
		}
		bufs[p.block].n = int64(wordSize * len(mem[p.block].words))
		return tensor.Tensor{Buf: bufs[p.block], Off: int64(wordSize * p.off), Stride: int32(p.stride), Spec: p.spec}
	}
	src, dst := fresh(len(r.srcMem)), fresh(len(r.dstMem))
	for i, p := range r.src {
		call.Src[i] = place(p, r.srcMem, src)
	}
	for i, p := range r.dst {
		call.Dst[i] = place(p, r.dstMem, dst)
	}
	return tensor.CheckCall(&call)
}

type sized struct{ n int64 }

func (b *sized) Len() int64 { return b.n }

func fresh(n int) []*sized {
	bs := make([]*sized, n)
	for i := range bs {
		bs[i] = &sized{}
	}
	return bs
}

func onDevice(l *tensor.Layout) *tensor.Layout {
	if l == nil {
		return nil
	}
	c := *l
	c.Dev = tensor.View(&sized{math.MaxInt64}, tensor.Of(tensor.I32, 2*l.Batch()+2*l.Rows()))
	return &c
}

func TestCompare(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	tol := tensor.Tol{Abs: 0.1, Rel: 0.01}
	for _, c := range []struct {
		got, want float64
		ok        bool
	}{
		{1, 1, true}, {1.1, 1, true}, {1.12, 1, false}, {101.05, 100, true}, {101.2, 100, false}, {nan, 1, false}, {1, nan, false}, {nan, nan, false},
		{inf, inf, true}, {-inf, inf, false}, {inf, 1, false}, {1, inf, false}, {math.Copysign(0, -1), 0, true},
	} {
		d := compare([]float64{c.got}, []float64{c.want}, tol, nil)
		assert.Equal(t, c.ok, d.ok(), "%v against %v: %s", c.got, c.want, d)
	}
	exact := tensor.Tol{}
	assert.True(t, compare([]float64{2}, []float64{2}, exact, nil).ok())
	assert.False(t, compare([]float64{2}, []float64{2 + 1e-15}, exact, nil).ok())

	d := compare([]float64{1, 5, nan, 3}, []float64{1, 2, 1, 3}, tol, nil)
	assert.Equal(t, 2, d.outside)
	assert.Contains(t, []int{1, 2}, d.index)
	d = compare([]float64{1, 5, nan, 3}, []float64{1, 2, 1, 3}, tol, func(i int) bool { return i == 1 || i == 2 })
	assert.True(t, d.ok())
	assert.Equal(t, 2, d.n)
}

// Places of one arrangement do not overlap and have guards around them.
func TestArrange(t *testing.T) {
	specs := []tensor.Spec{f32(3, 4), f32(3, 2), {}, f32(), tensor.Of(tensor.I32, 3), f32(0, 7), f32(5)}
	for _, k := range []layoutKind{dense, views, shared} {
		places, sizes := arrange(k, specs)
		taken := make([]map[int]bool, len(sizes))
		for i := range taken {
			taken[i] = map[int]bool{}
		}
		for i, p := range places {
			if p.spec.DType == tensor.NoType {
				assert.Equal(t, tensor.NoType, specs[i].DType)
				continue
			}
			for e := range int(p.spec.Elems()) {
				w := p.word(e)
				assert.Less(t, w, sizes[p.block], "%s operand %d", k, i)
				assert.False(t, taken[p.block][w], "%s operand %d word %d", k, i, w)
				taken[p.block][w] = true
			}
		}
		if k != dense {
			assert.False(t, taken[0][0], "%s: a guard before", k)
			assert.False(t, taken[0][sizes[0]-1], "%s: a guard after", k)
		}
	}
}
