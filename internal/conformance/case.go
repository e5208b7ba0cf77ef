package conformance

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/cephalo-ml/cephalo/tensor"
)

// Case is one call and what must come of it.
type Case struct {
	Op         tensor.Op
	Name       string        // unique within the operation; no spaces
	Src        []Operand     // the zero Operand: absent
	Dst        []tensor.Spec // results, and auxiliary ones that are wanted in every run
	Before     []Operand     // what the results hold, where the operation keeps some of it
	Rows, Keys *tensor.Layout
	Attr       tensor.Attr

	// Derive completes operands that an earlier operation gives: values holds what
	// Fill gave, forward runs a case on the reference backend.
	Derive func(forward Forward, values [][]float64) error

	Want      [][]float64           // by result; nil: the reference backend's
	Undefined func(dst, i int) bool // elements that the contract leaves open, to which nothing is added
	Spoilt    func(dst, i int) bool // elements that no finite number comes of: not compared
	Long      bool                  // left out by -short, and run in one variant
	Aligned   bool                  // and in a second one, in which kernels may read four at a time
}

// Forward runs the operation of c on the given operands and gives all results,
// auxiliary ones included.
type Forward func(c Case, src ...[]float64) ([][]float64, error)

// Operand is a tensor of a case: element i, counted densely, is Fill(r, i),
// rounded to the dtype. Calls come in order, so a Fill may draw from r.
type Operand struct {
	tensor.Spec
	Fill func(r *rand.Rand, i int) float64
}

func (o Operand) present() bool { return o.DType != tensor.NoType }

// Cases are the cases of every operation.
func Cases() []Case {
	var all []Case
	for _, family := range []func() []Case{
		activationCases, argmaxCases, attentionCases, concatCases, dropoutCases, elementwiseCases,
		embeddingCases, gatedCases, gatherCases, l2NormalizeCases, linearCases, matmulCases,
		normCases, poolCases, ropeCases, softmaxCases, sumCases, logCases, maxColsCases, convRowsCases,
		crossEntropyCases, crfCases, longCases, nothingCases,
	} {
		all = append(all, family()...)
	}
	return all
}

// values are the elements of every operand, rounded to its dtype, the same in every run.
func (c *Case) values() [][]float64 {
	out := make([][]float64, len(c.Src))
	for i, o := range c.Src {
		if o.present() {
			out[i] = fill(o, fmt.Sprintf("%s/%s/%d", c.Op, c.Name, i))
		}
	}
	return out
}

func fill(o Operand, name string) []float64 {
	r := random(name)
	v := make([]float64, o.Elems())
	for i := range v {
		v[i] = o.Fill(r, i)
		if o.DType == tensor.F32 {
			v[i] = float64(float32(v[i]))
		}
	}
	return v
}

func random(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(h.Sum64(), 0))
}

// call is the case as a Call without buffers: what Row.Aux and Row.Tol look at.
func (c *Case) call() tensor.Call {
	call := tensor.Call{Op: c.Op, Rows: c.Rows, Keys: c.Keys, Attr: c.Attr}
	for i, o := range c.Src {
		if o.present() {
			call.Src[i] = tensor.View(shapeOnly{}, o.Spec)
		}
	}
	for i, sp := range c.Dst {
		if sp.DType != tensor.NoType {
			call.Dst[i] = tensor.View(shapeOnly{}, sp)
		}
	}
	return call
}

// shapeOnly stands for a buffer where only shapes matter.
type shapeOnly struct{}

func (shapeOnly) Len() int64 { return math.MaxInt64 }

// results are the specs of all results of the case, auxiliary ones included.
func (c *Case) results() (all [tensor.MaxDst]tensor.Spec) {
	copy(all[:], c.Dst)
	row := tensor.RowOf(c.Op)
	if row.Aux == nil {
		return all
	}
	call := c.call()
	var aux [tensor.MaxDst]tensor.Spec
	row.Aux(&call, &aux)
	for i, sp := range aux {
		if all[i].DType == tensor.NoType {
			all[i] = sp
		}
	}
	return all
}

// Operands.

func f32(shape ...int) tensor.Spec { return tensor.Of(tensor.F32, shape...) }

func normal(shape ...int) Operand {
	return Operand{f32(shape...), func(r *rand.Rand, _ int) float64 { return r.NormFloat64() }}
}

func uniform(lo, hi float64, shape ...int) Operand {
	return Operand{f32(shape...), func(r *rand.Rand, _ int) float64 { return lo + (hi-lo)*r.Float64() }}
}

func constant(v float64, shape ...int) Operand {
	return Operand{f32(shape...), func(*rand.Rand, int) float64 { return v }}
}

// repeat lays the values one after another, again and again.
func repeat(v []float64, shape ...int) Operand {
	return Operand{f32(shape...), func(_ *rand.Rand, i int) float64 { return v[i%len(v)] }}
}

// steps are small whole numbers over a power of two: their products and sums are exact in f32.
func steps(reach int, unit float64, shape ...int) Operand {
	return Operand{f32(shape...), func(r *rand.Rand, _ int) float64 { return unit * float64(r.IntN(2*reach+1)-reach) }}
}

// index is I32 [n] of numbers in [0,limit).
func index(limit, n int) Operand {
	return Operand{tensor.Of(tensor.I32, n), func(r *rand.Rand, _ int) float64 { return float64(r.IntN(limit)) }}
}

func ints(v []float64, shape ...int) Operand {
	o := repeat(v, shape...)
	o.DType = tensor.I32
	return o
}

// edges are sizes around the tiles that kernels like.
var edges = []int{1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129}

// pastGroups is a number of elements that needs more than 65,535 workgroups of 64.
const pastGroups = 65536*64 - 63

// pastRows is a number of rows that needs more than 65,535 workgroups of one row.
const pastRows = 65537
