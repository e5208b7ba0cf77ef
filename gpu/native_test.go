//go:build !cpuref && cgo && (linux || darwin || windows) && (amd64 || arm64)

package gpu

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/cogentcore/webgpu/wgpu"
	"github.com/stretchr/testify/require"
)

// The driver reads handles out of the binding's structs, so their layout is
// part of what go.mod pins.
func TestBindingLayout(t *testing.T) {
	require.NoError(t, checkLayouts())
	require.EqualValues(t, unsafe.Sizeof(handles{}), unsafe.Sizeof(wgpu.Buffer{}))
	require.EqualValues(t, unsafe.Sizeof(single{}), unsafe.Sizeof(wgpu.Device{}))
}

func TestAdapterFields(t *testing.T) {
	got := adapterInfo(3, wgpu.AdapterInfo{
		VendorId: 0x10de, VendorName: "0x10de", Name: "0x2330", DriverDescription: "NVIDIA H100",
		AdapterType: wgpu.AdapterTypeDiscreteGPU, BackendType: wgpu.BackendTypeVulkan,
	})
	require.Equal(t, AdapterInfo{Index: 3, Name: "NVIDIA H100", Vendor: "NVIDIA", Backend: "vulkan", Type: "discrete"}, got)
	virtual := adapterInfo(0, wgpu.AdapterInfo{VendorId: 0x10de, DriverDescription: "GRID", AdapterType: wgpu.AdapterTypeCPU})
	require.Equal(t, "virtual", virtual.Type)
	require.False(t, virtual.Software)
	soft := adapterInfo(0, wgpu.AdapterInfo{VendorId: 0x10005, DriverDescription: "llvmpipe", AdapterType: wgpu.AdapterTypeCPU})
	require.Equal(t, "0x10005", soft.Vendor)
	require.True(t, soft.Software)
}

// openNative is a device of the driver itself, and that driver's part.
func openNative(t testing.TB) (*Device, *nativeDevice) {
	d := openTest(t)
	return d, d.hw.(*nativeDevice)
}

// The library ends the process for an error that nobody takes; the alarm does.
func TestErrorOutsideOfCallsIsNoAbort(t *testing.T) {
	d, n := openNative(t)
	d.mu.Lock()
	defer d.mu.Unlock()
	buf, err := n.own("small", 16, wgpu.BufferUsageMapRead|wgpu.BufferUsageCopyDst)
	require.NoError(t, err)
	defer n.disown(buf, 16)
	f, err := newFence()
	require.NoError(t, err)
	f.onMap(buf, 64) // past its end
	_, err = f.done()
	require.ErrorIs(t, err, ErrDeviceLost, "the common layer never maps out of range")
	err = n.failed(nil)
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrDeviceLost)
	require.NoError(t, n.failed(nil), "it is told once")
	f.free()
}

// Calls that end the process, or corrupt memory, for what a test cannot always
// show are not made at all.
func TestDangerousCallsAreNotMade(t *testing.T) {
	dangerous := map[string]string{
		"GetBindGroupLayout":  "aborts for a bad index: layouts are explicit",
		"MapAsync":            "gives C a pointer into the Go heap",
		"OnSubmittedWorkDone": "gives C a pointer into the Go heap",
		"CreateInstance":      "hands unset memory to the library",
		"RequestDevice":       "hands unset memory to the library",
		"CreateBufferInit":    "maps at creation",
		"Destroy":             "submitting a destroyed buffer aborts",
	}
	files, err := filepath.Glob("native*.go")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				require.Empty(t, dangerous[sel.Sel.Name], "%s calls %s", name, sel.Sel.Name)
			}
			return true
		})
	}
}

func TestReadOfUnmappedMemoryIsAnError(t *testing.T) {
	d := openTest(t)
	p, err := d.Pipeline(KernelSpec{Name: "slow", WGSL: slow, Bindings: []Kind{ReadWrite}, Workgroup: [3]int{64, 1, 1}})
	require.NoError(t, err)
	y, err := d.NewBuffer(256, "y")
	require.NoError(t, err)
	l := d.NewList()
	defer l.Close()
	require.NoError(t, l.Dispatch(p, nil, [3]uint32{64, 1, 1}, Binding{Buf: y}))
	require.NoError(t, l.addReads([]ReadBack{{y, 0, make([]byte, 256)}}))
	s, err := l.submit()
	require.NoError(t, err)
	d.mu.Lock()
	if done, _ := s.ticket.done(); !done {
		_, err = s.bytes()
		require.ErrorContains(t, err, "not mapped")
	}
	d.mu.Unlock()
	require.NoError(t, d.wait(t.Context(), s))
	require.NoError(t, l.take(s, nil))
}

