package kernels

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/cephalo-ml/cephalo/gpu"
	"github.com/cephalo-ml/cephalo/tensor"
)

// Backend is the contract on one device. It is safe for use from many goroutines.
type Backend struct {
	dev  *gpu.Device
	caps gpu.Caps

	// rounds is how many rounds the loops of one invocation may take in all. Mesa's
	// software renderer ends them after 65,535, without an error.
	rounds int
	// tiles says whether workgroup memory pays: a software renderer runs barriers one
	// invocation after another.
	tiles bool

	// What an absent operand is bound to; one for each result a call may lack.
	dummyRead  gpu.Binding
	dummyWrite [tensor.MaxDst]gpu.Binding

	mu       sync.RWMutex
	programs map[kernel]*program
	closed   bool

	ropeMu sync.Mutex
	ropes  map[ropeKey]ropeTable
}

var (
	_ tensor.Backend = (*Backend)(nil)
	_ tensor.Stream  = (*stream)(nil)
)

// buffer is a tensor.Buffer. The memory of a temporary is recycled, its value is not.
type buffer struct {
	mem   *gpu.Buffer // nil once freed
	n     int64
	owner *stream // of a temporary; nil: long-lived
}

// Len is the size in bytes.
func (b *buffer) Len() int64 { return b.n }

// New opens a device and the backend on it. Without a device that opt allows the
// error is gpu.ErrNoDevice.
func New(ctx context.Context, opt gpu.Options) (*Backend, error) {
	dev, err := gpu.Open(ctx, opt)
	if err != nil {
		return nil, err
	}
	b := &Backend{dev: dev, caps: dev.Caps(), programs: map[kernel]*program{}, ropes: map[ropeKey]ropeTable{}}
	if b.rounds, b.tiles = math.MaxInt32, true; dev.Info().Software {
		b.rounds, b.tiles = 60000, false
	}
	for i := range len(b.dummyWrite) + 1 {
		mem, err := dev.NewBuffer(windowRound, "dummy")
		if err != nil {
			return nil, errors.Join(err, dev.Close())
		}
		bind := gpu.Binding{Buf: mem, Size: windowRound}
		if i == 0 {
			b.dummyRead = bind
		} else {
			b.dummyWrite[i-1] = bind
		}
	}
	return b, nil
}

// Name is "webgpu" with the adapter, and says whether that is a software renderer.
func (b *Backend) Name() string {
	info := b.dev.Info()
	if info.Software {
		return fmt.Sprintf("webgpu (%s, a software renderer)", info.Name)
	}
	return fmt.Sprintf("webgpu (%s)", info.Name)
}

// Supports says what of a call this device cannot do; nil: it can.
func (b *Backend) Supports(c *tensor.Call) error {
	if c.Op == tensor.OpNone || c.Op >= tensor.NumOps || impl[c.Op] == nil {
		return fmt.Errorf("operation %s on %s: %w", c.Op, b.Name(), tensor.ErrUnsupported)
	}
	for _, ts := range [][]tensor.Tensor{c.Src[:], c.Dst[:]} {
		for i := range ts {
			if n := ts[i].Extent(); n > b.caps.MaxBuffer {
				return fmt.Errorf("%s: %v takes %d bytes, a buffer of %s at most %d: %w", c.Op, ts[i].Spec, n, b.Name(), b.caps.MaxBuffer, tensor.ErrUnsupported)
			}
		}
	}
	return nil
}

// Alloc is zeroed memory that lives until Release.
func (b *Backend) Alloc(nbytes int64) (tensor.Buffer, error) {
	if nbytes < 0 || nbytes > b.caps.MaxBuffer {
		return nil, fmt.Errorf("alloc: %d bytes, want 0 to %d on %s: %w", nbytes, b.caps.MaxBuffer, b.Name(), tensor.ErrUnsupported)
	}
	if err := b.open(); err != nil {
		return nil, fmt.Errorf("alloc: %w", err)
	}
	mem, err := b.dev.NewBuffer(roundUp(nbytes), "tensor")
	if err != nil {
		return nil, fmt.Errorf("alloc: %w", closedAs(err))
	}
	return &buffer{mem: mem, n: nbytes}, nil
}

// roundUp leaves room for whole vec4, and none empty.
func roundUp(n int64) int64 { return max((n+windowRound-1)&^(windowRound-1), windowRound) }

// Release gives memory of Alloc back. Work that was submitted still runs to its
// end; an operation that comes later answers tensor.ErrClosed.
func (b *Backend) Release(t tensor.Buffer) {
	if buf, ok := t.(*buffer); ok && buf.owner == nil {
		buf.mem.Release()
	}
}

// Begin opens a stream.
func (b *Backend) Begin() (tensor.Stream, error) {
	if err := b.open(); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	return &stream{b: b, list: b.dev.NewList(), live: map[*buffer]struct{}{}}, nil
}

// Stats are the device's counts.
func (b *Backend) Stats() tensor.Stats { return statsOf(b.dev.Stats()) }

func statsOf(st gpu.Stats) tensor.Stats {
	return tensor.Stats{Dispatches: st.Dispatches, Submits: st.Submits, Maps: st.Maps, Allocs: st.Allocs, Bytes: st.Bytes, PeakBytes: st.PeakBytes}
}

// Close closes the device with all that is on it. Streams that are still open
// answer tensor.ErrClosed from then on. Closing twice is fine.
func (b *Backend) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	b.mu.Unlock()
	return b.dev.Close()
}

func (b *Backend) open() error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return fmt.Errorf("backend: %w", tensor.ErrClosed)
	}
	return nil
}

// closedAs gives gpu's error for a closed object tensor's sentinel too.
func closedAs(err error) error {
	if errors.Is(err, gpu.ErrClosed) {
		return errors.Join(tensor.ErrClosed, err)
	}
	return err
}
