package tensor

import (
	"fmt"
	"sort"
	"strings"
)

// Act is an activation function, as an operation of its own or as the epilogue
// of another one.
type Act uint8

// The activations. ActNone is the identity.
const (
	ActNone     Act = iota
	ActGelu         // 0.5 x (1 + erf(x/sqrt 2))
	ActGeluTanh     // 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
	ActSilu         // x sigmoid(x)
	ActRelu         // max(x, 0)
	ActTanh
	ActSigmoid
	ActMish // x tanh(log(1 + e^x))
	ActAbs  // |x|
	NumActs
)

var actNames = [NumActs]string{"none", "gelu", "gelu_tanh", "silu", "relu", "tanh", "sigmoid", "mish", "abs"}

func (a Act) String() string {
	if a < NumActs {
		return actNames[a]
	}
	return fmt.Sprintf("Act(%d)", a)
}

// actAliases are the spellings of Hugging Face configs (transformers, ACT2FN).
var actAliases = map[string]Act{
	"gelu": ActGelu, "gelu_python": ActGelu,
	"gelu_tanh": ActGeluTanh, "gelu_new": ActGeluTanh, "gelu_pytorch_tanh": ActGeluTanh, "gelu_fast": ActGeluTanh, "gelu_accurate": ActGeluTanh,
	"silu": ActSilu, "swish": ActSilu, "relu": ActRelu, "tanh": ActTanh, "sigmoid": ActSigmoid, "mish": ActMish,
	"linear": ActNone,
}

// ParseAct reads the name of an activation as Hugging Face configs spell it. An
// unknown name is an error that lists the known ones.
func ParseAct(name string) (Act, error) {
	if a, ok := actAliases[name]; ok {
		return a, nil
	}
	known := make([]string, 0, len(actAliases))
	for k := range actAliases {
		known = append(known, k)
	}
	sort.Strings(known)
	return 0, fmt.Errorf("activation %q is unknown, want one of %s: %w", name, strings.Join(known, ", "), ErrUnsupported)
}

// Attr holds the attributes of every operation in one flat comparable struct, so
// that a call needs no heap and a pipeline cache has a key. An operation ignores
// the fields that its comment does not name.
type Attr struct {
	Act                  Act
	Mode                 uint8   // which member of a family (see the operation)
	Causal               bool    // attention: a key counts only at or before the query's position
	TransA, TransB       bool    // matmul: the operand is stored transposed
	TransW               bool    // linear: the weight is stored [in, out]
	Interleaved, Inverse bool    // rope: neighbouring pairs; rotate backwards
	Left, Right          int32   // attention window in positions before and after the query; -1 none
	Rotary               int32   // rope: rotated dims, even
	Index                int32   // embedding, losses: index without gradient; -1 none for embedding
	Eps, Scale, Rate     float32 // Rate: dropout; label smoothing
	Theta, Fill          float32
	Seed                 uint64 // dropout mask = DropoutKeep(Seed, element index, Rate)
}

// DropoutBits is the counter hash behind dropout: MurmurHash3's 32-bit finalizer
// (Appleby, fmix32) over the element index, keyed by both halves of the seed.
// u32 arithmetic alone, so that every backend makes the same bits.
func DropoutBits(seed uint64, i uint32) uint32 {
	return fmix32(fmix32(i^uint32(seed)) + uint32(seed>>32))
}

func fmix32(h uint32) uint32 {
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	h ^= h >> 16
	return h
}

// DropoutThreshold is the value below which DropoutBits drops an element.
func DropoutThreshold(rate float32) uint32 { return uint32(float64(rate) * (1 << 32)) }

// DropoutKeep says whether element i survives.
func DropoutKeep(seed uint64, i uint32, rate float32) bool {
	return DropoutBits(seed, i) >= DropoutThreshold(rate)
}

// MixSeed derives the seed of the n-th dropout call of a step (splitmix64).
func MixSeed(seed, n uint64) uint64 {
	z := seed + 0x9e3779b97f4a7c15*(n+1)
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}
