package gpu

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestClosedDeviceIsAnError(t *testing.T) { eachDevice(t, testClosedDevice) }

func testClosedDevice(t *testing.T, d *Device) {
	p := addKernel(t, d, "add")
	a, b := pair(t, d, 16)
	l := d.NewList()
	require.NoError(t, l.Dispatch(p, one(1), [3]uint32{1, 1, 1}, Binding{Buf: a}, Binding{Buf: b}))
	require.NoError(t, d.Close())
	require.NoError(t, d.Close())
	require.ErrorIs(t, l.Read(t.Context(), nil), ErrClosed)
	require.NoError(t, l.Close())
	require.ErrorIs(t, d.Write(a, 0, one(1)), ErrClosed)
	_, err := d.NewBuffer(16, "b")
	require.ErrorIs(t, err, ErrClosed)
	_, err = d.Acquire(16)
	require.ErrorIs(t, err, ErrClosed)
	_, err = d.Pipeline(KernelSpec{Name: "add", WGSL: addSource})
	require.ErrorIs(t, err, ErrClosed)
	_, err = d.Pipeline(KernelSpec{Name: "new", WGSL: "new"})
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, d.Profile(true), ErrClosed)
	a.Release() // its memory is gone already
	d.Recycle(b)
	require.Zero(t, d.Stats().Bytes)
}

// requireLost says that every call on d now tells the loss.
func requireLost(t *testing.T, d *Device, p *Pipeline, a, b *Buffer) {
	t.Helper()
	l := d.NewList()
	defer l.Close()
	require.NoError(t, l.Dispatch(p, one(1), [3]uint32{1, 1, 1}, Binding{Buf: a}, Binding{Buf: b}))
	require.ErrorIs(t, l.Read(t.Context(), nil), ErrDeviceLost)
	require.ErrorIs(t, d.Write(a, 0, one(1)), ErrDeviceLost)
	_, err := d.NewBuffer(16, "b")
	require.ErrorIs(t, err, ErrDeviceLost)
	_, err = d.Acquire(16)
	require.ErrorIs(t, err, ErrDeviceLost)
	_, err = d.Pipeline(KernelSpec{Name: "new", WGSL: "new"})
	require.ErrorIs(t, err, ErrDeviceLost)
	require.ErrorIs(t, d.Profile(true), ErrDeviceLost)
	a.Release()
	d.Recycle(b)
}

func TestLostDevice(t *testing.T) {
	cause := errors.New("unplugged")
	t.Run("in a submission", func(t *testing.T) {
		hw := newFake()
		d := openFake(t, hw)
		p := addKernel(t, d, "add")
		a, b := pair(t, d, 16)
		hw.submitErr = errors.Join(ErrDeviceLost, cause)
		l := d.NewList()
		defer l.Close()
		err := l.Read(t.Context(), nil)
		require.ErrorIs(t, err, ErrDeviceLost)
		require.ErrorIs(t, err, cause)
		hw.submitErr = nil
		requireLost(t, d, p, a, b)
	})
	t.Run("in a poll", func(t *testing.T) {
		hw := newFake()
		d := openFake(t, hw)
		p := addKernel(t, d, "add")
		a, b := pair(t, d, 16)
		hw.hold.Store(true)
		errs := make(chan error)
		for range 3 { // all that wait are told
			go func() {
				l := d.NewList()
				defer l.Close()
				errs <- l.Read(context.Background(), []ReadBack{{a, 0, make([]byte, 16)}})
			}()
		}
		require.Eventually(t, func() bool { return d.Stats().Submits == 3 }, 10*time.Second, time.Millisecond)
		d.mu.Lock()
		hw.pollErr = cause
		d.mu.Unlock()
		for range 3 {
			err := <-errs
			require.ErrorIs(t, err, ErrDeviceLost)
			require.ErrorIs(t, err, cause)
		}
		requireLost(t, d, p, a, b)
	})
	t.Run("in an upload", func(t *testing.T) {
		hw := newFake()
		d := openFake(t, hw)
		p := addKernel(t, d, "add")
		a, b := pair(t, d, 16)
		hw.writeErr = ErrDeviceLost
		require.ErrorIs(t, d.Write(a, 0, one(1)), ErrDeviceLost)
		requireLost(t, d, p, a, b)
	})
}

