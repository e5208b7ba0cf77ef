package gpu

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

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
