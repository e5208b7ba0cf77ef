package kernels

import (
	"context"
	"fmt"
	"math/bits"

	"github.com/cephalo-ml/cephalo/gpu"
	"github.com/cephalo-ml/cephalo/tensor"
)

// stream is one forward pass or training step. It belongs to one goroutine.
type stream struct {
	b    *Backend
	list *gpu.List

	live        map[*buffer]struct{} // temporaries handed out
	idle        []*gpu.Buffer        // freed in this stream, for this stream
	bytes, peak int64                // of the temporaries handed out

	recorded bool  // something is recorded and not submitted
	lasting  bool  // some of it changes long-lived memory
	err      error // the first one, for good
	closed   bool

	// Scratch of dispatch and split, so that recording takes no heap.
	parts  [maxBindings]operand
	binds  [maxBindings]gpu.Binding
	params [maxWords]uint32
	raw    [4 * maxWords]byte
}

// ready is the error that stops every further call.
func (s *stream) ready() error {
	if s.closed {
		return fmt.Errorf("stream: %w", tensor.ErrClosed)
	}
	return s.err
}

// fail keeps the first error.
func (s *stream) fail(err error) error {
	if err != nil && s.err == nil {
		s.err = closedAs(err)
		err = s.err
	}
	return err
}

// Temp is memory of this stream, its contents undefined.
func (s *stream) Temp(nbytes int64) (tensor.Buffer, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	if nbytes < 0 || nbytes > s.b.caps.MaxBuffer {
		return nil, s.fail(fmt.Errorf("temp: %d bytes, want 0 to %d on %s: %w", nbytes, s.b.caps.MaxBuffer, s.b.Name(), tensor.ErrUnsupported))
	}
	buf, err := s.temp(nbytes)
	if err != nil {
		return nil, s.fail(fmt.Errorf("temp: %w", err))
	}
	return buf, nil
}

func (s *stream) temp(nbytes int64) (*buffer, error) {
	mem, err := s.memory(min(sizeClass(nbytes), s.b.caps.MaxBuffer))
	if err != nil {
		return nil, err
	}
	buf := &buffer{mem: mem, n: nbytes, owner: s}
	s.live[buf] = struct{}{}
	s.bytes += mem.Len()
	s.peak = max(s.peak, s.bytes)
	return buf, nil
}

// memory is the smallest idle piece that holds n bytes without wasting more than
// it holds, else a piece of the device's pool.
func (s *stream) memory(n int64) (*gpu.Buffer, error) {
	best := -1
	for i, m := range s.idle {
		if size := m.Len(); size >= n && size <= 2*n && (best < 0 || size < s.idle[best].Len()) {
			best = i
		}
	}
	if best < 0 {
		return s.b.dev.Acquire(n)
	}
	mem, last := s.idle[best], len(s.idle)-1
	s.idle[best], s.idle[last] = s.idle[last], nil
	s.idle = s.idle[:last]
	return mem, nil
}

// sizeClass rounds a size up, by at most a quarter, so that memory is reused for
// sizes that are nearly alike.
func sizeClass(n int64) int64 {
	const least = 256
	if n <= least {
		return least
	}
	step := max(int64(1)<<(bits.Len64(uint64(n-1))-3), least)
	return (n + step - 1) / step * step
}

// Free gives a temporary back: to this stream at once, since what it records runs
// in order, to others after the submission.
func (s *stream) Free(t tensor.Buffer) {
	buf, ok := t.(*buffer)
	if !ok || s.closed {
		return
	}
	if _, mine := s.live[buf]; !mine {
		return
	}
	delete(s.live, buf)
	s.bytes -= buf.mem.Len()
	s.idle = append(s.idle, buf.mem)
	buf.mem = nil
}

// Run records the call.
func (s *stream) Run(c *tensor.Call) error {
	if err := s.ready(); err != nil {
		return err
	}
	if c.Op >= tensor.NumOps || impl[c.Op] == nil {
		return s.fail(fmt.Errorf("operation %s on %s: %w", c.Op, s.b.Name(), tensor.ErrUnsupported))
	}
	if err := s.check(c); err != nil {
		return s.fail(fmt.Errorf("%s: %w", c.Op, err))
	}
	s.recorded = true
	if err := impl[c.Op](s, c); err != nil {
		return s.fail(fmt.Errorf("%s: %w", c.Op, err))
	}
	return nil
}

// check sees to it that every operand is memory that this stream may touch.
func (s *stream) check(c *tensor.Call) error {
	for i := range c.Src {
		if err := s.own("operand", i, c.Src[i].Buf); err != nil {
			return err
		}
	}
	for i := range c.Dst {
		if err := s.own("result", i, c.Dst[i].Buf); err != nil {
			return err
		}
		if buf, ok := c.Dst[i].Buf.(*buffer); ok && buf.owner == nil {
			s.lasting = true
		}
	}
	for i, l := range [...]*tensor.Layout{c.Rows, c.Keys} {
		if l == nil {
			continue
		}
		if err := s.own("layout", i, l.Dev.Buf); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) own(kind string, i int, t tensor.Buffer) error {
	if t == nil {
		return nil
	}
	buf, ok := t.(*buffer)
	switch {
	case !ok:
		return fmt.Errorf("%s %d is memory of another backend (%T): %w", kind, i, t, tensor.ErrUnsupported)
	case buf.mem == nil:
		return fmt.Errorf("%s %d was freed: %w", kind, i, tensor.ErrClosed)
	case buf.owner != nil && buf.owner != s:
		return fmt.Errorf("%s %d is a temporary of another stream: %w", kind, i, tensor.ErrUnsupported)
	}
	return nil
}

// Stats counts what this stream did; Bytes and PeakBytes are its temporaries.
// Allocations for the pool that streams share are counted by the Backend.
func (s *stream) Stats() tensor.Stats {
	st := statsOf(s.list.Stats())
	st.Bytes, st.PeakBytes = s.bytes, s.peak
	return st
}

// Close frees every temporary. What was recorded and not read is submitted only
// where it changes memory that outlives the stream.
func (s *stream) Close() error {
	if s.closed {
		return nil
	}
	var err error
	if s.err == nil && s.lasting {
		if err = s.list.Read(context.Background(), nil); err != nil {
			err = fmt.Errorf("close: %w", closedAs(err))
		}
	}
	s.closed = true
	s.list.Close()
	for buf := range s.live {
		s.b.dev.Recycle(buf.mem)
		buf.mem = nil
	}
	for _, mem := range s.idle {
		s.b.dev.Recycle(mem)
	}
	s.live, s.idle, s.bytes = nil, nil, 0
	return err
}