// A failure that is no loss leaves the device as it was.
func TestFailedSubmission(t *testing.T) {
	hw := newFake()
	d := openFake(t, hw)
	hw.submitErr = errNoRoom
	l := d.NewList()
	defer l.Close()
	require.ErrorIs(t, l.Read(t.Context(), nil), errNoRoom)
	hw.submitErr = nil
	require.NoError(t, l.Read(t.Context(), nil))
}

func TestCancelledRead(t *testing.T) {
	hw := newFake()
	d := openFake(t, hw)
	b, err := d.NewBuffer(16, "b")
	require.NoError(t, err)
	l := d.NewList()
	defer l.Close()
	require.NoError(t, l.Write(b, 0, one(3)))

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	out := make([]byte, 4)
	require.ErrorIs(t, l.Read(ended, []ReadBack{{b, 0, out}}), context.Canceled)
	require.Zero(t, d.Stats().Submits, "nothing is submitted for a context that has ended")

	hw.hold.Store(true)
	short, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, l.Read(short, []ReadBack{{b, 0, out}}), context.DeadlineExceeded)
	require.Equal(t, make([]byte, 4), out)
	d.mu.Lock()
	require.Len(t, d.running, 1, "its memory is held while the device works")
	d.mu.Unlock()

	hw.hold.Store(false)
	require.Eventually(t, func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return len(d.running) == 0 && !d.polling
	}, 10*time.Second, time.Millisecond)
	require.NoError(t, l.Read(t.Context(), []ReadBack{{b, 0, out}}))
	require.Equal(t, one(3)[:4], out)
}

func TestCloseWaitsForWork(t *testing.T) {
	hw := newFake()
	d := openFake(t, hw)
	b, err := d.NewBuffer(16, "b")
	require.NoError(t, err)
	hw.hold.Store(true)
	read, closed := make(chan error), make(chan error)
	go func() {
		l := d.NewList()
		defer l.Close()
		read <- l.Read(context.Background(), []ReadBack{{b, 0, make([]byte, 16)}})
	}()
	require.Eventually(t, func() bool { return d.Stats().Submits == 1 }, 10*time.Second, time.Millisecond)
	go func() { closed <- d.Close() }()
	select {
	case <-closed:
		t.Fatal("closed while the device works")
	case <-time.After(10 * time.Millisecond):
	}
	hw.hold.Store(false)
	require.NoError(t, <-read, "what was submitted before is read")
	require.NoError(t, <-closed)
}

func TestManyGoroutinesOnTheFake(t *testing.T) {
	d := openFake(t, newFake())
	p := addKernel(t, d, "add")
	var wg sync.WaitGroup
	for g := range uint32(8) {
		wg.Go(func() {
			for i := range uint32(50) {
				b, err := d.Acquire(256)
				require.NoError(t, err)
				in, err := d.Acquire(256)
				require.NoError(t, err)
				l := d.NewList()
				require.NoError(t, l.Write(b, 0, one(g)))
				require.NoError(t, l.Dispatch(p, one(i), [3]uint32{1, 1, 1}, Binding{Buf: in}, Binding{Buf: b}))
				out := make([]byte, 4)
				require.NoError(t, l.Read(t.Context(), []ReadBack{{b, 0, out}}))
				require.Equal(t, one(g + i)[:4], out)
				require.NoError(t, l.Close())
				d.Recycle(b)
				d.Recycle(in)
				runtime.Gosched()
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 400, d.Stats().Submits)
	require.LessOrEqual(t, d.Stats().Allocs, int64(16))
}

func TestProfileOnTheFake(t *testing.T) {
	hw := newFake()
	d := openFake(t, hw)
	p := addKernel(t, d, "add")
	a, b := pair(t, d, 16)
	require.NoError(t, d.Profile(true))
	l := d.NewList()
	defer l.Close()
	for range 2 {
		require.NoError(t, l.Dispatch(p, one(1), [3]uint32{1, 1, 1}, Binding{Buf: a}, Binding{Buf: b}))
	}
	require.NoError(t, l.Read(t.Context(), nil))
	require.Len(t, l.Times(), 2)
	require.Equal(t, "add", l.Times()[1].Name)
	require.NoError(t, d.Profile(false))

	hw = newFake()
	hw.limits.Timestamps = false
	without := openFake(t, hw)
	require.ErrorContains(t, without.Profile(true), "no timestamps")
}
