package gpu

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkList times one list of 100 small dispatches, from recording to the
// result, and says what a dispatch costs in it.
func BenchmarkList(b *testing.B) {
	const dispatches = 100
	d := openTest(b)
	p, err := d.Pipeline(scaleAddSpec())
	require.NoError(b, err)
	x, err := d.NewBuffer(256, "x")
	require.NoError(b, err)
	params, out := scaleAddParams(64, 1), make([]byte, 256)
	reads := make([]ReadBack, 1)
	b.ReportAllocs()
	for b.Loop() {
		y, err := d.Acquire(256)
		require.NoError(b, err)
		l := d.NewList()
		for range dispatches {
			if err := l.Dispatch(p, params, [3]uint32{1, 1, 1}, Binding{Buf: x}, Binding{Buf: y}); err != nil {
				b.Fatal(err)
			}
		}
		reads[0] = ReadBack{Src: y, Dst: out}
		require.NoError(b, l.Read(b.Context(), reads))
		require.NoError(b, l.Close())
		d.Recycle(y)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/dispatches, "ns/dispatch")
}

// BenchmarkRoundTrip times the shortest way there and back: no dispatch, a word read.
func BenchmarkRoundTrip(b *testing.B) {
	d := openTest(b)
	x, err := d.NewBuffer(256, "x")
	require.NoError(b, err)
	reads := []ReadBack{{Src: x, Dst: make([]byte, 4)}}
	l := d.NewList()
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Read(b.Context(), reads); err != nil {
			b.Fatal(err)
		}
	}
	require.NoError(b, l.Close())
}

// BenchmarkRecord times the recording of a dispatch alone.
func BenchmarkRecord(b *testing.B) {
	d := openTest(b)
	p, err := d.Pipeline(scaleAddSpec())
	require.NoError(b, err)
	x, err := d.NewBuffer(256, "x")
	require.NoError(b, err)
	y, err := d.NewBuffer(256, "y")
	require.NoError(b, err)
	l := d.NewList()
	params, n := scaleAddParams(64, 1), 0
	b.ReportAllocs()
	for b.Loop() {
		if n++; n%1000 == 0 {
			l.rec.reset()
		}
		if err := l.Dispatch(p, params, [3]uint32{1, 1, 1}, Binding{Buf: x}, Binding{Buf: y}); err != nil {
			b.Fatal(err)
		}
	}
	l.rec.reset()
	require.NoError(b, l.Close())
}
