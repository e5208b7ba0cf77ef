package tensor

import "fmt"

// DType is the element type of a tensor. All can be held on the host; F32 and
// I32 are computed with. F16 and BF16 are widened to F32 on loading.
type DType uint8

// The element types. The zero value is no type at all: an absent operand.
const (
	NoType DType = iota
	F32
	F16
	BF16
	I8
	I32
	I64
	U8
	Bool
)

var dtypes = [...]struct {
	name string
	size int
}{NoType: {"none", 0}, F32: {"F32", 4}, F16: {"F16", 2}, BF16: {"BF16", 2}, I8: {"I8", 1}, I32: {"I32", 4}, I64: {"I64", 8}, U8: {"U8", 1}, Bool: {"BOOL", 1}}

// Size is the number of bytes of one element; 0 for NoType.
func (d DType) Size() int {
	if int(d) >= len(dtypes) {
		return 0
	}
	return dtypes[d].size
}

// String is the name that safetensors files use.
func (d DType) String() string {
	if int(d) >= len(dtypes) {
		return fmt.Sprintf("DType(%d)", d)
	}
	return dtypes[d].name
}

// ParseDType reads a name as safetensors files write it ("F32", "BF16", …).
func ParseDType(name string) (DType, error) {
	for d := F32; int(d) < len(dtypes); d++ {
		if dtypes[d].name == name {
			return d, nil
		}
	}
	return NoType, fmt.Errorf("dtype %q: want one of F32 F16 BF16 I8 I32 I64 U8 BOOL: %w", name, ErrDType)
}
