package tensor_test

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/tensor"
)

// half is the value of an IEEE 754 half, from its definition.
func half(h uint16) float64 {
	sign := 1.0
	if h>>15 == 1 {
		sign = -1
	}
	exp, man := int(h>>10&31), float64(h&1023)
	switch exp {
	case 0:
		return sign * math.Ldexp(man, -24)
	case 31:
		if man != 0 {
			return math.NaN()
		}
		return sign * math.Inf(1)
	}
	return sign * math.Ldexp(1024+man, exp-25)
}

func TestFloat16AllValues(t *testing.T) {
	raw := make([]byte, 2<<16)
	for h := range 1 << 16 {
		binary.LittleEndian.PutUint16(raw[2*h:], uint16(h))
	}
	got, err := tensor.Host{Spec: tensor.Of(tensor.F16, 1<<16), Data: raw}.Float32()
	require.NoError(t, err)
	for h := range 1 << 16 {
		want := half(uint16(h))
		if math.IsNaN(want) {
			require.True(t, math.IsNaN(float64(got[h])), "%#04x is NaN", h)
			continue
		}
		require.Equal(t, math.Float64bits(want), math.Float64bits(float64(got[h])), "%#04x: got %v, want %v", h, got[h], want)
	}
}

func TestBFloat16AllValues(t *testing.T) {
	raw := make([]byte, 2<<16)
	for h := range 1 << 16 {
		binary.LittleEndian.PutUint16(raw[2*h:], uint16(h))
	}
	got, err := tensor.Host{Spec: tensor.Of(tensor.BF16, 1<<16), Data: raw}.Float32()
	require.NoError(t, err)
	for h := range 1 << 16 {
		require.Equal(t, uint32(h)<<16, math.Float32bits(got[h]), "%#04x: the upper half of an F32", h)
	}
}

func TestHostNumbers(t *testing.T) {
	h, err := tensor.FromSlice([]float32{1, -2.5, float32(math.Inf(1))}, 3)
	require.NoError(t, err)
	assert.Equal(t, tensor.Of(tensor.F32, 3), h.Spec)
	assert.Equal(t, []byte{0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0, 0, 0, 0x80, 0x7f}, h.Data, "little-endian")
	v, err := h.Float32()
	require.NoError(t, err)
	assert.Equal(t, []float32{1, -2.5, float32(math.Inf(1))}, v)
	_, err = h.Int64()
	assert.ErrorIs(t, err, tensor.ErrDType)

	ints := func(h tensor.Host, err error) []int64 {
		require.NoError(t, err)
		v, err := h.Int64()
		require.NoError(t, err)
		_, err = h.Float32()
		assert.ErrorIs(t, err, tensor.ErrDType, "%s is no float", h.DType)
		return v
	}
	assert.Equal(t, []int64{math.MinInt32, -1, math.MaxInt32}, ints(tensor.FromSlice([]int32{math.MinInt32, -1, math.MaxInt32}, 3)))
	assert.Equal(t, []int64{math.MinInt64, -1, math.MaxInt64}, ints(tensor.FromSlice([]int64{math.MinInt64, -1, math.MaxInt64}, 3)))
	assert.Equal(t, []int64{-128, 127}, ints(tensor.FromSlice([]int8{-128, 127}, 1, 2)))
	assert.Equal(t, []int64{0, 255}, ints(tensor.FromSlice([]uint8{0, 255}, 2)))
	assert.Equal(t, []int64{1, 0}, ints(tensor.Host{Spec: tensor.Of(tensor.Bool, 2), Data: []byte{1, 0}}, nil))

	_, err = tensor.FromSlice([]float32{1, 2}, 3)
	assert.ErrorIs(t, err, tensor.ErrShape)
	_, err = tensor.FromSlice([]float32{1}, 1, 1, 1, 1, 1)
	assert.ErrorIs(t, err, tensor.ErrShape)
	empty, err := tensor.FromSlice([]float32{}, 0, 5)
	require.NoError(t, err)
	assert.Empty(t, empty.Data)
}

