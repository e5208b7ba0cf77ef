package conformance

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/cephalo-ml/cephalo/tensor"
	"github.com/stretchr/testify/require"
)

// Option changes what Run asks of a backend.
type Option func(*suite)

// ExactRows asks that a row or a sequence has the same bits alone as in a batch,
// in place of 1e-5.
func ExactRows() Option { return func(s *suite) { s.exactRows = true } }

// Short leaves out the cases of more than 65,535 workgroups or rounds of a loop, as
// -short does.
func Short() Option { return func(s *suite) { s.short = true } }

// suite is one run of the suite.
type suite struct {
	b, reference tensor.Backend
	exactRows    bool
	short        bool
	report       report
}

// Run holds b to the contract: every case of every operation, rows alone against
// rows in a batch, and streams and memory. reference is the backend whose results
// count where a case has no numbers of its own. A table of operations is logged at
// the end. With -short the cases of more than 65,535 workgroups or rounds of a loop
// are left out.
func Run(t *testing.T, b, reference tensor.Backend, opts ...Option) {
	s := &suite{b: b, reference: reference}
	for _, o := range opts {
		o(s)
	}
	byOp := map[tensor.Op][]Case{}
	for _, c := range Cases() {
		byOp[c.Op] = append(byOp[c.Op], c)
	}
	for _, op := range tensor.Ops() {
		t.Run(op.String(), func(t *testing.T) {
			require.NotEmpty(t, byOp[op], "operation %s has no case", op)
			for i := range byOp[op] {
				c := &byOp[op][i]
				t.Run(c.Name, func(t *testing.T) { s.runCase(t, c) })
			}
		})
	}
	t.Run("rows-alone", s.rowsAlone)
	t.Run("stream", s.streams)
	t.Log(s.report.table(b.Name()))
}

// variant is one way of running a case.
type variant struct {
	kind  layoutKind
	accum bool
	aux   bool // with the auxiliary results
}

func (v variant) String() string {
	name := v.kind.String()
	if v.accum {
		name += ",accum"
	}
	if v.aux {
		name += ",aux"
	}
	return name
}

func (c *Case) variants() []variant {
	if c.Long {
		vs := []variant{{kind: guarded, aux: true}}
		if c.Aligned {
			vs = append(vs, variant{kind: dense, aux: true})
		}
		return vs
	}
	vs := []variant{{kind: dense, aux: true}, {kind: views}, {kind: shared, aux: true}}
	if tensor.RowOf(c.Op).Accum {
		vs = append(vs, variant{kind: views, accum: true}, variant{kind: shared, accum: true})
	}
	return vs
}

func (s *suite) runCase(t *testing.T, c *Case) {
	if c.Long && (s.short || testing.Short()) {
		t.Skip("more than 65,535 workgroups or rounds of a loop: left out")
	}
	src := c.values()
	if c.Derive != nil {
		require.NoError(t, c.Derive(s.forward, src), "operands of %s/%s from the reference backend", c.Op, c.Name)
	}
	call := c.call()
	require.NoError(t, s.b.Supports(&call), "%s/%s", c.Op, c.Name)
	want := slices.Grow(slices.Clone(c.Want), tensor.MaxDst)[:tensor.MaxDst]
	if slices.ContainsFunc(c.needed(), func(i int) bool { return want[i] == nil }) {
		ref, err := s.forward(*c, src...)
		require.NoError(t, err, "%s/%s on the reference backend", c.Op, c.Name)
		for i := range want {
			if want[i] == nil {
				want[i] = ref[i]
			}
		}
	}
	var runs []*run
	for _, v := range c.variants() {
		runs = append(runs, c.prepare(v, src))
	}
	require.NoError(t, execute(s.b, runs...), "%s/%s", c.Op, c.Name)
	tol := tensor.RowOf(c.Op).Tol(&call)
	for _, r := range runs {
		for _, fault := range s.faults(r, want, tol) {
			t.Error(fault)
		}
	}
	if c.Long {
		return
	}
	again := c.prepare(runs[0].variant, src)
	require.NoError(t, execute(s.b, again), "%s/%s, once more", c.Op, c.Name)
	require.Empty(t, again.otherBits(runs[0]), "not repeatable")
}

// needed are the numbers of the results that some run gives.
func (c *Case) needed() []int {
	var n []int
	for i, sp := range c.results() {
		if sp.DType != tensor.NoType {
			n = append(n, i)
		}
	}
	return n
}

