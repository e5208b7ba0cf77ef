package kernels

import (
	"fmt"
	"math"

	"github.com/cephalo-ml/cephalo/gpu"
	"github.com/cephalo-ml/cephalo/shaders"
	"github.com/cephalo-ml/cephalo/tensor"
)

const (
	maxBindings = 8 // storage buffers of a shader stage, WebGPU's default limit
	maxConsts   = 12
	maxWords    = 4 + 4*maxBindings + 32
)

// kernel names a pipeline: a shader file and the values of its constants.
type kernel struct {
	file   string
	consts [maxConsts]shaders.Const
}

// kernelOf is the kernel of a shader file with constants set.
func kernelOf(file string, consts ...shaders.Const) kernel {
	k := kernel{file: file}
	copy(k.consts[:], consts)
	return k
}

// set gives a constant its value; setIf that of a bool.
func set(name string, v int) shaders.Const { return shaders.Const{Name: name, Value: v} }

func setIf(name string, v bool) shaders.Const {
	if v {
		return set(name, 1)
	}
	return set(name, 0)
}

func (k *kernel) list() []shaders.Const {
	for i, c := range k.consts {
		if c.Name == "" {
			return k.consts[:i]
		}
	}
	return k.consts[:]
}

// String spells the variant, as a label: "softmax WG=64".
func (k kernel) String() string {
	s := k.file
	for _, c := range k.list() {
		s += fmt.Sprintf(" %s=%d", c.Name, c.Value)
	}
	return s
}

// The words of a dispatch's parameters.
func u32(v int) uint32         { return uint32(v) }
func i32[T ~int32](v T) uint32 { return uint32(v) }
func f32(v float32) uint32     { return math.Float32bits(v) }
func flag(v bool) uint32 {
	if v {
		return 1
	}
	return 0
}

// program is a kernel ready to be dispatched.
type program struct {
	pipe  *gpu.Pipeline
	shape shape
}

// program finds or makes the pipeline of k.
func (b *Backend) program(k kernel) (*program, error) {
	b.mu.RLock()
	p := b.programs[k]
	b.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	text, err := shaders.Source(k.file, k.list()...)
	if err != nil {
		return nil, err
	}
	sh, err := reflect(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k, err)
	}
	pipe, err := b.dev.Pipeline(gpu.KernelSpec{
		Name: k.String(), WGSL: text, Entry: "main", Bindings: sh.kinds,
		ParamBytes: 4 * sh.words, Workgroup: sh.workgroup, WorkgroupBytes: sh.workgroupBytes,
	})
	if err != nil {
		return nil, err
	}
	p = &program{pipe: pipe, shape: sh}
	b.mu.Lock()
	b.programs[k] = p
	b.mu.Unlock()
	return p, nil
}

// split calls fn on pieces of the rows of ops such that every operand of a piece
// fits into one binding. Shared and absent operands are passed to each piece as
// they are; all others have the same number of rows. No rows: fn is not called.
// fn must neither keep its argument nor call split.
func (s *stream) split(ops []operand, fn func(part []operand) error) error {
	rows := -1
	for _, o := range ops {
		if o.present() && !o.shared {
			rows = o.rows
			break
		}
	}
	limit := s.b.window()
	for lo := 0; lo < rows; {
		hi := rows
		for i := range ops {
			if o := &ops[i]; o.present() && !o.shared {
				hi = min(hi, o.fit(lo, limit))
			}
		}
		if hi <= lo {
			return errRow(limit)
		}
		part := s.parts[:len(ops)]
		for i, o := range ops {
			if o.present() && !o.shared {
				o = o.slice(lo, hi)
			}
			part[i] = o
		}
		if err := fn(part); err != nil {
			return err
		}
		lo = hi
	}
	return nil
}

func errRow(limit int64) error {
	return fmt.Errorf("a row exceeds the %d bytes that this device binds: %w", limit, tensor.ErrUnsupported)
}

// windows calls fn on pieces of the rows of x that fit into one binding each,
// with the number of the piece's first row; once where x has no rows
// or is absent.
func (s *stream) windows(x operand, fn func(part operand, first int) error) error {
	if !x.present() {
		return fn(x, 0)
	}
	limit := s.b.window()
	for lo := 0; ; {
		hi := x.fit(lo, limit)
		if hi <= lo && x.rows > 0 {
			return errRow(limit)
		}
		if err := fn(x.slice(lo, hi), lo); err != nil {
			return err
		}
		if lo = hi; lo >= x.rows {
			return nil
		}
	}
}

// dispatch records groups workgroups of k on ops, which are bound in order, with
// the words that follow the views in its Params. No groups record nothing.
func (s *stream) dispatch(k kernel, groups int, ops []operand, words ...uint32) error {
	if groups == 0 {
		return nil
	}
	p, err := s.b.program(k)
	if err != nil {
		return err
	}
	if len(ops) != len(p.shape.kinds) || len(words) != p.shape.scalars {
		return fmt.Errorf("%s: %d operands and %d words, want %d and %d", k, len(ops), len(words), len(p.shape.kinds), p.shape.scalars)
	}
	per := s.b.caps.GroupsPerDim
	grid := [3]uint32{uint32(groups), 1, 1}
	if groups > per {
		lines := groupsOf(groups, per)
		if lines > per {
			return fmt.Errorf("%s: %d workgroups, this device takes %d x %d: %w", k, groups, per, per, tensor.ErrUnsupported)
		}
		grid[0], grid[1] = uint32(groupsOf(groups, lines)), uint32(lines)
	}
	par := s.params[:0]
	par = append(par, grid[0], uint32(groups), 0, 0)
	dummies := 0
	for i := range ops {
		o := &ops[i]
		bind, first, err := s.b.bind(o, p.shape.kinds[i] == gpu.ReadWrite, &dummies)
		if err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
		s.binds[i] = bind
		par = append(par, first, uint32(o.stride), uint32(max(o.inner, 1)), uint32(o.step))
	}
	par = append(par, words...)
	for len(par) < p.shape.words {
		par = append(par, 0)
	}
	for i, w := range par {
		putU32(s.raw[4*i:], w)
	}
	return s.list.Dispatch(p.pipe, s.raw[:4*len(par)], grid, s.binds[:len(ops)]...)
}

// window is the largest extent of an operand: what is left of a binding when its
// offset is aligned down and its end up.
func (b *Backend) window() int64 {
	return b.caps.MaxBinding - int64(b.caps.StorageAlign) - windowRound
}

const windowRound = 16 // shaders may read whole vec4

// bind is the binding of an operand and the number of its first element in it.
func (b *Backend) bind(o *operand, writes bool, dummies *int) (gpu.Binding, uint32, error) {
	n := o.bytes()
	if n == 0 {
		if !writes {
			return b.dummyRead, 0, nil
		}
		*dummies++
		return b.dummyWrite[*dummies-1], 0, nil
	}
	if n > b.window() {
		return gpu.Binding{}, 0, fmt.Errorf("an operand of %d bytes exceeds the %d that this device binds: %w", n, b.window(), tensor.ErrUnsupported)
	}
	base := o.off &^ (int64(b.caps.StorageAlign) - 1)
	end := min((o.off+n+windowRound-1)&^(windowRound-1), o.buf.mem.Len())
	return gpu.Binding{Buf: o.buf.mem, Off: base, Size: end - base}, uint32((o.off - base) / 4), nil
}

func putU32(b []byte, v uint32) {
	_ = b[3]
	b[0], b[1], b[2], b[3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
}