func TestDTypes(t *testing.T) {
	for d, size := range map[tensor.DType]int{tensor.F32: 4, tensor.F16: 2, tensor.BF16: 2, tensor.I8: 1, tensor.I32: 4, tensor.I64: 8, tensor.U8: 1, tensor.Bool: 1, tensor.NoType: 0, 99: 0} {
		assert.Equal(t, size, d.Size(), "%s", d)
		if size == 0 {
			continue
		}
		got, err := tensor.ParseDType(d.String())
		require.NoError(t, err)
		assert.Equal(t, d, got)
	}
	for _, name := range []string{"", "none", "F31", "f32", "F64"} {
		_, err := tensor.ParseDType(name)
		assert.ErrorIs(t, err, tensor.ErrDType)
		assert.ErrorContains(t, err, "BF16", "the error lists what there is")
	}
}

func TestActivationNames(t *testing.T) {
	for name, want := range map[string]tensor.Act{"gelu": tensor.ActGelu, "gelu_new": tensor.ActGeluTanh, "gelu_pytorch_tanh": tensor.ActGeluTanh,
		"relu": tensor.ActRelu, "silu": tensor.ActSilu, "swish": tensor.ActSilu, "tanh": tensor.ActTanh, "mish": tensor.ActMish, "linear": tensor.ActNone} {
		got, err := tensor.ParseAct(name)
		require.NoError(t, err)
		assert.Equal(t, want, got, name)
	}
	_, err := tensor.ParseAct("gelou")
	assert.ErrorIs(t, err, tensor.ErrUnsupported)
	for _, text := range []string{`"gelou"`, "gelu_new", "relu"} {
		assert.ErrorContains(t, err, text)
	}
	for a := tensor.ActNone + 1; a < tensor.NumActs; a++ {
		assert.NotContains(t, a.String(), "Act(")
	}
}

func TestPoolingNames(t *testing.T) {
	for p := tensor.PoolCLS; p <= tensor.PoolAttention; p++ {
		got, err := tensor.ParsePooling(p.String())
		require.NoError(t, err)
		assert.Equal(t, p, got)
	}
	_, err := tensor.ParsePooling("median")
	assert.ErrorIs(t, err, tensor.ErrUnsupported)
	assert.ErrorContains(t, err, "cls last mean max attention")
}

// Dropout's hash is fixed: files and other backends depend on the bits.
func TestDropoutBits(t *testing.T) {
	// MurmurHash3's finalizer: fmix32(1) = 0x514e28b7, fmix32(0) = 0.
	assert.Equal(t, uint32(0x514e28b7), tensor.DropoutBits(0, fmixInverse(1)))
	assert.Zero(t, tensor.DropoutBits(0, 0))
	assert.NotEqual(t, tensor.DropoutBits(1, 5), tensor.DropoutBits(1<<32, 5), "both halves of the seed count")
	for _, rate := range []float32{0.1, 0.5, 0.9} {
		dropped := 0
		for i := range uint32(1 << 16) {
			if !tensor.DropoutKeep(7, i, rate) {
				dropped++
			}
		}
		assert.InDelta(t, float64(rate), float64(dropped)/(1<<16), 0.01)
	}
	for i := range uint32(1000) {
		assert.True(t, tensor.DropoutKeep(7, i, 0), "rate 0 keeps all")
	}
	assert.NotEqual(t, tensor.MixSeed(1, 0), tensor.MixSeed(1, 1))
	assert.NotEqual(t, tensor.MixSeed(1, 0), tensor.MixSeed(2, 0))
}

// fmixInverse is the number whose finalizer is h.
func fmixInverse(h uint32) uint32 {
	inverse := func(m uint32) uint32 { // Newton: the inverse modulo 2^32
		x := m
		for range 5 {
			x *= 2 - m*x
		}
		return x
	}
	h ^= h >> 16
	h *= inverse(0xc2b2ae35)
	h ^= h>>13 ^ h>>26
	h *= inverse(0x85ebca6b)
	return h ^ h>>16
}