// forward runs c on the reference backend and gives every result.
func (s *suite) forward(c Case, src ...[]float64) ([][]float64, error) {
	r := c.prepare(variant{kind: dense, aux: true}, src)
	if err := execute(s.reference, r); err != nil {
		return nil, fmt.Errorf("%s: %w", s.reference.Name(), err)
	}
	out := make([][]float64, tensor.MaxDst)
	for i := range r.dst {
		if r.dst[i].spec.DType != tensor.NoType {
			out[i] = r.dst[i].read(r.after[r.dst[i].block])
		}
	}
	return out, nil
}

// run is a case in one variant: its memory before and after.
type run struct {
	c       *Case
	variant variant
	src     []place
	dst     []place
	srcMem  []block
	dstMem  []block
	before  [][]float64 // what each result held, where that counts
	after   [][]uint32  // memory of the results after the call
	srcEnd  [][]uint32  // memory of the operands after the call
}

// prepare places the operands and results of the case.
func (c *Case) prepare(v variant, src [][]float64) *run {
	r := &run{c: c, variant: v}
	srcSpecs := make([]tensor.Spec, len(c.Src))
	for i, o := range c.Src {
		srcSpecs[i] = o.Spec
	}
	dstSpecs := slices.Grow(slices.Clone(c.Dst), tensor.MaxDst)[:tensor.MaxDst]
	if v.aux {
		all := c.results()
		dstSpecs = all[:]
	}
	r.before = make([][]float64, tensor.MaxDst)
	for i, sp := range dstSpecs {
		name := fmt.Sprintf("%s/%s/before/%d", c.Op, c.Name, i)
		switch {
		case i < len(c.Before):
			r.before[i] = fill(c.Before[i], name)
		case v.accum && sp.DType != tensor.NoType:
			r.before[i] = fill(normal(sp.Dims()...), name)
		}
	}
	var sizes []int
	r.src, sizes = arrange(v.kind, srcSpecs)
	r.srcMem = blocks(r.src, sizes, src, func(d tensor.DType) uint32 {
		if d == tensor.I32 {
			return guardSrcI32
		}
		return guardSrcF32
	})
	r.dst, sizes = arrange(v.kind, dstSpecs)
	r.dstMem = blocks(r.dst, sizes, r.before, func(tensor.DType) uint32 { return guardDst })
	return r
}

// execute runs the prepared calls in one stream of b, one after another, and
// reads all their memory back at the end.
func execute(b tensor.Backend, runs ...*run) error {
	s, err := b.Begin()
	if err != nil {
		return err
	}
	defer s.Close()
	var all []tensor.Tensor
	var into [][]byte
	for _, r := range runs {
		call := tensor.Call{Op: r.c.Op, Attr: r.c.Attr, Accum: r.variant.accum}
		if call.Rows, err = upload(s, r.c.Rows); err != nil {
			return err
		}
		if call.Keys, err = upload(s, r.c.Keys); err != nil {
			return err
		}
		src, err := r.write(s, r.srcMem, r.src, call.Src[:])
		if err != nil {
			return fmt.Errorf("operands (%s): %w", r.variant, err)
		}
		dst, err := r.write(s, r.dstMem, r.dst, call.Dst[:])
		if err != nil {
			return fmt.Errorf("results (%s): %w", r.variant, err)
		}
		if err := tensor.Exec(s, call); err != nil {
			return fmt.Errorf("run (%s): %w", r.variant, err)
		}
		for _, x := range append(src, dst...) {
			all, into = append(all, x), append(into, make([]byte, x.Bytes()))
		}
	}
	if err := s.Read(context.Background(), into, all...); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	for _, r := range runs {
		for range r.srcMem {
			r.srcEnd, into = append(r.srcEnd, toWords(into[0])), into[1:]
		}
		for range r.dstMem {
			r.after, into = append(r.after, toWords(into[0])), into[1:]
		}
	}
	return s.Close()
}

// write puts blocks into temporaries of s and gives the views of the places.
func (r *run) write(s tensor.Stream, mem []block, places []place, views []tensor.Tensor) ([]tensor.Tensor, error) {
	whole := make([]tensor.Tensor, len(mem))
	for i, b := range mem {
		buf, err := s.Temp(int64(wordSize * len(b.words)))
		if err != nil {
			return nil, err
		}
		whole[i] = tensor.View(buf, f32(len(b.words)))
		if err := s.Write(whole[i], toBytes(b.words)); err != nil {
			return nil, err
		}
	}
	for i, p := range places {
		if p.spec.DType != tensor.NoType {
			views[i] = tensor.Tensor{Buf: whole[p.block].Buf, Off: int64(wordSize * p.off), Stride: int32(p.stride), Spec: p.spec}
		}
	}
	return whole, nil
}

// upload is a copy of l for one stream.
func upload(s tensor.Stream, l *tensor.Layout) (*tensor.Layout, error) {
	if l == nil {
		return nil, nil
	}
	c := *l
	return &c, c.Upload(s)
}
