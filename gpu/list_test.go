package gpu

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// pair is two buffers of n bytes.
func pair(t testing.TB, d *Device, n int64) (a, b *Buffer) {
	t.Helper()
	a, err := d.NewBuffer(n, "a")
	require.NoError(t, err)
	b, err = d.NewBuffer(n, "b")
	require.NoError(t, err)
	return a, b
}

func TestListRunsInOrder(t *testing.T) {
	hw := newFake()
	d := openFake(t, hw)
	p := addKernel(t, d, "add")
	a, b := pair(t, d, 256)
	c, e := pair(t, d, 256)
	hw.log = nil
	l := d.NewList()
	defer l.Close()
	data := one(7)
	require.NoError(t, l.Write(b, 0, data[:8]))
	clear(data) // it was copied
	require.NoError(t, l.Dispatch(p, one(5), [3]uint32{1, 1, 1}, Binding{Buf: a}, Binding{Buf: b}))
	require.NoError(t, l.Fill0(c, 0, 256))          // touches nothing before it: in front
	require.NoError(t, l.Copy(e, 4, c, 0, 8))       // likewise
	require.NoError(t, l.Write(e, 0, one(9)[:4]))   // after the copy, still in front
	require.NoError(t, l.Copy(c, 0, b, 0, 8))       // needs the dispatch
	require.NoError(t, l.Write(b, 4, one(100)[:4])) // must not overtake it
	require.NoError(t, l.Dispatch(p, one(1), [3]uint32{1, 1, 1}, Binding{Buf: a}, Binding{Buf: b}))
	out := make([]byte, 24)
	require.NoError(t, l.Read(t.Context(), []ReadBack{{c, 0, out[:8]}, {b, 0, out[8:16]}, {e, 0, out[16:]}}))
	words := func(b []byte) (w []uint32) {
		for i := 0; i < len(b); i += 4 {
			w = append(w, binary.LittleEndian.Uint32(b[i:]))
		}
		return w
	}
	require.Equal(t, []uint32{12, 5, 13, 101, 9, 0}, words(out))
	require.Equal(t, []string{"write", "clear", "copy", "write", "add", "copy", "write", "add"}, hw.log)
	require.Equal(t, Stats{Dispatches: 2, Submits: 1, Maps: 1, Writes: 3}, l.Stats())
}

func TestListRecordsAgainAfterRead(t *testing.T) { eachDevice(t, testListRecordsAgainAfterRead) }

func testListRecordsAgainAfterRead(t *testing.T, d *Device) {
	p := addKernel(t, d, "add")
	a, b := pair(t, d, 8)
	l := d.NewList()
	defer l.Close()
	out := make([]byte, 4)
	for i := range 3 {
		require.NoError(t, l.Dispatch(p, one(2), [3]uint32{1, 1, 1}, Binding{Buf: a}, Binding{Buf: b}))
		require.NoError(t, l.Read(t.Context(), []ReadBack{{b, 4, out}}))
		require.EqualValues(t, 2*(i+1), binary.LittleEndian.Uint32(out))
	}
	require.NoError(t, l.Read(t.Context(), nil), "nothing recorded, nothing read")
	require.EqualValues(t, 4, l.Stats().Submits)
	require.EqualValues(t, 3, l.Stats().Maps)
}

func TestReadOfAnySpan(t *testing.T) { eachDevice(t, testReadOfAnySpan) }

func testReadOfAnySpan(t *testing.T, d *Device) {
	b, err := d.NewBuffer(16, "b")
	require.NoError(t, err)
	data := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	require.NoError(t, d.Write(b, 0, data))
	l := d.NewList()
	defer l.Close()
	for from := range data {
		for to := from; to <= len(data); to++ {
			one, two := make([]byte, to-from), make([]byte, 3)
			require.NoError(t, l.Read(t.Context(), []ReadBack{{b, int64(from), one}, {b, 5, two}}))
			require.Equal(t, data[from:to], one)
			require.Equal(t, data[5:8], two)
		}
	}
	for _, rd := range []ReadBack{{b, 8, make([]byte, 9)}, {b, -1, make([]byte, 4)}, {nil, 0, make([]byte, 4)}} {
		require.ErrorContains(t, l.Read(t.Context(), []ReadBack{rd}), "want")
	}
}

