package cpuref

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/cephalo-ml/cephalo/tensor"
)

// Options choose how a backend computes. The zero value is the fastest way on
// all processors that the Go runtime may use.
type Options struct {
	Threads   int  // 0: CEPHALO_THREADS, else one for each processor
	Reference bool // only the plain implementations
}

// Backend is a tensor.Backend on the processor.
type Backend struct {
	pool       *cpuPool
	vec        vecSet
	actRow     [tensor.NumActs]func([]float32) // in place, for the epilogue of linear; nil for none
	reference  bool
	closed     atomic.Bool
	mem        memory
	rope       ropeTables
	attend     poolSpare[attendState]
	attendBack poolSpare[attendGrad]
	ran        atomic.Int64 // operations
	reads      atomic.Int64
}

// New starts a backend. It fails on options or environment variables that it
// cannot follow; nothing falls back silently.
func New(opt Options) (*Backend, error) {
	if opt.Threads < 0 {
		return nil, fmt.Errorf("cpuref: threads got %d, want 0 or more", opt.Threads)
	}
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return nil, fmt.Errorf("cpuref: big-endian processor: %w", tensor.ErrUnsupported)
	}
	threads := opt.Threads
	if threads == 0 {
		n, err := cpuThreads(os.Getenv("CEPHALO_THREADS"))
		if err != nil {
			return nil, err
		}
		threads = n
	}
	path, err := cpuSelect(os.Getenv("CEPHALO_CPU"))
	if err != nil {
		return nil, err
	}
	b := &Backend{pool: newCPUPool(threads, path), vec: vecOf(path), reference: opt.Reference}
	b.attend.make = func() *attendState { return new(attendState) }
	b.attendBack.make = func() *attendGrad { return new(attendGrad) }
	for act := tensor.ActNone + 1; act < tensor.NumActs; act++ {
		b.actRow[act] = func(row []float32) { b.vec.activate(act, row, row) }
	}
	return b, nil
}

// Name is "cpu", "cpu/avx2" and the like: the instruction set in use; for a
// backend of plain implementations "cpu/reference".
func (b *Backend) Name() string {
	if b.reference {
		return "cpu/reference"
	}
	return "cpu/" + b.pool.path.name
}

// Supports says whether the call can run: every call that its row accepts can.
func (b *Backend) Supports(c *tensor.Call) error {
	if c.Op == tensor.OpNone || c.Op >= tensor.NumOps || impl[c.Op] == nil {
		return fmt.Errorf("cpuref: operation %s: %w", c.Op, tensor.ErrUnsupported)
	}
	return nil
}

// Alloc is a zeroed buffer that lives until Release.
func (b *Backend) Alloc(nbytes int64) (tensor.Buffer, error) {
	if b.closed.Load() {
		return nil, fmt.Errorf("cpuref: alloc: backend: %w", tensor.ErrClosed)
	}
	data, err := b.mem.fresh(nbytes)
	if err != nil {
		return nil, err
	}
	b.mem.out.add(nbytes)
	return &buffer{size: nbytes, data: data, mem: &b.mem}, nil
}

// Release gives a buffer of Alloc back. Other values, and a second time, do nothing.
func (b *Backend) Release(buf tensor.Buffer) {
	if x, ok := buf.(*buffer); ok && x != nil && x.owner == nil && x.mem == &b.mem {
		x.release()
	}
}

// Begin opens a stream.
func (b *Backend) Begin() (tensor.Stream, error) {
	if b.closed.Load() {
		return nil, fmt.Errorf("cpuref: begin: backend: %w", tensor.ErrClosed)
	}
	return &stream{b: b}, nil
}

// Stats counts over all streams. Bytes is the memory held: buffers, packed
// weights and temporaries, those kept for reuse too, but not what each thread
// works in. PeakBytes is the most bytes that were
// handed out at one time, by Alloc and Temp together, as asked for.
func (b *Backend) Stats() tensor.Stats {
	reads := b.reads.Load()
	return tensor.Stats{
		Dispatches: b.ran.Load(), Submits: reads, Maps: reads,
		Allocs: b.mem.allocs.Load(), Bytes: b.mem.held.Load(), PeakBytes: b.mem.out.peak(),
	}
}

// Close ends the threads and drops the memory kept for reuse. Streams and
// buffers that are still there answer tensor.ErrClosed. Closing twice is fine.
func (b *Backend) Close() error {
	if !b.closed.Swap(true) {
		b.pool.close()
		b.mem.drop()
	}
	return nil
}
