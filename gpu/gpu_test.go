package gpu

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/stretchr/testify/require"
)

// openTest is a device for one test, a software renderer if need be.
func openTest(t testing.TB) *Device {
	t.Helper()
	d, err := Open(t.Context(), Options{AllowSoftware: true})
	if err != nil {
		testutil.NoDevice(t, err)
	}
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// scaleAdd: y[i] = a*x[i] + y[i] for i < n.
const scaleAdd = `
struct Params { n: u32, a: f32, pad0: u32, pad1: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
	if (id.x < p.n) { y[id.x] = p.a * x[id.x] + y[id.x]; }
}
`

func scaleAddSpec() KernelSpec {
	return KernelSpec{Name: "scale_add", WGSL: scaleAdd, Bindings: []Kind{ReadOnly, ReadWrite}, ParamBytes: 16, Workgroup: [3]int{64, 1, 1}}
}

func scaleAddParams(n int, a float32) []byte {
	p := make([]byte, 16)
	binary.LittleEndian.PutUint32(p, uint32(n))
	binary.LittleEndian.PutUint32(p[4:], math.Float32bits(a))
	return p
}

func floats(vs ...float32) []byte {
	b := make([]byte, 0, 4*len(vs))
	for _, v := range vs {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func toFloats(b []byte) []float32 {
	vs := make([]float32, len(b)/4)
	for i := range vs {
		vs[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return vs
}

func TestDispatchAndRead(t *testing.T) {
	d := openTest(t)
	t.Log(d.Info())
	t.Logf("%+v", d.Caps())
	p, err := d.Pipeline(scaleAddSpec())
	require.NoError(t, err)
	x, err := d.NewBuffer(12, "x")
	require.NoError(t, err)
	y, err := d.Acquire(12)
	require.NoError(t, err)
	require.NoError(t, d.Write(x, 0, floats(1, 2, 3)))
	l := d.NewList()
	defer l.Close()
	require.NoError(t, l.Write(y, 0, floats(10, 20, 30)))
	for range 3 {
		require.NoError(t, l.Dispatch(p, scaleAddParams(3, 2), [3]uint32{1, 1, 1}, Binding{Buf: x}, Binding{Buf: y}))
	}
	out := make([]byte, 12)
	require.NoError(t, l.Read(t.Context(), []ReadBack{{Src: y, Dst: out}}))
	require.Equal(t, []float32{16, 32, 48}, toFloats(out))
	require.Equal(t, Stats{Dispatches: 3, Submits: 1, Maps: 1, Writes: 1, Allocs: 2}, l.Stats())
}

func TestAdapters(t *testing.T) {
	list, err := Adapters()
	if err != nil {
		require.ErrorIs(t, err, ErrNoDevice)
		testutil.NoDevice(t, err)
	}
	for i, a := range list {
		require.Equal(t, i, a.Index)
		require.NotEmpty(t, a.Name)
		require.NotEmpty(t, a.Backend)
		require.NotContains(t, a.String(), "0x0")
	}
	// Instances come and go without a trace of the earlier ones.
	for range 5 {
		again, err := Adapters()
		require.NoError(t, err)
		require.Equal(t, list, again)
	}
}

func TestSoftwareIsNotTakenUnasked(t *testing.T) {
	list, err := Adapters()
	if err != nil {
		testutil.NoDevice(t, err)
	}
	for _, a := range list {
		if !a.Software {
			t.Skipf("%v is here", a)
		}
	}
	_, err = Open(t.Context(), Options{})
	require.ErrorIs(t, err, ErrNoDevice)
	require.ErrorContains(t, err, "only software renderers")
	d := openTest(t)
	require.True(t, d.Info().Software)
}

func TestShaderErrorIsAnError(t *testing.T) {
	d := openTest(t)
	for name, src := range map[string]string{
		"parse": "fn main( {",
		"type":  "@compute @workgroup_size(1) fn main() { let x: u32 = 1.5; }",
		"entry": "@compute @workgroup_size(1) fn other() {}",
		"bindings": `@group(0) @binding(0) var<storage, read_write> y: array<f32>;
			@group(0) @binding(5) var<storage, read_write> z: array<f32>;
			@compute @workgroup_size(1) fn main() { y[0] = z[0]; }`,
	} {
		_, err := d.Pipeline(KernelSpec{Name: name, WGSL: src, Bindings: []Kind{ReadWrite}, Workgroup: [3]int{1, 1, 1}})
		require.ErrorContains(t, err, "pipeline "+name, name)
		require.NotErrorIs(t, err, ErrDeviceLost)
	}
	_, err := d.Pipeline(scaleAddSpec())
	require.NoError(t, err, "the device goes on")
}

func TestLimitsAreReal(t *testing.T) {
	d := openTest(t)
	can := d.Caps()
	require.GreaterOrEqual(t, can.MaxBinding, int64(128<<20))
	require.GreaterOrEqual(t, can.MaxBuffer, int64(256<<20))
	require.GreaterOrEqual(t, can.StorageBuffers, 8)
	require.GreaterOrEqual(t, can.WorkgroupBytes, 16384)
	require.GreaterOrEqual(t, can.Invocations, 256)
	require.Equal(t, 65535, can.GroupsPerDim)
	require.False(t, can.F16, "the binding's front end does not know the type")

	_, err := d.NewBuffer(can.MaxBuffer+4, "too large")
	require.ErrorContains(t, err, "the device's limit")
	b, err := d.NewBuffer(can.MaxBinding+256, "larger than a binding")
	require.NoError(t, err)
	defer b.Release()
	p, err := d.Pipeline(scaleAddSpec())
	require.NoError(t, err)
	y, err := d.NewBuffer(256, "y")
	require.NoError(t, err)
	l := d.NewList()
	defer l.Close()
	require.ErrorContains(t, l.Dispatch(p, scaleAddParams(1, 1), [3]uint32{1, 1, 1}, Binding{Buf: b}, Binding{Buf: y}), "the device's limit")
	require.NoError(t, d.Write(b, can.MaxBinding, floats(42)))
	require.NoError(t, l.Dispatch(p, scaleAddParams(1, 1), [3]uint32{1, 1, 1}, Binding{Buf: b, Off: can.MaxBinding}, Binding{Buf: y}), "a window at its end")
	out := make([]byte, 4)
	require.NoError(t, l.Read(t.Context(), []ReadBack{{y, 0, out}}))
	require.Equal(t, []float32{42}, toFloats(out))
}

// All of the commands, on the device and on the fake's terms.
func TestCommandsOnTheDevice(t *testing.T) {
	d := openTest(t)
	p, err := d.Pipeline(scaleAddSpec())
	require.NoError(t, err)
	x, y := pair(t, d, 1024)
	z, w := pair(t, d, 1024)
	require.NoError(t, d.Write(x, 0, floats(1, 2, 3)))
	l := d.NewList()
	defer l.Close()
	dispatch := func(a float32, in, out Binding) {
		require.NoError(t, l.Dispatch(p, scaleAddParams(3, a), [3]uint32{1, 1, 1}, in, out))
	}
	require.NoError(t, l.Write(y, 0, floats(10, 10, 10)))
	require.NoError(t, l.Fill0(z, 0, 1024))
	dispatch(1, Binding{Buf: x}, Binding{Buf: y})                      // y = 11 12 13
	require.NoError(t, l.Copy(z, 256, y, 0, 12))                       // z+256 = y
	require.NoError(t, l.Write(y, 4, floats(100)))                     // y = 11 100 13
	dispatch(2, Binding{Buf: z, Off: 256}, Binding{Buf: y, Size: 256}) // y = 33 124 39
	require.NoError(t, l.Fill0(z, 256, 4))                             // z+256 = 0 12 13
	dispatch(1, Binding{Buf: z, Off: 256}, Binding{Buf: w, Off: 512})  // w+512 = 0 12 13
	require.NoError(t, l.Fill0(x, 4, 4))                               // x = 1 0 3
	outs := [4][]byte{make([]byte, 12), make([]byte, 12), make([]byte, 12), make([]byte, 16)}
	require.NoError(t, l.Read(t.Context(), []ReadBack{{x, 0, outs[0]}, {y, 0, outs[1]}, {z, 256, outs[2]}, {w, 508, outs[3]}}))
	require.Equal(t, []float32{1, 0, 3}, toFloats(outs[0]))
	require.Equal(t, []float32{33, 124, 39}, toFloats(outs[1]))
	require.Equal(t, []float32{0, 12, 13}, toFloats(outs[2]))
	require.Equal(t, []float32{0, 0, 12, 13}, toFloats(outs[3]))
	require.EqualValues(t, 1, l.Stats().Submits)
	require.EqualValues(t, 1, l.Stats().Maps)
}

func TestLargeWriteOnTheDevice(t *testing.T) {
	d := openTest(t)
	b, err := d.NewBuffer(writeFlush+writeChunk+4096, "large")
	require.NoError(t, err)
	defer b.Release()
	data := make([]byte, b.Len())
	for i := range data {
		data[i] = byte(i ^ i>>9)
	}
	require.NoError(t, d.Write(b, 0, data))
	out := make([]byte, len(data))
	l := d.NewList()
	defer l.Close()
	require.NoError(t, l.Read(t.Context(), []ReadBack{{b, 0, out}}))
	require.True(t, bytes.Equal(data, out))
}

// From the third equal list on nothing is allocated on the device, and next to
// nothing on the heap.
func TestSteadyState(t *testing.T) {
	const dispatches = 100
	d := openTest(t)
	p, err := d.Pipeline(scaleAddSpec())
	require.NoError(t, err)
	x, err := d.NewBuffer(4096, "x")
	require.NoError(t, err)
	params, in, out := scaleAddParams(64, 1), make([]byte, 4096), make([]byte, 4096)
	var stats Stats
	pass := func() {
		var temps [4]*Buffer
		for i := range temps {
			var err error
			temps[i], err = d.Acquire(4096)
			require.NoError(t, err)
		}
		l := d.NewList()
		if err := l.Write(temps[0], 0, in); err != nil {
			t.Fatal(err)
		}
		for i := range dispatches {
			if err := l.Dispatch(p, params, [3]uint32{1, 1, 1}, Binding{Buf: x}, Binding{Buf: temps[i%4]}); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Write(temps[0], 0, in); err != nil { // in the middle: staged
			t.Fatal(err)
		}
		require.NoError(t, l.Read(t.Context(), []ReadBack{{temps[3], 0, out}}))
		stats = l.Stats()
		require.NoError(t, l.Close())
		for _, b := range temps {
			d.Recycle(b)
		}
	}
	pass()
	pass()
	before := d.Stats()
	allocs := testing.AllocsPerRun(10, pass) // runs once more to warm up
	after := d.Stats()
	require.Equal(t, before.Allocs, after.Allocs)
	require.Equal(t, before.Bytes, after.Bytes)
	require.Equal(t, before.PeakBytes, after.PeakBytes)
	require.EqualValues(t, 11, after.Submits-before.Submits)
	require.EqualValues(t, 11, after.Maps-before.Maps)
	require.EqualValues(t, 11*dispatches, after.Dispatches-before.Dispatches)
	require.Equal(t, Stats{Dispatches: dispatches, Submits: 1, Maps: 1, Writes: 2}, stats)
	require.Less(t, allocs, float64(dispatches), "heap objects of a list of %d dispatches", dispatches)
	t.Logf("%v heap objects a list of %d dispatches", allocs, dispatches)
}

func TestManyGoroutines(t *testing.T) {
	const goroutines, lists = 8, 25
	d := openTest(t)
	x, err := d.NewBuffer(256, "x")
	require.NoError(t, err)
	require.NoError(t, d.Write(x, 0, floats(1, 2, 3)))
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range lists {
				// Half of them compile bad sources meanwhile, which must not reach the others.
				if g%2 == 0 {
					_, err := d.Pipeline(KernelSpec{Name: fmt.Sprint("bad", g, i), WGSL: "fn (", Bindings: []Kind{ReadWrite}, Workgroup: [3]int{1, 1, 1}})
					require.ErrorContains(t, err, "pipeline bad")
				}
				spec := scaleAddSpec()
				spec.Name = fmt.Sprint("good", i)
				p, err := d.Pipeline(spec)
				require.NoError(t, err)
				y, err := d.Acquire(256)
				require.NoError(t, err)
				l := d.NewList()
				base := float32(100*g + i)
				require.NoError(t, l.Write(y, 0, floats(base, base, base)))
				for range 10 {
					require.NoError(t, l.Dispatch(p, scaleAddParams(3, 2), [3]uint32{1, 1, 1}, Binding{Buf: x}, Binding{Buf: y}))
				}
				out := make([]byte, 12)
				require.NoError(t, l.Read(t.Context(), []ReadBack{{y, 0, out}}))
				require.Equal(t, []float32{base + 20, base + 40, base + 60}, toFloats(out))
				require.NoError(t, l.Close())
				d.Recycle(y)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, lists, d.Stats().Pipelines)
	require.EqualValues(t, goroutines*lists, d.Stats().Submits)
	require.LessOrEqual(t, d.Stats().Allocs, int64(1+2*goroutines+1))
}

// slow is a kernel that keeps a device busy for a while.
const slow = `
@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
	var v = y[id.x & 63u];
	for (var i = 0u; i < 20000u; i++) { v = v * 1664525u + 1013904223u; }
	y[id.x & 63u] = v;
}
`

func TestCancelledReadOnTheDevice(t *testing.T) {
	d := openTest(t)
	p, err := d.Pipeline(KernelSpec{Name: "slow", WGSL: slow, Bindings: []Kind{ReadWrite}, Workgroup: [3]int{64, 1, 1}})
	require.NoError(t, err)
	y, err := d.NewBuffer(256, "y")
	require.NoError(t, err)
	l := d.NewList()
	defer l.Close()
	cancelled := 0
	for range 5 {
		require.NoError(t, l.Dispatch(p, nil, [3]uint32{256, 1, 1}, Binding{Buf: y}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		out := make([]byte, 256)
		if err := l.Read(ctx, []ReadBack{{y, 0, out}}); err != nil {
			require.ErrorIs(t, err, context.DeadlineExceeded)
			cancelled++
		}
		cancel()
	}
	t.Logf("%d of 5 reads were cancelled", cancelled)
	x, err := d.NewBuffer(4, "x")
	require.NoError(t, err)
	require.NoError(t, l.Write(x, 0, floats(7)))
	out := make([]byte, 4)
	require.NoError(t, l.Read(t.Context(), []ReadBack{{x, 0, out}}), "the device goes on")
	require.Equal(t, []float32{7}, toFloats(out))
}

func TestProfileOnTheDevice(t *testing.T) {
	d := openTest(t)
	if !d.Caps().Timestamps {
		require.ErrorContains(t, d.Profile(true), "no timestamps")
		t.Skip("no timestamps")
	}
	require.NoError(t, d.Profile(true))
	slowly, err := d.Pipeline(KernelSpec{Name: "slow", WGSL: slow, Bindings: []Kind{ReadWrite}, Workgroup: [3]int{64, 1, 1}})
	require.NoError(t, err)
	p, err := d.Pipeline(scaleAddSpec())
	require.NoError(t, err)
	x, y := pair(t, d, 256)
	l := d.NewList()
	defer l.Close()
	const quick = 2500 // more timestamps than one query set has
	require.NoError(t, l.Dispatch(slowly, nil, [3]uint32{64, 1, 1}, Binding{Buf: y}))
	for range quick {
		require.NoError(t, l.Dispatch(p, scaleAddParams(1, 1), [3]uint32{1, 1, 1}, Binding{Buf: x}, Binding{Buf: y}))
	}
	start := time.Now()
	out := make([]byte, 6)
	require.NoError(t, l.Read(t.Context(), []ReadBack{{y, 1, out}}))
	wall := time.Since(start)
	times := l.Times()
	require.Len(t, times, quick+1)
	require.Equal(t, "slow", times[0].Name)
	var sum time.Duration
	for _, tm := range times {
		require.GreaterOrEqual(t, tm.Duration, time.Duration(0))
		sum += tm.Duration
	}
	require.Greater(t, times[0].Duration, times[quick].Duration)
	require.LessOrEqual(t, sum, wall)
	t.Logf("slow %v, quick %v, sum %v of %v, a tick is %v ns", times[0].Duration, times[quick].Duration, sum, wall, d.tick)

	require.NoError(t, d.Profile(false))
	require.NoError(t, l.Read(t.Context(), nil))
	require.Empty(t, l.Times())
}

func TestReleaseInFlight(t *testing.T) {
	d := openTest(t)
	p, err := d.Pipeline(KernelSpec{Name: "slow", WGSL: slow, Bindings: []Kind{ReadWrite}, Workgroup: [3]int{64, 1, 1}})
	require.NoError(t, err)
	for range 5 {
		y, err := d.NewBuffer(256, "y")
		require.NoError(t, err)
		l := d.NewList()
		require.NoError(t, l.Dispatch(p, nil, [3]uint32{64, 1, 1}, Binding{Buf: y}))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Microsecond)
		_ = l.Read(ctx, []ReadBack{{y, 0, make([]byte, 256)}}) // most likely cancelled
		cancel()
		y.Release()
		y.Release()
		require.NoError(t, l.Close())
	}
}