func TestDispatchChecks(t *testing.T) {
	hw := newFake()
	d := openFake(t, hw)
	p := addKernel(t, d, "add")
	two, err := d.Pipeline(KernelSpec{Name: "two", WGSL: "x", Bindings: []Kind{ReadWrite, ReadWrite}, ParamBytes: 16, Workgroup: [3]int{1, 1, 1}})
	require.NoError(t, err)
	other := openFake(t, newFake())
	foreign := addKernel(t, other, "add")
	foreignBuf, err := other.NewBuffer(256, "f")
	require.NoError(t, err)
	a, b := pair(t, d, 1024)
	large, err := d.NewBuffer(1<<16+256, "large")
	require.NoError(t, err)
	groups := [3]uint32{1, 1, 1}
	l := d.NewList()
	defer l.Close()
	for name, c := range map[string]struct {
		p      *Pipeline
		params []byte
		groups [3]uint32
		binds  []Binding
		want   string
	}{
		"nil pipeline":     {nil, one(1), groups, []Binding{{Buf: a}, {Buf: b}}, "pipeline is nil"},
		"foreign pipeline": {foreign, one(1), groups, []Binding{{Buf: a}, {Buf: b}}, "another device"},
		"short params":     {p, one(1)[:12], groups, []Binding{{Buf: a}, {Buf: b}}, "12 bytes of parameters, want 16"},
		"few bindings":     {p, one(1), groups, []Binding{{Buf: a}}, "1 bindings, want 2"},
		"many groups":      {p, one(1), [3]uint32{1, 101, 1}, []Binding{{Buf: a}, {Buf: b}}, "[1 101 1] workgroups, want up to 100"},
		"nil buffer":       {p, one(1), groups, []Binding{{Buf: a}, {}}, "binding 1: buffer is nil"},
		"foreign buffer":   {p, one(1), groups, []Binding{{Buf: foreignBuf}, {Buf: b}}, "binding 0: buffer of another device"},
		"offset":           {p, one(1), groups, []Binding{{Buf: a, Off: 128}, {Buf: b}}, "offset 128, want a multiple of 256"},
		"past the end":     {p, one(1), groups, []Binding{{Buf: a, Off: 256, Size: 1024}, {Buf: b}}, "want them in a buffer of 1024"},
		"offset at end":    {p, one(1), groups, []Binding{{Buf: a, Off: 1024}, {Buf: b}}, "0 bytes, want"},
		"odd size":         {p, one(1), groups, []Binding{{Buf: a, Size: 6}, {Buf: b}}, "6 bytes, want a multiple of 4"},
		"negative size":    {p, one(1), groups, []Binding{{Buf: a, Size: -4}, {Buf: b}}, "want them in"},
		"large binding":    {p, one(1), groups, []Binding{{Buf: large}, {Buf: b}}, "up to 65536, the device's limit"},
		"read and write":   {p, one(1), groups, []Binding{{Buf: a, Size: 256}, {Buf: a, Off: 256}}, "for reading and for writing"},
		"write twice":      {two, one(1), groups, []Binding{{Buf: a, Size: 512}, {Buf: a, Off: 256}}, "the same bytes for writing twice"},
	} {
		require.ErrorContains(t, l.Dispatch(c.p, c.params, c.groups, c.binds...), c.want, name)
	}
	require.NoError(t, l.Copy(a, 0, b, 0, 0), "a copy of nothing")
	require.NoError(t, l.Fill0(a, 0, 0))
	require.NoError(t, l.Dispatch(p, one(1), [3]uint32{1, 0, 1}, Binding{Buf: a}, Binding{Buf: b}), "no workgroups")
	require.Empty(t, l.rec.cmds, "nothing was recorded")
	require.Empty(t, l.rec.binds)
	require.Empty(t, l.rec.bufs)
	require.NoError(t, l.Dispatch(two, one(1), groups, Binding{Buf: a, Size: 256}, Binding{Buf: a, Off: 256}), "two parts of one buffer")
	require.NoError(t, l.Dispatch(p, one(1), groups, Binding{Buf: large, Off: 256}, Binding{Buf: b}), "as large as can be")
	require.NoError(t, l.Read(t.Context(), nil))
	require.Equal(t, []string{"two", "add"}, hw.log[len(hw.log)-2:])
}

func TestCopyChecks(t *testing.T) { eachDevice(t, testCopyChecks) }

func testCopyChecks(t *testing.T, d *Device) {
	a, b := pair(t, d, 16)
	l := d.NewList()
	defer l.Close()
	require.ErrorContains(t, l.Copy(a, 0, a, 8, 4), "within one buffer")
	require.ErrorContains(t, l.Copy(a, 2, b, 0, 4), "copy: to offset 2")
	require.ErrorContains(t, l.Copy(a, 0, b, 0, 6), "multiples of 4")
	require.ErrorContains(t, l.Copy(a, 0, b, 16, 4), "copy: from bytes 16 to 16+4")
	require.ErrorContains(t, l.Fill0(a, 0, 20), "want them in a buffer of 16")
	require.ErrorContains(t, l.Fill0(a, 1, 4), "multiples of 4")
}

func TestClosedListIsAnError(t *testing.T) { eachDevice(t, testClosedListIsAnError) }

func testClosedListIsAnError(t *testing.T, d *Device) {
	p := addKernel(t, d, "add")
	a, b := pair(t, d, 16)
	l := d.NewList()
	require.NoError(t, l.Dispatch(p, one(1), [3]uint32{1, 1, 1}, Binding{Buf: a}, Binding{Buf: b}))
	require.NoError(t, l.Close())
	require.NoError(t, l.Close())
	require.ErrorIs(t, l.Dispatch(p, one(1), [3]uint32{1, 1, 1}, Binding{Buf: a}, Binding{Buf: b}), ErrClosed)
	require.ErrorIs(t, l.Write(a, 0, one(1)), ErrClosed)
	require.ErrorIs(t, l.Copy(a, 0, b, 0, 4), ErrClosed)
	require.ErrorIs(t, l.Fill0(a, 0, 4), ErrClosed)
	require.ErrorIs(t, l.Read(t.Context(), nil), ErrClosed)
	require.Empty(t, d.records[0].cmds, "the next list gets it empty")
	require.Zero(t, d.Stats().Dispatches)
}
