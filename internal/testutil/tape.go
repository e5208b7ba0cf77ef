package testutil

import (
	"context"
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

// Tape is a small gradient tape for tests: a stream around a stream. It passes
// each call on, asks for the auxiliary results that the call's row names, and
// holds back Free of what the gradient rule will read. Gradients are keyed by
// Buffer: a view has the same view of its buffer's gradient.
//
// A result may be written in parts, by several calls, but no part twice.
type Tape struct {
	inner   tensor.Stream
	calls   []entry
	traced  map[tensor.Buffer]bool // gradients may arrive: watched, or computed from what is
	grads   map[tensor.Buffer]tensor.Buffer
	held    map[tensor.Buffer]int  // entries that will read it
	freed   map[tensor.Buffer]bool // Free came while it was held
	passing bool                   // nothing is recorded: in a rule, or in a segment's first run
	current *tensor.Call           // whose rule is running
}

// entry is a recorded call, or a segment that will run again.
type entry struct {
	call  tensor.Call
	hold  []tensor.Buffer
	aux   []tensor.Buffer // temporaries of the tape for the auxiliary results
	again *segment
}

type segment struct {
	x, y  tensor.Tensor
	fn    func(*tensor.Scope, tensor.Tensor) (tensor.Tensor, error)
	scope tensor.Scope // as it was before the first run
}

var (
	_ tensor.Grads     = (*Tape)(nil)
	_ tensor.Segmenter = (*Tape)(nil)
)

// NewTape records what runs on inner. Closing the tape closes inner.
func NewTape(inner tensor.Stream) *Tape {
	return &Tape{
		inner: inner, traced: map[tensor.Buffer]bool{}, grads: map[tensor.Buffer]tensor.Buffer{},
		held: map[tensor.Buffer]int{}, freed: map[tensor.Buffer]bool{},
	}
}

// Watch asks for the gradient of a buffer: a parameter, or an input.
func (t *Tape) Watch(bufs ...tensor.Buffer) {
	for _, b := range bufs {
		t.traced[b] = true
	}
}

// Recorded is the number of calls that the tape keeps.
func (t *Tape) Recorded() int { return len(t.calls) }

// Temp implements tensor.Stream.
func (t *Tape) Temp(nbytes int64) (tensor.Buffer, error) { return t.inner.Temp(nbytes) }

// Free implements tensor.Stream: what a rule will read stays.
func (t *Tape) Free(b tensor.Buffer) {
	if t.held[b] > 0 {
		t.freed[b] = true
		return
	}
	t.inner.Free(b)
}

// Write implements tensor.Stream.
func (t *Tape) Write(dst tensor.Tensor, src []byte) error { return t.inner.Write(dst, src) }

// Read implements tensor.Stream.
func (t *Tape) Read(ctx context.Context, dst [][]byte, src ...tensor.Tensor) error {
	return t.inner.Read(ctx, dst, src...)
}

// Stats implements tensor.Stream.
func (t *Tape) Stats() tensor.Stats { return t.inner.Stats() }

// Close implements tensor.Stream.
func (t *Tape) Close() error { return t.inner.Close() }

// Run implements tensor.Stream.
func (t *Tape) Run(c *tensor.Call) error {
	if t.passing || !t.traces(c) {
		return t.inner.Run(c)
	}
	e := entry{call: *c}
	row := tensor.RowOf(c.Op)
	if row.Aux != nil && row.Grad != nil {
		if err := t.addAux(row, &e); err != nil {
			return err
		}
	}
	if err := t.inner.Run(&e.call); err != nil {
		return err
	}
	for i, d := range e.call.Dst {
		if d.Present() {
			t.traced[d.Buf] = true
		}
		if d.Present() && row.Reads>>(8+i)&1 == 1 {
			e.hold = append(e.hold, d.Buf)
		}
	}
	for i, s := range e.call.Src {
		if s.Present() && row.Reads>>i&1 == 1 {
			e.hold = append(e.hold, s.Buf)
		}
	}
	for _, l := range []*tensor.Layout{c.Rows, c.Keys} {
		if l != nil {
			e.hold = append(e.hold, l.Dev.Buf)
		}
	}
	t.record(e)
	return nil
}

func (t *Tape) traces(c *tensor.Call) bool {
	for i := range c.Src {
		if c.Src[i].Present() && t.traced[c.Src[i].Buf] {
			return true
		}
	}
	return false
}

// addAux fills the slots of the results that the rule reads and the caller does not.
func (t *Tape) addAux(row *tensor.Row, e *entry) error {
	var specs [tensor.MaxDst]tensor.Spec
	row.Aux(&e.call, &specs)
	for i, sp := range specs {
		if sp.DType == tensor.NoType || e.call.Dst[i].Present() {
			continue
		}
		x, err := tensor.NewTemp(t.inner, sp)
		if err != nil {
			return err
		}
		e.call.Dst[i] = x
		e.aux = append(e.aux, x.Buf)
	}
	return nil
}

func (t *Tape) record(e entry) {
	for _, b := range e.hold {
		t.held[b]++
	}
	t.calls = append(t.calls, e)
}

func (t *Tape) release(e *entry) {
	for _, b := range e.hold {
		if t.held[b]--; t.held[b] == 0 && t.freed[b] {
			delete(t.freed, b)
			t.Free(b)
		}
	}
	for _, b := range e.aux {
		t.inner.Free(b)
	}
}

// Segment implements tensor.Segmenter: the first run of fn records nothing and
// keeps nothing but x; Backward runs it again.
func (t *Tape) Segment(s *tensor.Scope, x tensor.Tensor, fn func(*tensor.Scope, tensor.Tensor) (tensor.Tensor, error)) (tensor.Tensor, error) {
	if t.passing {
		return fn(s, x)
	}
	e := entry{again: &segment{x: x, fn: fn, scope: *s}, hold: []tensor.Buffer{x.Buf}}
	t.passing = true
	t.held[x.Buf]++ // fn may free x
	y, err := fn(s, x)
	t.held[x.Buf]--
	t.passing = false
	if err != nil || y.Buf == x.Buf { // nothing ran
		return y, err
	}
	e.again.y = y
	t.traced[y.Buf] = true
	t.record(e)
	return y, nil
}

// Of implements tensor.Grads.
func (t *Tape) Of(x tensor.Tensor) (tensor.Tensor, bool, error) {
	g, ok := t.grads[x.Buf]
	if !ok {
		if !t.traced[x.Buf] || t.isResult(x.Buf) {
			return tensor.Tensor{}, false, nil
		}
		var err error
		if g, err = t.zeros(x.Buf.Len()); err != nil {
			return tensor.Tensor{}, false, err
		}
		t.grads[x.Buf] = g
	}
	x.Buf = g
	return x, true, nil
}

// isResult: a result that no later call gave a gradient has none.
func (t *Tape) isResult(b tensor.Buffer) bool {
	for i := range t.current.Dst {
		if t.current.Dst[i].Buf == b {
			return true
		}
	}
	return false
}

func (t *Tape) zeros(n int64) (tensor.Buffer, error) {
	b, err := t.inner.Temp(n)
	if err != nil {
		return nil, err
	}
	x := tensor.View(b, tensor.Of(tensor.F32, int(n/4)))
	return b, t.inner.Write(x, make([]byte, x.Bytes()))
}

// Seed starts the backward pass at Y with the gradient DY, or with ones.
type Seed struct{ Y, DY tensor.Tensor }

// Backward runs the rules of everything recorded, last call first. It may be
// called once.
func (t *Tape) Backward(seeds ...Seed) error {
	for _, s := range seeds {
		if err := t.seed(s); err != nil {
			return err
		}
	}
	calls := t.calls
	t.calls = nil
	return t.back(calls)
}

func (t *Tape) seed(s Seed) error {
	if !t.traced[s.Y.Buf] {
		return fmt.Errorf("backward: the result depends on nothing that is watched: %w", tensor.ErrUnsupported)
	}
	t.current = &tensor.Call{} // Y is no result of a call now, so that Of makes its gradient
	dy, _, err := t.Of(s.Y)
	if err != nil {
		return err
	}
	t.passing = true
	defer func() { t.passing = false }()
	if !s.DY.Present() {
		ones, err := tensor.Scale(t, dy, 0, 1)
		if err != nil {
			return err
		}
		defer t.Free(ones.Buf)
		s.DY = ones
	}
	return tensor.Accumulate(t, dy, s.DY)
}

func (t *Tape) back(calls []entry) error {
	for i := len(calls) - 1; i >= 0; i-- {
		e := &calls[i]
		if err := t.backOne(e); err != nil {
			return err
		}
		t.release(e)
	}
	return nil
}

func (t *Tape) backOne(e *entry) error {
	if e.again != nil {
		return t.rerun(e.again)
	}
	c := &e.call
	row := tensor.RowOf(c.Op)
	if row.Grad == nil {
		for i := range c.Dst {
			if _, ok := t.grads[c.Dst[i].Buf]; ok && c.Dst[i].Present() {
				return fmt.Errorf("%s is not differentiable: %w", row.Name, tensor.ErrUnsupported)
			}
		}
		return nil
	}
	t.current, t.passing = c, true
	err := row.Grad(t, c)
	t.current, t.passing = nil, false
	if err != nil {
		return fmt.Errorf("gradient of %s: %w", row.Name, err)
	}
	return nil
}

// rerun records a segment anew, with the dropout of its first run, and goes back through it.
func (t *Tape) rerun(g *segment) error {
	dy, ok := t.grads[g.y.Buf]
	if !ok {
		return nil
	}
	scope := g.scope
	outer := t.calls
	t.calls = nil
	y, err := g.fn(&scope, g.x)
	if err != nil {
		return err
	}
	calls := t.calls
	t.calls = outer
	if !t.traced[y.Buf] { // nothing in it is trainable
		return nil
	}
	from := g.y
	from.Buf = dy
	if err := t.seed(Seed{Y: y, DY: from}); err != nil {
		return err
	}
	return t.back(calls)
}

// Grad is the gradient of x after Backward; false where none came.
func (t *Tape) Grad(x tensor.Tensor) (tensor.Tensor, bool) {
	g, ok := t.grads[x.Buf]
	x.Buf = g
	return x, ok
}
