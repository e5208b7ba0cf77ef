package gpu

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

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
