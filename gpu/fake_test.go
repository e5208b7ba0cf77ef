package gpu

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeDriver is a driver over host memory: the common layer is tested with it
// where there is no device, and made to meet what a device rarely does.
type fakeDriver struct {
	list   []AdapterInfo
	device *fakeDevice
	closes int
}

var fakeAdapters = []AdapterInfo{{Index: 0, Name: "Fake One", Type: "discrete"}}

func (f *fakeDriver) adapters() []AdapterInfo { return f.list }

func (f *fakeDriver) open(int) (hardware, error) {
	f.device.drv = f
	return f.device, nil
}

func (f *fakeDriver) close() { f.closes++ }

// fakeDevice runs a program when it is submitted, and says so when it is polled
// and not held back.
type fakeDevice struct {
	drv       *fakeDriver
	limits    Caps
	room      int64 // bytes that can be allocated
	used      int64
	freed     int
	log       []string // what ran, in order
	stamps    uint64
	hold      atomic.Bool
	submitErr error
	pollErr   error
	writeErr  error
	closed    bool
}

type fakeMemory struct {
	data  []byte
	freed bool
}

type fakeKernel struct{ name string }

type fakeTicket struct {
	dev   *fakeDevice
	data  []byte
	clock []uint64
	ended bool
}

func newFake() *fakeDevice {
	return &fakeDevice{
		room: 1 << 20,
		limits: Caps{
			Timestamps: true, MaxBuffer: 1 << 20, MaxBinding: 1 << 16, StorageBuffers: 4, StorageAlign: 256,
			UniformAlign: 64, ParamBytes: 128, WorkgroupBytes: 1024, Invocations: 128,
			WorkgroupSize: [3]int{128, 128, 64}, GroupsPerDim: 100,
		},
	}
}

// openFake is a device over hw.
func openFake(t testing.TB, hw *fakeDevice) *Device {
	t.Helper()
	drv := &fakeDriver{list: fakeAdapters, device: hw}
	d, err := openWith(t.Context(), func(context.Context) (driver, error) { return drv, nil }, Options{})
	require.NoError(t, err)
	t.Cleanup(func() {
		hw.hold.Store(false)
		require.NoError(t, d.Close())
		require.True(t, hw.closed)
		require.Zero(t, hw.used, "memory left after Close")
	})
	return d
}

var errNoRoom = errors.New("no room")

func (f *fakeDevice) caps() Caps           { return f.limits }
func (f *fakeDevice) held() (int64, int64) { return 0, 0 }
func (f *fakeDevice) poll() error          { return f.pollErr }
func (f *fakeDevice) close()               { f.closed = true; f.drv.close() }

func (f *fakeDevice) alloc(n int64, _ string) (memory, error) {
	if f.used+n > f.room {
		return nil, errNoRoom
	}
	f.used += n
	m := &fakeMemory{data: make([]byte, n)}
	for i := range m.data {
		m.data[i] = 0xee // so that a missing zeroing shows
	}
	return m, nil
}

func (f *fakeDevice) free(m memory) {
	mem := m.(*fakeMemory)
	if mem.freed {
		panic("freed twice")
	}
	mem.freed = true
	f.used -= int64(len(mem.data))
	f.freed++
}

func (f *fakeDevice) write(m memory, off int64, data []byte) error {
	if f.writeErr != nil {
		return f.writeErr
	}
	f.log = append(f.log, fmt.Sprintf("upload %d", len(data)))
	copy(use(m)[off:], data)
	return nil
}

func (f *fakeDevice) compile(s *KernelSpec) (kernel, error) {
	if strings.Contains(s.WGSL, "broken") {
		return nil, errors.New("parse error")
	}
	return &fakeKernel{s.Name}, nil
}

// use is the memory's data; a driver may rely on it not being freed.
func use(m memory) []byte {
	mem := m.(*fakeMemory)
	if mem.freed {
		panic("used after it was freed")
	}
	return mem.data
}

func (f *fakeDevice) submit(p *program) (ticket, error) {
	if f.submitErr != nil {
		return nil, f.submitErr
	}
	t := &fakeTicket{dev: f, data: make([]byte, p.readBytes)}
	for _, c := range slices.Concat(p.writes, p.front, p.cmds) {
		switch c.op {
		case opWrite:
			f.log = append(f.log, "write")
			copy(use(c.dst)[c.dstOff:], p.data[c.srcOff:c.srcOff+c.n])
		case opCopy:
			f.log = append(f.log, "copy")
			copy(use(c.dst)[c.dstOff:c.dstOff+c.n], use(c.src)[c.srcOff:])
		case opClear:
			f.log = append(f.log, "clear")
			clear(use(c.dst)[c.dstOff : c.dstOff+c.n])
		case opDispatch: // addSource, whatever the name
			f.log = append(f.log, c.name)
			b := p.binds[c.bindTo-1]
			words := use(b.mem)[b.off : b.off+b.size]
			for _, in := range p.binds[c.bindFrom : c.bindTo-1] {
				use(in.mem)
			}
			for i := 0; i < len(words); i += 4 {
				v := binary.LittleEndian.Uint32(words[i:]) + binary.LittleEndian.Uint32(p.params[c.param:])
				binary.LittleEndian.PutUint32(words[i:], v)
			}
			if p.profile {
				at := uint64(len(t.clock))
				t.clock = append(t.clock, 1000*at, 1000*at+500)
			}
		}
	}
	if p.stamps {
		f.stamps++
		t.clock = []uint64{f.stamps * 1e7, 0}
	}
	for _, c := range p.reads {
		copy(t.data[c.dstOff:c.dstOff+c.n], use(c.src)[c.srcOff:])
	}
	return t, nil
}

func (t *fakeTicket) done() (bool, error)      { return !t.dev.hold.Load(), nil }
func (t *fakeTicket) bytes() ([]byte, error)   { return t.data, nil }
func (t *fakeTicket) ticks() ([]uint64, error) { return t.clock, nil }

func (t *fakeTicket) end() {
	if t.ended {
		panic("ended twice")
	}
	t.ended = true
}

// addSource is the one kernel of the fake, and the same for a device: y += v.
const addSource = `
struct Params { v: u32, pad0: u32, pad1: u32, pad2: u32 }
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<uniform> p: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
	if (id.x < arrayLength(&y)) { y[id.x] = y[id.x] + p.v + 0u * x[0]; }
}
`

func addKernel(t testing.TB, d *Device, name string) *Pipeline {
	t.Helper()
	p, err := d.Pipeline(KernelSpec{Name: name, WGSL: addSource, Bindings: []Kind{ReadOnly, ReadWrite}, ParamBytes: 16, Workgroup: [3]int{64, 1, 1}})
	require.NoError(t, err)
	return p
}

// one is parameters that begin with v.
func one(v uint32) []byte { return binary.LittleEndian.AppendUint32(make([]byte, 0, 16), v)[:16] }

// eachDevice runs a test on the fake, which panics where the binding would end
// the process, and on a device where there is one.
func eachDevice(t *testing.T, test func(*testing.T, *Device)) {
	t.Run("fake", func(t *testing.T) { test(t, openFake(t, newFake())) })
	t.Run("device", func(t *testing.T) { test(t, openTest(t)) })
}
