package gpu

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// The poller looks for finished work without pause at first, then after a share
// of the time since the last submission.
const (
	pollSpin  = 50 * time.Microsecond
	pollShare = 16
	pollMax   = time.Millisecond
)

// ReadBack is a read of len(Dst) bytes of Src from byte Off.
type ReadBack struct {
	Src *Buffer
	Off int64
	Dst []byte
}

// submission is a program that was submitted.
type submission struct {
	ticket
	done chan struct{} // closed when it is finished
	err  error         // set before done is closed

	finished, abandoned bool // guarded by the device's mutex
}

// finish tells the waiter. The caller holds the device's mutex.
func (s *submission) finish(err error) {
	if !s.finished {
		s.finished, s.err = true, err
		close(s.done)
	}
}

// Read submits what was recorded, waits for it, and copies what reads ask for,
// all in one go. With no reads it submits and waits. The list is empty afterwards
// and may record again. If ctx ends first, the error is ctx.Err(): the work
// goes on, Dst is untouched, and its memory is given back when it is done.
func (l *List) Read(ctx context.Context, reads []ReadBack) error {
	if l.rec == nil {
		return fmt.Errorf("read: list: %w", ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	defer l.rec.reset()
	l.times = l.times[:0]
	if err := l.addReads(reads); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	s, err := l.submit()
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if err := l.d.wait(ctx, s); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if err := l.take(s, reads); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	return nil
}

// addReads lays the read-backs out, each in whole words, one after another.
func (l *List) addReads(reads []ReadBack) error {
	r := l.rec
	for i, rd := range reads {
		if len(rd.Dst) == 0 {
			continue
		}
		blk, err := l.d.span(rd.Src, rd.Off, int64(len(rd.Dst)))
		if err != nil {
			return fmt.Errorf("result %d: %w", i, err)
		}
		from, n := wordSpan(rd.Off, len(rd.Dst))
		r.reads = append(r.reads, command{op: opCopy, src: blk.mem, srcOff: from, dstOff: r.readBytes, n: n})
		r.bufs = append(r.bufs, rd.Src)
		r.readBytes += n
	}
	return nil
}

// wordSpan is the span of whole words that holds n bytes from off.
func wordSpan(off int64, n int) (from, size int64) {
	from = off / wordBytes * wordBytes
	end := (off + int64(n) + wordBytes - 1) / wordBytes * wordBytes
	return from, end - from
}

func (l *List) submit() (*submission, error) {
	d, r := l.d, l.rec
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range r.bufs {
		if _, err := d.live(b); err != nil {
			return nil, fmt.Errorf("recorded with a %w", err)
		}
	}
	r.profile = d.profile
	_, before := d.held()
	s, err := d.start(&r.program)
	_, after := d.held()
	l.stats.Allocs += after - before
	if err != nil {
		return nil, err
	}
	l.stats.Submits++
	l.stats.Dispatches += int64(r.dispatches)
	if r.readBytes > 0 {
		l.stats.Maps++
	}
	d.stats.Writes += r.uploads
	return s, nil
}

// held is hw.held where hw may be asked. The caller holds mu.
func (d *Device) held() (bytes, allocs int64) {
	if d.closed {
		return 0, 0
	}
	return d.hw.held()
}

// start submits p and sees that somebody polls. The caller holds mu.
func (d *Device) start(p *program) (*submission, error) {
	if err := d.ready(); err != nil {
		return nil, err
	}
	t, err := d.hw.submit(p)
	if err != nil {
		return nil, d.check(err)
	}
	d.unflushed = 0
	d.submitted = time.Now()
	d.stats.Submits++
	d.stats.Dispatches += int64(p.dispatches)
	if p.readBytes > 0 {
		d.stats.Maps++
	}
	s := &submission{ticket: t, done: make(chan struct{})}
	d.running[s] = struct{}{}
	if !d.polling {
		d.polling = true
		go d.pollLoop()
	}
	return s, nil
}

// flush submits the uploads that wait in the driver and waits for them, so that
// their staging memory stays bounded. The caller holds mu, and holds it again
// afterwards.
func (d *Device) flush() error {
	s, err := d.start(&program{})
	if err != nil {
		return err
	}
	d.mu.Unlock()
	<-s.done
	d.mu.Lock()
	d.finishTicket(s)
	return s.err
}

// wait waits for s or the end of ctx, in which case s is left to the poller.
func (d *Device) wait(ctx context.Context, s *submission) error {
	select {
	case <-s.done:
	case <-ctx.Done():
		d.mu.Lock()
		defer d.mu.Unlock()
		if s.finished {
			d.finishTicket(s)
		}
		s.abandoned = true
		return ctx.Err()
	}
	return s.err
}

// take copies out what a finished submission read back and ends it.
func (l *List) take(s *submission, reads []ReadBack) error {
	d := l.d
	d.mu.Lock()
	data, err := s.bytes()
	if err == nil && l.rec.profile {
		var ticks []uint64
		ticks, err = s.ticks()
		l.addTimes(ticks)
	}
	d.mu.Unlock()
	if err == nil { // the mapped memory is ours until end
		at := int64(0)
		for _, rd := range reads {
			if len(rd.Dst) > 0 {
				from, n := wordSpan(rd.Off, len(rd.Dst))
				copy(rd.Dst, data[at+rd.Off-from:])
				at += n
			}
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.finishTicket(s)
	return d.check(err)
}

// finishTicket gives the memory of a finished submission back. The caller holds mu.
func (d *Device) finishTicket(s *submission) {
	if _, ok := d.running[s]; ok {
		delete(d.running, s)
		s.end()
	}
}

// pollLoop polls until nothing runs.
func (d *Device) pollLoop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.pollOnce() {
		since := time.Since(d.submitted)
		d.mu.Unlock()
		if since < pollSpin {
			runtime.Gosched()
		} else {
			time.Sleep(min(since/pollShare, pollMax))
		}
		d.mu.Lock()
	}
	d.polling = false
}

// pollOnce finishes the submissions that are done and says whether others run.
// The caller holds mu.
func (d *Device) pollOnce() bool {
	waiting := false
	for s := range d.running {
		waiting = waiting || !s.finished
	}
	if !waiting || d.lost != nil {
		return false
	}
	if err := d.hw.poll(); err != nil {
		_ = d.lose(err)
		return false
	}
	waiting = false
	for s := range d.running {
		if s.finished {
			continue
		}
		done, err := s.ticket.done()
		switch {
		case err != nil:
			_ = d.lose(err)
			return false
		case done:
			s.finish(nil)
			if s.abandoned {
				d.finishTicket(s)
			}
		default:
			waiting = true
		}
	}
	return waiting
}
