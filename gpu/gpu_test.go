package gpu

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

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
