package cpuref

import (
	"context"
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

// stream runs operations when it is asked to. It is used by one goroutine.
type stream struct {
	b      *Backend
	err    error // the first
	closed bool
	temps  [][]buffer // handles, in slabs: few allocations, and none is handed out twice
	stats  tensor.Stats
	now    int64 // bytes handed out
}

const slab = 32 // handles

func (s *stream) usable() error {
	if s.closed || s.b.closed.Load() {
		return fmt.Errorf("cpuref: stream: %w", tensor.ErrClosed)
	}
	return s.err
}

// fail keeps the first error.
func (s *stream) fail(err error) error {
	if s.err == nil {
		s.err = err
	}
	return err
}

// Temp is memory of undefined contents until Free or Close.
func (s *stream) Temp(nbytes int64) (tensor.Buffer, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	data, fresh, err := s.b.mem.temp(nbytes)
	if err != nil {
		return nil, s.fail(err)
	}
	last := len(s.temps) - 1
	if last < 0 || len(s.temps[last]) == slab {
		s.temps = append(s.temps, make([]buffer, 0, slab))
		last++
	}
	s.temps[last] = append(s.temps[last], buffer{size: nbytes, owner: s, data: data, mem: &s.b.mem})
	if fresh {
		s.stats.Allocs++
	}
	s.stats.Bytes += bytesOf(data)
	s.now += nbytes
	s.stats.PeakBytes = max(s.stats.PeakBytes, s.now)
	return &s.temps[last][len(s.temps[last])-1], nil
}

// Free gives a temporary of this stream back, for any stream to use: its
// operations are done. Other values, and a second time, do nothing.
func (s *stream) Free(buf tensor.Buffer) {
	if x, ok := buf.(*buffer); ok && x != nil && x.owner == s && x.data != nil {
		s.stats.Bytes -= bytesOf(x.data)
		s.now -= x.size
		s.b.mem.recycle(x.data, x.size)
		x.data = nil
	}
}

// Write copies src, the dense little-endian elements, to dst.
func (s *stream) Write(dst tensor.Tensor, src []byte) error {
	if err := s.usable(); err != nil {
		return err
	}
	if int64(len(src)) != dst.Bytes() {
		return s.fail(fmt.Errorf("cpuref: write: %d bytes for %v, want %d: %w", len(src), dst.Spec, dst.Bytes(), tensor.ErrShape))
	}
	raw, err := s.elements(&dst, (*buffer).write)
	if err != nil {
		return s.fail(fmt.Errorf("cpuref: write: %w", err))
	}
	copyRows(raw, src, &dst, true)
	return nil
}

// Read copies the elements of each src to dst, densely. Cancelling ctx makes it
// return ctx.Err() and leaves the stream usable.
func (s *stream) Read(ctx context.Context, dst [][]byte, src ...tensor.Tensor) error {
	if err := s.usable(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(dst) != len(src) {
		return s.fail(fmt.Errorf("cpuref: read: %d destinations for %d tensors: %w", len(dst), len(src), tensor.ErrShape))
	}
	for i := range src {
		if int64(len(dst[i])) != src[i].Bytes() {
			return s.fail(fmt.Errorf("cpuref: read: destination %d has %d bytes, want %d of %v: %w", i, len(dst[i]), src[i].Bytes(), src[i].Spec, tensor.ErrShape))
		}
		raw, err := s.elements(&src[i], (*buffer).copyOut)
		if err != nil {
			return s.fail(fmt.Errorf("cpuref: read: tensor %d: %w", i, err))
		}
		copyRows(raw, dst[i], &src[i], false)
	}
	s.stats.Submits++
	s.stats.Maps++
	s.b.reads.Add(1)
	return nil
}

// elements are the bytes from the first element of t on.
func (s *stream) elements(t *tensor.Tensor, get func(*buffer, *stream) ([]float32, error)) ([]byte, error) {
	x, ok := t.Buf.(*buffer)
	if !ok || x == nil || x.mem != &s.b.mem {
		return nil, fmt.Errorf("%v is not in memory of this backend: %w", t.Spec, tensor.ErrShape)
	}
	if t.Off < 0 || t.Stride < 0 || t.Off+t.Extent() > x.size {
		return nil, fmt.Errorf("%v at byte %d ends at byte %d of a buffer of %d: %w", t.Spec, t.Off, t.Off+t.Extent(), x.size, tensor.ErrShape)
	}
	data, err := get(x, s)
	if err != nil {
		return nil, err
	}
	return rawBytes(data)[t.Off:], nil
}

// copyRows copies between a view and the dense form of its elements.
func copyRows(view, dense []byte, t *tensor.Tensor, in bool) {
	row, step := len(dense), 0
	if !t.Dense() {
		row, step = t.Inner()*t.DType.Size(), int(t.Stride)*t.DType.Size()
	}
	for at := 0; len(dense) > 0 && row > 0; at += step {
		if in {
			copy(view[at:], dense[:row])
		} else {
			copy(dense[:row], view[at:])
		}
		dense = dense[row:]
	}
}

// Stats of this stream. Bytes is the memory of its temporaries now, PeakBytes
// the most bytes of temporaries, as asked for, at one time.
func (s *stream) Stats() tensor.Stats { return s.stats }

// Close frees every temporary.
func (s *stream) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	for _, handles := range s.temps {
		for i := range handles {
			s.Free(&handles[i])
		}
	}
	s.temps = nil
	return nil
}
