package gpu

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClassSize(t *testing.T) {
	for n, want := range map[int64]int64{
		1: 256, 256: 256, 257: 512, 512: 512, 1000: 1024, 1025: 1280, 4096: 4096, 4097: 5120,
		1<<20 + 1: 1<<20 + 1<<18, 3 << 30: 3 << 30, 1<<40 + 1: 1<<40 + 1<<38,
	} {
		require.Equal(t, want, classSize(n), "%d", n)
	}
	for n := int64(1); n < 1<<20; n = n*9/8 + 1 {
		c := classSize(n)
		require.GreaterOrEqual(t, c, n)
		require.Equal(t, c, classSize(c), "a class is its own")
		require.LessOrEqual(t, c-n, max(n/4, minClass), "%d wastes too much", n)
	}
}

func TestPoolRecycles(t *testing.T) {
	d := openFake(t, newFake())
	a, err := d.Acquire(1000)
	require.NoError(t, err)
	mem := a.blk.Load()
	d.Recycle(a)
	b, err := d.Acquire(900) // of the same class
	require.NoError(t, err)
	require.NotSame(t, a, b, "a buffer value is never handed out twice")
	require.Same(t, mem, b.blk.Load())
	require.EqualValues(t, 900, b.Len())
	require.EqualValues(t, 1, d.Stats().Allocs)
	require.EqualValues(t, 1024, d.Stats().PeakBytes)
	c, err := d.Acquire(1000)
	require.NoError(t, err)
	require.NotSame(t, mem, c.blk.Load())
	require.EqualValues(t, 2048, d.Stats().PeakBytes)
	d.Recycle(b)
	c.Release()
	require.EqualValues(t, 1024, d.Stats().Bytes)
	require.Zero(t, d.inUse)
}

func TestPoolGivesWayToOthers(t *testing.T) {
	hw := newFake()
	hw.room = 4096
	d := openFake(t, hw)
	var bufs []*Buffer
	for range 4 {
		b, err := d.Acquire(1024)
		require.NoError(t, err)
		bufs = append(bufs, b)
	}
	_, err := d.Acquire(1024)
	require.ErrorIs(t, err, errNoRoom)
	for _, b := range bufs {
		d.Recycle(b)
	}
	_, err = d.NewBuffer(4096, "large")
	require.NoError(t, err, "the idle pool is given up for it")
	require.Equal(t, 4, hw.freed)
}

func TestPoolStaysBounded(t *testing.T) {
	hw := newFake()
	hw.room, hw.limits.MaxBuffer = 1<<40, 1<<32
	d := openFake(t, hw)
	for i := range int64(12) { // sizes that come once
		b, err := d.Acquire(4<<20 + i<<20)
		require.NoError(t, err)
		d.Recycle(b)
	}
	require.LessOrEqual(t, d.Stats().Bytes, int64(minIdlePool))
	require.Equal(t, d.Stats().Bytes, hw.used)
}
