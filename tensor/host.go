package tensor

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
)

// Host is a tensor in host memory, little-endian and dense.
type Host struct {
	Spec
	Data []byte
}

// Elem are the Go types of the edge.
type Elem interface {
	~float32 | ~int32 | ~int64 | ~uint8 | ~int8
}

// FromSlice is a host tensor of a copy of v.
func FromSlice[T Elem](v []T, shape ...int) (Host, error) {
	sp, err := SpecOf(typeOf[T](), shape...)
	if err != nil {
		return Host{}, err
	}
	if sp.Elems() != int64(len(v)) {
		return Host{}, fmt.Errorf("from slice: %d values for shape %v: %w", len(v), shape, ErrShape)
	}
	return Host{Spec: sp, Data: encode(make([]byte, 0, sp.Bytes()), v)}, nil
}

func typeOf[T Elem]() DType {
	var z T
	switch any(z).(type) {
	case float32:
		return F32
	case int32:
		return I32
	case int64:
		return I64
	case int8:
		return I8
	}
	return U8
}

func encode[T Elem](b []byte, v []T) []byte {
	switch v := any(v).(type) {
	case []float32:
		for _, x := range v {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
	case []int32:
		for _, x := range v {
			b = binary.LittleEndian.AppendUint32(b, uint32(x))
		}
	case []int64:
		for _, x := range v {
			b = binary.LittleEndian.AppendUint64(b, uint64(x))
		}
	case []int8:
		for _, x := range v {
			b = append(b, byte(x))
		}
	case []uint8:
		b = append(b, v...)
	}
	return b
}

// Float32 is the tensor widened to float32: F32, F16 and BF16.
func (h Host) Float32() ([]float32, error) {
	if h.DType != F32 && h.DType != F16 && h.DType != BF16 {
		return nil, fmt.Errorf("%v: want F32, F16 or BF16: %w", h.Spec, ErrDType)
	}
	out := make([]float32, h.Elems())
	WidenFloat32(out, h.Data, h.DType)
	return out, nil
}

// Int64 is the tensor as int64: I64, I32, I8, U8 and Bool.
func (h Host) Int64() ([]int64, error) {
	out := make([]int64, h.Elems())
	for i := range out {
		switch h.DType {
		case I64:
			out[i] = int64(binary.LittleEndian.Uint64(h.Data[8*i:]))
		case I32:
			out[i] = int64(int32(binary.LittleEndian.Uint32(h.Data[4*i:])))
		case I8:
			out[i] = int64(int8(h.Data[i]))
		case U8, Bool:
			out[i] = int64(h.Data[i])
		default:
			return nil, fmt.Errorf("%v: want an integer dtype: %w", h.Spec, ErrDType)
		}
	}
	return out, nil
}

// WidenFloat32 converts raw little-endian elements of d (F32, F16, BF16) to dst.
func WidenFloat32(dst []float32, raw []byte, d DType) {
	switch d {
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	case BF16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(raw[2*i:])) << 16)
		}
	case F16:
		for i := range dst {
			dst[i] = Float16(binary.LittleEndian.Uint16(raw[2*i:]))
		}
	}
}

// Float16 is the value of an IEEE 754 half.
func Float16(h uint16) float32 {
	sign, exp, man := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch {
	case exp == 31: // infinity, NaN
		return math.Float32frombits(sign | 0x7f800000 | man<<13)
	case exp != 0:
		return math.Float32frombits(sign | (exp+112)<<23 | man<<13)
	}
	v := float32(man) / (1 << 24) // zero and subnormal, exact
	return math.Float32frombits(math.Float32bits(v) | sign)
}

// Upload is a temporary of s with a copy of v.
func Upload[T Elem](s Stream, v []T, shape ...int) (Tensor, error) {
	h, err := FromSlice(v, shape...)
	if err != nil {
		return Tensor{}, err
	}
	t, err := NewTemp(s, h.Spec)
	if err != nil || len(h.Data) == 0 {
		return t, err
	}
	return t, s.Write(t, h.Data)
}

// Download submits the stream and gives the F32 values of x.
func Download(ctx context.Context, s Stream, x Tensor) ([]float32, error) {
	if x.DType != F32 {
		return nil, fmt.Errorf("download: %v, want F32: %w", x.Spec, ErrDType)
	}
	raw := make([]byte, x.Bytes())
	if err := s.Read(ctx, [][]byte{raw}, x); err != nil {
		return nil, err
	}
	return Host{Spec: x.Spec, Data: raw}.Float32()
}

// AppendBytes adds the little-endian bytes of v to b.
func AppendBytes[T Elem](b []byte, v []T) []byte { return encode(b, v) }

// Bytes are the little-endian bytes of v.
func Bytes[T Elem](v []T) []byte { return encode(make([]byte, 0, 8*len(v)), v) }
