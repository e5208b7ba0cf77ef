package tensor

import (
	"fmt"
	"math"
)

// MaxRank is the largest number of axes of a tensor.
const MaxRank = 4

// Buffer is one allocation of a backend. A Stream never hands out the same
// Buffer value twice, even when its memory is recycled.
type Buffer interface {
	Len() int64 // bytes
}

// Spec is a dtype and a shape. The zero value is "no tensor".
type Spec struct {
	DType DType
	Rank  int8
	Shape [MaxRank]int32
}

// Of makes a Spec. It panics on more than MaxRank axes or a size outside int32,
// which no caller's data can cause: sizes from files are checked by SpecOf.
func Of(d DType, shape ...int) Spec {
	sp, err := SpecOf(d, shape...)
	if err != nil {
		panic(err)
	}
	return sp
}

// SpecOf makes a Spec of sizes that come from outside.
func SpecOf(d DType, shape ...int) (Spec, error) {
	sp := Spec{DType: d, Rank: int8(len(shape))}
	if len(shape) > MaxRank {
		return Spec{}, fmt.Errorf("shape %v: %d axes, at most %d: %w", shape, len(shape), MaxRank, ErrShape)
	}
	n := int64(1)
	for i, v := range shape {
		if v < 0 || int64(v) > math.MaxInt32 {
			return Spec{}, fmt.Errorf("shape %v: size %d out of range: %w", shape, v, ErrShape)
		}
		if v > 0 && n > math.MaxInt64/8/int64(v) {
			return Spec{}, fmt.Errorf("shape %v: too many elements: %w", shape, ErrShape)
		}
		n *= int64(v)
		sp.Shape[i] = int32(v)
	}
	return sp, nil
}

// Elems is the number of elements; 1 for rank 0 with a dtype.
func (sp Spec) Elems() int64 {
	n := int64(1)
	for i := range int(sp.Rank) {
		n *= int64(sp.Shape[i])
	}
	return n
}

// Bytes is the size of the dense form.
func (sp Spec) Bytes() int64 { return sp.Elems() * int64(sp.DType.Size()) }

// Dims is the shape as a fresh slice.
func (sp Spec) Dims() []int {
	d := make([]int, sp.Rank)
	for i := range d {
		d[i] = int(sp.Shape[i])
	}
	return d
}

// Dim is the size of an axis; negative axes count from the end.
func (sp Spec) Dim(axis int) int {
	if axis < 0 {
		axis += int(sp.Rank)
	}
	return int(sp.Shape[axis])
}

// Cols is the size of the last axis, 1 for rank 0.
func (sp Spec) Cols() int {
	if sp.Rank == 0 {
		return 1
	}
	return int(sp.Shape[sp.Rank-1])
}

// Rows is the product of all axes but the last.
func (sp Spec) Rows() int {
	n := 1
	for i := range int(sp.Rank) - 1 {
		n *= int(sp.Shape[i])
	}
	return n
}

// Inner is the number of elements of one index of axis 0.
func (sp Spec) Inner() int {
	n := 1
	for i := 1; i < int(sp.Rank); i++ {
		n *= int(sp.Shape[i])
	}
	return n
}

// String is the shape and dtype for messages: "F32[2 3]".
func (sp Spec) String() string { return fmt.Sprintf("%s%v", sp.DType, sp.Dims()) }

// SameShape says whether two shapes are equal, whatever the dtypes.
func (sp Spec) SameShape(o Spec) bool { return sp.Rank == o.Rank && sp.Shape == o.Shape }

// Tensor is a view of a Buffer, passed by value: the rows of axis 0 lie Stride
// elements apart, the inner axes are dense. A nil Buf is an absent operand.
type Tensor struct {
	Buf    Buffer
	Off    int64 // bytes
	Stride int32 // elements between rows of axis 0
	Spec
}

// View is the dense tensor of spec at the start of buf.
func View(buf Buffer, sp Spec) Tensor {
	return Tensor{Buf: buf, Stride: int32(sp.Inner()), Spec: sp}
}

// Present says whether the operand is there.
func (t Tensor) Present() bool { return t.Buf != nil }

// Dense says whether the elements lie without gaps.
func (t Tensor) Dense() bool {
	return t.Rank == 0 || int(t.Stride) == t.Inner() || t.Shape[0] <= 1
}

// Extent is the number of bytes from Off to the end of the last element.
func (t Tensor) Extent() int64 {
	if t.Elems() == 0 {
		return 0
	}
	n := int64(t.Inner())
	if t.Rank > 0 {
		n += (int64(t.Shape[0]) - 1) * int64(t.Stride)
	}
	return n * int64(t.DType.Size())
}

// Reshape is the same elements under another shape. A view with gaps between
// its rows keeps axis 0.
func (t Tensor) Reshape(shape ...int) (Tensor, error) {
	sp, err := SpecOf(t.DType, shape...)
	if err != nil {
		return Tensor{}, err
	}
	if sp.Elems() != t.Elems() {
		return Tensor{}, fmt.Errorf("reshape: %v has %d elements, want %v: %w", t.Spec, t.Elems(), shape, ErrShape)
	}
	out := Tensor{Buf: t.Buf, Off: t.Off, Stride: int32(sp.Inner()), Spec: sp}
	if !t.Dense() {
		if sp.Rank == 0 || sp.Shape[0] != t.Shape[0] {
			return Tensor{}, fmt.Errorf("reshape: %v has gaps between rows, %v must keep axis 0: %w", t.Spec, shape, ErrShape)
		}
		out.Stride = t.Stride
	}
	return out, nil
}

// Slice is rows lo to hi of axis 0.
func (t Tensor) Slice(lo, hi int) (Tensor, error) {
	if t.Rank == 0 || lo < 0 || hi < lo || hi > int(t.Shape[0]) {
		return Tensor{}, fmt.Errorf("slice: rows %d to %d of %v: %w", lo, hi, t.Spec, ErrShape)
	}
	t.Off += int64(lo) * int64(t.Stride) * int64(t.DType.Size())
	t.Shape[0] = int32(hi - lo)
	return t, nil
}

// Columns is columns lo to hi of a matrix, as a view with gaps: one part of a
// fused projection.
func (t Tensor) Columns(lo, hi int) (Tensor, error) {
	if t.Rank != 2 || lo < 0 || hi < lo || hi > int(t.Shape[1]) {
		return Tensor{}, fmt.Errorf("columns: %d to %d of %v: %w", lo, hi, t.Spec, ErrShape)
	}
	if t.Shape[0] > 0 { // a matrix without rows has no byte at which its columns begin
		t.Off += int64(lo) * int64(t.DType.Size())
	}
	t.Shape[1] = int32(hi - lo)
	return t, nil
}
