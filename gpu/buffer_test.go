package gpu

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBufferSizes(t *testing.T) {
	d := openFake(t, newFake())
	for asked, want := range map[int64]int64{0: 4, 1: 4, 4: 4, 5: 8, 1000: 1000} {
		b, err := d.NewBuffer(asked, "b")
		require.NoError(t, err)
		require.Equal(t, want, b.Len())
		p, err := d.Acquire(asked)
		require.NoError(t, err)
		require.Equal(t, want, p.Len())
	}
	for _, asked := range []int64{-1, 1<<20 + 1, 1 << 62} {
		_, err := d.NewBuffer(asked, "b")
		require.ErrorContains(t, err, "want 0 to 1048576")
		_, err = d.Acquire(asked)
		require.ErrorContains(t, err, "want 0 to 1048576")
	}
}

func TestNewBufferIsZeroed(t *testing.T) {
	d := openFake(t, newFake()) // whose memory is not zero
	b, err := d.NewBuffer(1000, "b")
	require.NoError(t, err)
	out := make([]byte, 1000)
	l := d.NewList()
	defer l.Close()
	require.NoError(t, l.Read(t.Context(), []ReadBack{{Src: b, Dst: out}}))
	require.Equal(t, make([]byte, 1000), out)
}

func TestReleasedBufferIsAnError(t *testing.T) { eachDevice(t, testReleasedBuffer) }

func testReleasedBuffer(t *testing.T, d *Device) {
	p := addKernel(t, d, "add")
	for name, give := range map[string]func(*Buffer){
		"release": (*Buffer).Release,
		"recycle": d.Recycle,
	} {
		in, err := d.NewBuffer(256, "in")
		require.NoError(t, err)
		b, err := d.Acquire(256)
		require.NoError(t, err)
		l := d.NewList()
		require.NoError(t, l.Dispatch(p, one(1), [3]uint32{1, 1, 1}, Binding{Buf: in}, Binding{Buf: b}))
		give(b)
		give(b) // twice is fine
		require.ErrorIs(t, l.Read(t.Context(), nil), ErrClosed, name)
		require.ErrorIs(t, d.Write(b, 0, make([]byte, 4)), ErrClosed, name)
		require.ErrorIs(t, d.Write(b, 0, nil), ErrClosed, name)
		require.ErrorIs(t, l.Write(b, 0, make([]byte, 4)), ErrClosed, name)
		require.ErrorIs(t, l.Fill0(b, 0, 4), ErrClosed, name)
		require.ErrorIs(t, l.Copy(b, 0, in, 0, 4), ErrClosed, name)
		require.ErrorIs(t, l.Copy(in, 0, b, 0, 4), ErrClosed, name)
		require.ErrorIs(t, l.Read(t.Context(), []ReadBack{{Src: b, Dst: make([]byte, 4)}}), ErrClosed, name)
		require.ErrorIs(t, l.Dispatch(p, one(1), [3]uint32{1, 1, 1}, Binding{Buf: in}, Binding{Buf: b}), ErrClosed, name)
		require.NoError(t, l.Close())
	}
	require.Zero(t, d.Stats().Submits)
	(*Buffer)(nil).Release()
	d.Recycle(nil)
}

func TestWriteInPieces(t *testing.T) {
	hw := newFake()
	hw.limits.MaxBuffer, hw.room = 80<<20, 100<<20
	hw.limits.ZeroedBuffers = true
	d := openFake(t, hw)
	b, err := d.NewBuffer(writeFlush+3*writeChunk/2, "b")
	require.NoError(t, err)
	data := make([]byte, b.Len()-1) // a last word that is not whole
	for i := range data {
		data[i] = byte(i * 31 >> 3)
	}
	require.NoError(t, d.Write(b, 0, data))
	require.EqualValues(t, 1, d.Stats().Submits, "uploads are flushed so that staging memory stays bounded")
	require.EqualValues(t, 6, d.Stats().Writes)
	got := use(b.blk.Load().mem)
	require.True(t, bytes.Equal(data, got[:len(data)]))
	require.Zero(t, got[len(data)])
}

func TestWriteChecks(t *testing.T) { eachDevice(t, testWriteChecks) }

func testWriteChecks(t *testing.T, d *Device) {
	other := openFake(t, newFake())
	b, err := d.NewBuffer(16, "b")
	require.NoError(t, err)
	foreign, err := other.NewBuffer(16, "b")
	require.NoError(t, err)
	l := d.NewList()
	defer l.Close()
	for name, c := range map[string]struct {
		dst  *Buffer
		off  int64
		n    int
		want string
	}{
		"nil":             {nil, 0, 4, "nil"},
		"foreign":         {foreign, 0, 4, "another device"},
		"past the end":    {b, 8, 12, "bytes 8 to 8+12, want them in a buffer of 16"},
		"negative":        {b, -4, 4, "bytes -4"},
		"overflow":        {b, 1<<63 - 4, 8, "want them in a buffer of 16"},
		"odd offset":      {b, 2, 4, "multiples of 4"},
		"odd length":      {b, 0, 3, "multiples of 4"},
		"odd, before end": {b, 4, 7, "multiples of 4"},
	} {
		require.ErrorContains(t, d.Write(c.dst, c.off, make([]byte, c.n)), c.want, name)
		require.ErrorContains(t, l.Write(c.dst, c.off, make([]byte, c.n)), c.want, name)
	}
	require.NoError(t, l.Write(b, 8, []byte{1, 2, 3, 4, 5, 6, 7}), "odd, at the end")
	out := make([]byte, 8)
	require.NoError(t, l.Read(t.Context(), []ReadBack{{Src: b, Off: 8, Dst: out}}))
	require.Equal(t, []byte{1, 2, 3, 4, 5, 6, 7, 0}, out)
}
