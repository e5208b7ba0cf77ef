package tensor

import (
	"fmt"
	"slices"
)

// The checks of the rows. Each names the operand, what was wanted and what came.

func present(name string, t *Tensor) error {
	if t.Buf == nil {
		return fmt.Errorf("%s is absent: %w", name, ErrShape)
	}
	return nil
}

func wantType(name string, t *Tensor, d DType) error {
	if err := present(name, t); err != nil {
		return err
	}
	if t.DType != d {
		return fmt.Errorf("%s is %s, want %s: %w", name, t.DType, d, ErrDType)
	}
	return nil
}

// wantF32 asks for an F32 operand of a rank between lo and hi.
func wantF32(name string, t *Tensor, lo, hi int) error {
	if err := wantType(name, t, F32); err != nil {
		return err
	}
	if int(t.Rank) < lo || int(t.Rank) > hi {
		return fmt.Errorf("%s is %v, want rank %d to %d: %w", name, t.Spec, lo, hi, ErrShape)
	}
	return nil
}

func wantSpec(name string, t *Tensor, d DType, shape ...int) error {
	if err := wantType(name, t, d); err != nil {
		return err
	}
	ok := int(t.Rank) == len(shape)
	for i := 0; ok && i < len(shape); i++ {
		ok = int(t.Shape[i]) == shape[i]
	}
	if !ok {
		// A copy: shape itself stays off the heap.
		return fmt.Errorf("%s is %v, want %s%v: %w", name, t.Spec, d, slices.Clone(shape), ErrShape)
	}
	return nil
}

func wantSame(name string, t, like *Tensor) error {
	if err := wantType(name, t, like.DType); err != nil {
		return err
	}
	if !t.SameShape(like.Spec) {
		return fmt.Errorf("%s is %v, want %v: %w", name, t.Spec, like.Spec, ErrShape)
	}
	return nil
}

// optional runs check only where t is there.
func optional(t *Tensor, check func() error) error {
	if t.Buf == nil {
		return nil
	}
	return check()
}

// onlyDst and onlySrc refuse operands past the n-th, so that a caller's slip
// is not silently ignored.
func only(c *Call, dst, src int) error {
	for i := dst; i < MaxDst; i++ {
		if c.Dst[i].Buf != nil {
			return fmt.Errorf("result %d is not one of its %d results: %w", i, dst, ErrShape)
		}
	}
	for i := src; i < MaxSrc; i++ {
		if c.Src[i].Buf != nil {
			return fmt.Errorf("operand %d is not one of its %d operands: %w", i, src, ErrShape)
		}
	}
	return nil
}

// wantLayout asks for an uploaded layout of the given number of rows.
func wantLayout(name string, l *Layout, rows int) error {
	if l == nil {
		return fmt.Errorf("%s layout is absent: %w", name, ErrShape)
	}
	if l.Rows() != rows {
		return fmt.Errorf("%s layout has %d rows, want %d: %w", name, l.Rows(), rows, ErrShape)
	}
	if n := 2 * (l.Batch() + l.Rows()); l.Dev.Buf == nil || l.Dev.Elems() != int64(n) {
		return fmt.Errorf("%s layout is not uploaded to this stream: %w", name, ErrShape)
	}
	return nil
}

// wantAct asks for an activation that there is.
func wantAct(a Act) error {
	if a >= NumActs {
		return fmt.Errorf("activation %s: %w", a, ErrUnsupported)
	}
	return nil
}

func all(errs ...error) error {
	for _, e := range errs {
		if e != nil {
			return e
		}
	}
	return nil
}

// run1 allocates a dense result of sp, lets fill complete the call, and runs it.
func run1(s Stream, sp Spec, c Call) (Tensor, error) {
	y, err := NewTemp(s, sp)
	if err != nil {
		return Tensor{}, err
	}
	c.Dst[0] = y
	if err := Exec(s, c); err != nil {
		s.Free(y.Buf)
		return Tensor{}, err
	}
	return y, nil
}

// Accumulate adds x to the gradient dst.
func Accumulate(g Grads, dst, x Tensor) error {
	return Exec(g, Call{Op: OpScale, Dst: [MaxDst]Tensor{dst}, Src: [MaxSrc]Tensor{x}, Attr: Attr{Scale: 1}, Accum: true})
}

// accumulateTo adds x to the gradient of the operand to, where one is wanted.
func accumulateTo(g Grads, to, x Tensor) error {
	if to.Buf == nil {
		return nil
	}
	d, want, err := g.Of(to)
	if err != nil || !want {
		return err
	}
	return Accumulate(g, d, x)
}

// wanted are the gradients of several operands; an absent or frozen one is the
// zero Tensor. any is false when none is wanted.
func wanted(g Grads, ops ...Tensor) (ds [MaxSrc]Tensor, any bool, err error) {
	for i, t := range ops {
		if t.Buf == nil {
			continue
		}
		d, want, err := g.Of(t)
		if err != nil {
			return ds, false, err
		}
		if want {
			ds[i], any = d, true
		}
	}
	return ds, any, nil
}

func src(ts ...Tensor) (a [MaxSrc]Tensor) { copy(a[:], ts); return a }
func dst(ts ...Tensor) (a [MaxDst]Tensor) { copy(a[:], ts); return a }
