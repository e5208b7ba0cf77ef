package gpu

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// closeWait bounds how long Close waits for work that is still running.
const closeWait = 30 * time.Second

// Device is an open adapter. Its methods may be called from any goroutine.
type Device struct {
	info AdapterInfo
	can  Caps

	mu        sync.Mutex // guards all that follows, and every call on hw
	hw        hardware
	closed    bool
	lost      error // non-nil once the device is lost
	blocks    map[*block]struct{}
	pool      pool
	pipelines map[string]*Pipeline
	records   []*record // emptied, for the next lists
	stats     Stats
	inUse     int64 // bytes of buffers handed out
	unflushed int64 // bytes written since the last submission
	running   map[*submission]struct{}
	polling   bool
	submitted time.Time // of the latest submission
	profile   bool
	tick      float64 // nanoseconds of a tick of the timestamps; 0: not measured yet
}

// Open makes a device of the adapter that opt asks for. The error wraps
// ErrNoDevice where there is none that may be taken.
func Open(ctx context.Context, opt Options) (*Device, error) {
	return openWith(ctx, openDriver, opt)
}

func openWith(ctx context.Context, open driverOpener, opt Options) (*Device, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open device: %w", err)
	}
	drv, err := open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open device: %w", err)
	}
	info, err := pick(drv.adapters(), opt)
	if err != nil {
		drv.close()
		return nil, fmt.Errorf("open device: %w", err)
	}
	hw, err := drv.open(info.Index)
	if err != nil {
		drv.close()
		return nil, fmt.Errorf("open device %s: %w", info.Name, err)
	}
	return &Device{
		info: info, can: hw.caps(), hw: hw,
		blocks:    map[*block]struct{}{},
		pool:      newPool(),
		pipelines: map[string]*Pipeline{},
		running:   map[*submission]struct{}{},
	}, nil
}

// Info is the adapter of d.
func (d *Device) Info() AdapterInfo { return d.info }

// Caps is what d can do.
func (d *Device) Caps() Caps { return d.can }

// Stats counts what was done on d since it was opened.
func (d *Device) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.stats
	if !d.closed {
		held, allocs := d.hw.held()
		s.Bytes += held
		s.Allocs += allocs
	}
	return s
}

// Close waits for running work and frees everything that was made on d: later
// calls return ErrClosed. Closing twice is fine.
func (d *Device) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	_, allocs := d.hw.held()
	d.closed = true
	for deadline := time.Now().Add(closeWait); len(d.running) > 0; {
		if time.Now().After(deadline) {
			return fmt.Errorf("close device: %d submissions still run after %v, their memory is not freed", len(d.running), closeWait)
		}
		d.mu.Unlock()
		time.Sleep(time.Millisecond)
		d.mu.Lock()
	}
	d.stats.Allocs += allocs
	d.stats.Bytes = 0
	for b := range d.blocks {
		d.hw.free(b.mem)
	}
	clear(d.blocks)
	d.pool = newPool()
	d.hw.close()
	return nil
}

// ready says whether hw may be called. The caller holds mu.
func (d *Device) ready() error {
	switch {
	case d.closed:
		return fmt.Errorf("device: %w", ErrClosed)
	case d.lost != nil:
		return d.lost
	}
	return nil
}

// check passes err on, and notes the loss of the device if it tells one. The
// caller holds mu.
func (d *Device) check(err error) error {
	if errors.Is(err, ErrDeviceLost) {
		return d.lose(err)
	}
	return err
}

// lose marks d as lost: what runs ends with the error, which all later calls
// return. The caller holds mu.
func (d *Device) lose(cause error) error {
	if d.lost == nil {
		if !errors.Is(cause, ErrDeviceLost) {
			cause = fmt.Errorf("%w: %w", ErrDeviceLost, cause)
		}
		d.lost = cause
		for s := range d.running {
			if !s.finished { // the others' results are there, and their waiters end them
				s.finish(d.lost)
				delete(d.running, s)
			}
		}
	}
	return d.lost
}
