package kernels

import (
	"context"
	"fmt"

	"github.com/cephalo-ml/cephalo/gpu"
	"github.com/cephalo-ml/cephalo/tensor"
)

// Write copies src, the dense elements of dst, in the order of what is recorded.
// Long-lived memory is written at once while nothing is recorded, so that loading
// weights holds no second copy.
func (s *stream) Write(dst tensor.Tensor, src []byte) error {
	if err := s.ready(); err != nil {
		return err
	}
	if err := s.write(dst, src); err != nil {
		return s.fail(fmt.Errorf("write: %w", err))
	}
	return nil
}

func (s *stream) write(dst tensor.Tensor, src []byte) error {
	if dst.Buf == nil {
		return fmt.Errorf("destination is absent: %w", tensor.ErrShape)
	}
	if err := s.own("destination", 0, dst.Buf); err != nil {
		return err
	}
	if int64(len(src)) != dst.Bytes() {
		return fmt.Errorf("%d bytes for %v, want %d: %w", len(src), dst.Spec, dst.Bytes(), tensor.ErrShape)
	}
	if err := inside(dst); err != nil || len(src) == 0 {
		return err
	}
	buf := dst.Buf.(*buffer)
	if dst.Dense() {
		if buf.owner == nil && !s.recorded {
			return s.b.dev.Write(buf.mem, dst.Off, src)
		}
		s.recorded = true
		s.lasting = s.lasting || buf.owner == nil
		return s.list.Write(buf.mem, dst.Off, src)
	}
	s.recorded = true
	s.lasting = s.lasting || buf.owner == nil
	staging, err := s.temp(dst.Bytes())
	if err != nil {
		return err
	}
	defer s.Free(staging)
	if err := s.list.Write(staging.mem, 0, src); err != nil {
		return err
	}
	return s.copy(tensor.View(staging, dst.Spec), dst)
}

// inside checks a view that no row of the table has checked.
func inside(t tensor.Tensor) error {
	if t.DType.Size()%4 != 0 || t.Off%4 != 0 {
		return fmt.Errorf("%v at byte %d: want elements of 4 bytes: %w", t.Spec, t.Off, tensor.ErrDType)
	}
	if t.Off < 0 || t.Off+t.Extent() > t.Buf.Len() {
		return fmt.Errorf("%v at byte %d ends outside its buffer of %d: %w", t.Spec, t.Off, t.Buf.Len(), tensor.ErrShape)
	}
	if !t.Dense() && (t.DType.Size() != 4 || int(t.Stride) < t.Inner()) {
		return fmt.Errorf("%v with stride %d: want rows of 4-byte elements that do not overlap: %w", t.Spec, t.Stride, tensor.ErrShape)
	}
	return nil
}

// Read submits what is recorded, waits, and copies every src, dense, to its dst.
// A view with gaps is packed by a kernel first.
func (s *stream) Read(ctx context.Context, dst [][]byte, src ...tensor.Tensor) error {
	if err := s.ready(); err != nil {
		return err
	}
	if err := s.read(ctx, dst, src); err != nil {
		return s.fail(fmt.Errorf("read: %w", err))
	}
	return nil
}

func (s *stream) read(ctx context.Context, dst [][]byte, src []tensor.Tensor) error {
	if len(dst) != len(src) {
		return fmt.Errorf("%d destinations for %d tensors: %w", len(dst), len(src), tensor.ErrShape)
	}
	back := make([]gpu.ReadBack, 0, len(src))
	for i, t := range src {
		if t.Buf == nil {
			return fmt.Errorf("tensor %d is absent: %w", i, tensor.ErrShape)
		}
		if err := s.own("tensor", i, t.Buf); err != nil {
			return err
		}
		if err := inside(t); err != nil {
			return err
		}
		if int64(len(dst[i])) != t.Bytes() {
			return fmt.Errorf("%d bytes for tensor %d, %v, want %d: %w", len(dst[i]), i, t.Spec, t.Bytes(), tensor.ErrShape)
		}
		if len(dst[i]) == 0 {
			continue
		}
		if !t.Dense() {
			packed, err := s.temp(t.Bytes())
			if err != nil {
				return err
			}
			defer s.Free(packed)
			dense := tensor.View(packed, t.Spec)
			if err := s.copy(t, dense); err != nil {
				return err
			}
			t = dense
		}
		back = append(back, gpu.ReadBack{Src: t.Buf.(*buffer).mem, Off: t.Off, Dst: dst[i]})
	}
	if err := s.list.Read(ctx, back); err != nil {
		return err
	}
	s.recorded, s.lasting = false, false
	return nil
}

// copy moves 4-byte elements from one view to another of the same shape.
func (s *stream) copy(from, to tensor.Tensor) error {
	return s.split(elements(from, to), func(part []operand) error {
		n := part[0].rows * part[0].cols
		return s.dispatch(kernelOf("copy", set("WG", elementGroup)), groupsOf(n, elementGroup), part, u32(part[0].rows), u32(part[0].cols))
	})
}

// elementGroup is the workgroup of kernels that take one element an invocation.
const elementGroup = 64

// groupsOf is the number of groups of size that cover n.
func groupsOf(n, size int) int { return (n + size - 1) / size }
