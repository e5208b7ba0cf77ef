package nn

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/cephalo-ml/cephalo/tensor"
)

// Source is where weights come from: a safetensors file or folder.
type Source interface {
	Names() []string
	Dims(name string) []int // nil where there is no such tensor
	// ReadFloat32 gives the tensor in order, in bounded chunks, widened to float32.
	ReadFloat32(name string, chunk func(off int64, v []float32) error) error
}

// Options of a Builder.
type Options struct {
	Source Source // nil: every parameter is fresh
	Seed   uint64 // of fresh parameters
	// Lenient fills what the source lacks with fresh values and ignores what it
	// has too much; Weights.Filled says what was filled. A tensor of another shape
	// is an error all the same.
	Lenient bool
	// Candidates are the names under which the source may hold a parameter, in
	// order of preference. nil: its own name.
	Candidates func(name string) []string
}

// Builder makes parameters by name. Errors are collected, so that Finish can list
// everything that is wrong with a file at once. Not safe for concurrent use.
type Builder struct {
	*builder
	prefix string
}

type builder struct {
	ctx     context.Context
	backend tensor.Backend
	opt     Options
	stream  tensor.Stream
	raw     []byte
	values  []float32 // of fresh parameters
	pending int64     // bytes written to stream and not yet submitted
	used    map[string]bool
	byName  map[string]bool
	weights Weights
	missing []string
	shaped  []string
	err     error
}

// NewBuilder starts a model on a backend.
func NewBuilder(ctx context.Context, b tensor.Backend, opt Options) *Builder {
	return &Builder{builder: &builder{ctx: ctx, backend: b, opt: opt, used: map[string]bool{}, byName: map[string]bool{}, weights: Weights{backend: b}}}
}

// At is the builder of the parameters under name.
func (b *Builder) At(name string) *Builder {
	return &Builder{builder: b.builder, prefix: b.prefix + name + "."}
}

// Backend is where the parameters are held.
func (b *Builder) Backend() tensor.Backend { return b.backend }

// Fresh says whether parameters are drawn, not read.
func (b *Builder) Fresh() bool { return b.opt.Source == nil }

// Strict says whether a missing tensor is an error.
func (b *Builder) Strict() bool { return !b.opt.Lenient }

// Has says whether the source holds a parameter; a fresh model has none.
func (b *Builder) Has(name string) bool {
	_, ok := b.find(b.prefix + name)
	return ok
}

// Fail records an error of the caller's, which Finish returns.
func (b *Builder) Fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

func (b *builder) find(name string) (string, bool) {
	if b.opt.Source == nil {
		return "", false
	}
	names := []string{name}
	if b.opt.Candidates != nil {
		names = b.opt.Candidates(name)
	}
	for _, n := range names {
		if b.opt.Source.Dims(n) != nil {
			return n, true
		}
	}
	return "", false
}

// Tied marks a tensor that the file may hold although another parameter stands
// for it; it is neither read nor surplus. Its shape must be that of t.
func (b *Builder) Tied(name string, t tensor.Tensor) {
	if n, ok := b.find(b.prefix + name); ok {
		b.used[n] = true
		if d := b.opt.Source.Dims(n); t.Present() && !slices.Equal(d, t.Dims()) {
			b.shaped = append(b.shaped, fmt.Sprintf("%s is %v, want %v", n, d, t.Dims()))
		}
	}
}

// Param is a parameter of the given shape.
func (b *Builder) Param(name string, init Init, shape ...int) tensor.Tensor {
	return b.Fused(Part{Name: name, Init: init, Shape: shape})
}

// Part is one parameter of a fused group.
type Part struct {
	Name  string
	Init  Init
	Shape []int
}

// MaxElems is the most elements of one parameter, or of parameters side by side: 16 GiB.
// What asks for more is a mistake, or means harm.
const MaxElems = 1 << 32

// Fused lays parameters that agree in all axes but the first one after another in
// one buffer, so that one matmul serves all. Each keeps its own name. The result
// is the whole; it is absent after an error, which Finish returns. From a
// source that must hold everything, memory is taken for what it holds in the shape that
// is asked for, and for nothing else.
func (b *Builder) Fused(parts ...Part) tensor.Tensor {
	if b.err != nil {
		return tensor.Tensor{}
	}
	fits := true
	for _, p := range parts {
		fits = b.expect(b.prefix+p.Name, p.Shape) && fits
	}
	if b.err != nil || !fits {
		return tensor.Tensor{}
	}
	whole, err := b.alloc(parts)
	if err != nil {
		b.err = fmt.Errorf("parameter %s%s: %w", b.prefix, parts[0].Name, err)
		return tensor.Tensor{}
	}
	at := 0
	for _, p := range parts {
		view, err := whole.Slice(at, at+p.Shape[0])
		if err == nil {
			err = b.fill(b.prefix+p.Name, p, view)
		}
		if err != nil {
			b.err = fmt.Errorf("parameter %s%s: %w", b.prefix, p.Name, err)
			return tensor.Tensor{}
		}
		at += p.Shape[0]
	}
	return whole
}