// Panics of the binding come back as errors.
func TestPanicIsAnError(t *testing.T) {
	err := func() (err error) {
		defer recovered(&err)
		panic("Failed to acquire ComputePassEncoder")
	}()
	require.ErrorContains(t, err, "webgpu binding: Failed to acquire")
}

func TestParametersGrow(t *testing.T) {
	d, n := openNative(t)
	p, err := d.Pipeline(scaleAddSpec())
	require.NoError(t, err)
	x, y := pair(t, d, 4)
	require.NoError(t, d.Write(x, 0, floats(1)))
	l := d.NewList()
	defer l.Close()
	want := float32(0)
	for _, count := range []int{1, 3 * firstParamBytes / d.Caps().UniformAlign, 2} {
		for i := range count {
			a := float32(i % 7)
			want += a
			require.NoError(t, l.Dispatch(p, scaleAddParams(1, a), [3]uint32{1, 1, 1}, Binding{Buf: x}, Binding{Buf: y}))
		}
		out := make([]byte, 4)
		require.NoError(t, l.Read(t.Context(), []ReadBack{{y, 0, out}}))
		require.Equal(t, want, toFloats(out)[0])
	}
	require.Greater(t, n.paramCap, int64(2*firstParamBytes))
}

func TestBindGroupsAreCachedAndFreed(t *testing.T) {
	d, n := openNative(t)
	p, err := d.Pipeline(scaleAddSpec())
	require.NoError(t, err)
	x, err := d.NewBuffer(4, "x")
	require.NoError(t, err)
	run := func(y *Buffer) {
		l := d.NewList()
		defer l.Close()
		require.NoError(t, l.Dispatch(p, scaleAddParams(1, 1), [3]uint32{1, 1, 1}, Binding{Buf: x}, Binding{Buf: y}))
		require.NoError(t, l.Read(t.Context(), nil))
	}
	for range 3 {
		y, err := d.NewBuffer(4, "y")
		require.NoError(t, err)
		run(y)
		run(y)
		require.Len(t, n.groups.young, 1)
		y.Release()
		require.Empty(t, n.groups.young, "a bind group would hold on to the memory")
	}
	// Groups that age, and come back from age.
	var ys []*Buffer
	for range 3 {
		_, y := pair(t, d, 4)
		ys = append(ys, y)
		run(y)
	}
	d.mu.Lock()
	n.groups.old, n.groups.young = n.groups.young, map[uint64]*bindGroup{}
	d.mu.Unlock()
	run(ys[0])
	require.Len(t, n.groups.young, 1)
	require.Len(t, n.groups.old, 2)
	// A colliding key gets a group of its own.
	d.mu.Lock()
	for key, g := range n.groups.young {
		g.binds = []bind{{n.groups.young[key].binds[0].mem, 4, 4}}
	}
	d.mu.Unlock()
	run(ys[0])
	require.Len(t, n.groups.extra, 1)
	run(ys[1])
	require.Empty(t, n.groups.extra)
	blk := x.blk.Load().mem.(*nativeMemory)
	require.LessOrEqual(t, len(blk.groups), 8, "released groups are forgotten")
}

func TestGroupKeysDiffer(t *testing.T) {
	l, seen := &nativeLayout{id: 1}, map[uint64]bool{}
	for id := range uint64(50) {
		for off := range int64(20) {
			m := &nativeMemory{id: id}
			seen[groupKey(l, []bind{{m, off * 256, 1024}, {m, 0, 4}})] = true
		}
	}
	require.Len(t, seen, 1000)
}

// Callbacks write to C memory, whatever the collector does in between.
func TestCollectorBetweenMapAndPoll(t *testing.T) {
	d := openTest(t)
	b, err := d.NewBuffer(4096, "b")
	require.NoError(t, err)
	l := d.NewList()
	defer l.Close()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
				time.Sleep(time.Millisecond)
			}
		}
	}()
	out := make([]byte, 4096)
	for i := range 100 {
		require.NoError(t, l.Write(b, 0, []byte(strings.Repeat(string(rune('a'+i%26)), 4096))))
		require.NoError(t, l.Read(t.Context(), []ReadBack{{b, 0, out}}))
		require.Equal(t, byte('a'+i%26), out[4095])
	}
}

func TestStagingIsPooledAndBounded(t *testing.T) {
	d, n := openNative(t)
	b, err := d.NewBuffer(idleStage+4, "b")
	require.NoError(t, err)
	l := d.NewList()
	defer l.Close()
	for _, size := range []int64{4, minStage + 1, idleStage + 4} {
		for range 2 {
			require.NoError(t, l.Read(t.Context(), []ReadBack{{b, 0, make([]byte, size)}}))
		}
	}
	require.EqualValues(t, minStage+2*minStage, n.staging.bytes[stageDown], "the largest is not kept")
	require.Equal(t, n.staging.bytes[stageDown], n.bytes)
	require.EqualValues(t, 4, n.allocs)
}