// expect notes that the model has the parameter, and where the source differs; false
// says that it can not be read.
func (b *builder) expect(name string, shape []int) bool {
	if b.byName[name] {
		b.err = fmt.Errorf("parameter %s: built twice: %w", name, tensor.ErrUnsupported)
		return false
	}
	b.byName[name] = true
	if b.opt.Source == nil {
		return true
	}
	file, ok := b.find(name)
	if !ok {
		if !b.opt.Lenient {
			b.missing = append(b.missing, name)
		}
		return b.opt.Lenient
	}
	b.used[file] = true
	if d := b.opt.Source.Dims(file); !slices.Equal(d, shape) {
		b.shaped = append(b.shaped, fmt.Sprintf("%s is %v, want %v", file, d, shape))
		return false
	}
	return true
}

// alloc is the memory of a fused group.
func (b *builder) alloc(parts []Part) (tensor.Tensor, error) {
	shape := slices.Clone(parts[0].Shape)
	for _, p := range parts[1:] {
		shape[0] += p.Shape[0]
	}
	sp, err := tensor.SpecOf(tensor.F32, shape...)
	if err != nil {
		return tensor.Tensor{}, err
	}
	if sp.Elems() > MaxElems {
		return tensor.Tensor{}, fmt.Errorf("%v has %d elements, want at most %d: %w", sp, sp.Elems(), int64(MaxElems), tensor.ErrShape)
	}
	buf, err := b.backend.Alloc(max(sp.Bytes(), 4))
	if err != nil {
		return tensor.Tensor{}, err
	}
	b.weights.buffers = append(b.weights.buffers, buf)
	return tensor.View(buf, sp), nil
}

// chunk is how many values are drawn or written at a time.
const chunk = 1 << 18

// fill reads or draws a parameter that was expected.
func (b *builder) fill(name string, p Part, t tensor.Tensor) error {
	b.weights.Params = append(b.weights.Params, Param{Name: name, Tensor: t})
	put := func(off int64, v []float32) error { return b.write(t, off, v) }
	if b.opt.Source != nil {
		if file, ok := b.find(name); ok {
			return b.opt.Source.ReadFloat32(file, put)
		}
		b.weights.Filled = append(b.weights.Filled, name)
	}
	if p.Init == Zeros { // Alloc gives zeros
		return nil
	}
	out, in := p.Shape[0], p.Shape[0]
	if n := len(p.Shape); n > 1 {
		in = int(t.Elems()) / max(out, 1)
	}
	if b.values == nil {
		b.values = make([]float32, chunk)
	}
	r, v := newRandom(b.opt.Seed, name), b.values[:min(chunk, t.Elems())]
	for off := int64(0); off < t.Elems(); off += int64(len(v)) {
		v = v[:min(int64(len(v)), t.Elems()-off)]
		p.Init.fill(r, v, in, out)
		if err := put(off, v); err != nil {
			return err
		}
	}
	return nil
}

// write puts values at element off of a dense view, and submits now and then so
// that staging memory stays small.
func (b *builder) write(t tensor.Tensor, off int64, v []float32) error {
	if len(v) == 0 {
		return nil
	}
	if b.stream == nil {
		s, err := b.backend.Begin()
		if err != nil {
			return err
		}
		b.stream = s
	}
	part := tensor.View(t.Buf, tensor.Of(tensor.F32, len(v)))
	part.Off = t.Off + 4*off
	b.raw = tensor.AppendBytes(b.raw[:0], v) // one buffer for all: garbage would pile up to the size of the weights
	if err := b.stream.Write(part, b.raw); err != nil {
		return err
	}
	if b.pending += int64(len(b.raw)); b.pending >= 32<<20 {
		return b.flush()
	}
	return nil
}

func (b *builder) flush() error {
	if b.stream == nil {
		return nil
	}
	s := b.stream
	b.stream, b.pending = nil, 0
	err := s.Read(b.ctx, nil)
	if e := s.Close(); err == nil {
		err = e
	}
	return err
}

// LoadError lists everything in which a source and a model differ.
type LoadError struct {
	Missing, Surplus, Misshaped []string
}

func (e *LoadError) Error() string {
	var parts []string
	for _, l := range []struct {
		what  string
		names []string
	}{{"missing", e.Missing}, {"surplus", e.Surplus}, {"of another shape", e.Misshaped}} {
		if len(l.names) > 0 {
			parts = append(parts, fmt.Sprintf("%d %s: %s", len(l.names), l.what, strings.Join(l.names, ", ")))
		}
	}
	return "weights do not fit the config: tensors " + strings.Join(parts, "; ")
}

// Finish ends the building. A tensor of the source that was not used and that
// ignore does not name is surplus. After an error nothing is held.
func (b *Builder) Finish(ignore func(name string) bool) (*Weights, error) {
	if b.err == nil {
		b.err = b.flush()
	}
	if b.err == nil && b.opt.Source != nil {
		e := LoadError{Missing: b.missing, Misshaped: b.shaped}
		for _, n := range b.opt.Source.Names() {
			if !b.used[n] && !b.opt.Lenient && (ignore == nil || !ignore(n)) {
				e.Surplus = append(e.Surplus, n)
			}
		}
		sort.Strings(e.Surplus)
		if len(e.Missing)+len(e.Surplus)+len(e.Misshaped) > 0 {
			b.err = &e
		}
	}
	if b.err != nil {
		if b.stream != nil {
			b.stream.Close()
			b.stream = nil
		}
		b.weights.Release()
		return nil, b.err
	}
	return &b.weights, nil
}
