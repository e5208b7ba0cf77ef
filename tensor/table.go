package tensor

import (
	"fmt"
	"math"
	"slices"
	"sync"
)

// Op names an operation. The order is of no meaning and may change.
type Op uint16

// The operations. Each has one Row in the table, one implementation in every
// backend and its cases in the conformance suite.
const (
	OpNone Op = iota
	OpLinear
	OpMatMul
	OpEmbedding
	OpEmbeddingBackward
	OpSoftmax
	OpSoftmaxBackward
	OpLogSoftmax
	OpLogSoftmaxBackward
	OpLayerNorm
	OpLayerNormBackward
	OpRMSNorm
	OpRMSNormBackward
	OpNormWeightBackward
	OpRope
	OpAttention
	OpAttentionBackward
	OpGelu
	OpGeluTanh
	OpSilu
	OpRelu
	OpTanh
	OpSigmoid
	OpMish
	OpAbs
	OpActivationBackward
	OpGated
	OpGatedBackward
	OpPoolCLS
	OpPoolLast
	OpPoolMean
	OpPoolBackward
	OpPoolMax
	OpPoolMaxBackward
	OpPoolAttention
	OpPoolAttentionBackward
	OpArgmax
	OpDropout
	OpAdd
	OpMul
	OpScale
	OpGatherRows
	OpScatterRows
	OpWriteRows
	OpL2Normalize
	OpL2NormalizeBackward
	OpConcat
	OpSumRows
	OpSumCols
	OpLog
	OpSqrt
	OpReciprocal
	OpMaxCols
	OpMaxColsBackward
	OpConvRows
	OpConvRowsBackward
	OpCrossEntropy
	OpCrossEntropyBackward
	OpBCEWithLogits
	OpBCEWithLogitsBackward
	OpCRFLogLikelihood
	OpCRFLogLikelihoodBackward
	OpCRFViterbi
	OpCRFMarginals
	NumOps
)

// table holds the rows. It is filled here and nowhere else: gradient rules run
// operations, so a plain initializer would be a cycle.
var table [NumOps]Row

func init() {
	table = buildTable(
		linearRows, matmulRows, embeddingRows, softmaxRows, normRows, ropeRows, attentionRows,
		activationRows, gatedRows, poolRows, argmaxRows, dropoutRows, elementwiseRows, gatherRows,
		l2Rows, concatRows, sumRows, logRows, maxColsRows, convRows,
		crossEntropyRows, bceRows, crfRows,
	)
}

type rows map[Op]Row

func buildTable(parts ...func() rows) (t [NumOps]Row) {
	for _, p := range parts {
		for op, r := range p() {
			if t[op].Name != "" {
				panic("tensor: two rows for " + r.Name)
			}
			t[op] = r
		}
	}
	return t
}

// RowOf is the definition of op. It panics on a number that names no operation.
func RowOf(op Op) *Row {
	if op == OpNone || op >= NumOps {
		panic(fmt.Sprintf("tensor: no operation %d", op))
	}
	return &table[op]
}

// String is the name of the operation.
func (op Op) String() string {
	if op == OpNone || op >= NumOps {
		return fmt.Sprintf("Op(%d)", op)
	}
	return table[op].Name
}

// Ops lists every operation.
func Ops() []Op {
	all := make([]Op, 0, NumOps-1)
	for op := OpNone + 1; op < NumOps; op++ {
		all = append(all, op)
	}
	return all
}

// calls keeps Calls off the heap of every operation: a Call escapes into Run,
// which does not keep it.
var calls = sync.Pool{New: func() any { return new(Call) }}

// Exec checks the call against its row and runs it on s.
func Exec(s Stream, c Call) error {
	p := calls.Get().(*Call)
	*p = c
	err := CheckCall(p)
	if err == nil {
		err = s.Run(p)
	}
	*p = Call{}
	calls.Put(p)
	return err
}

// CheckCall is the only check of shapes, dtypes, bounds and overlap.
func CheckCall(c *Call) error {
	if c.Op == OpNone || c.Op >= NumOps {
		return fmt.Errorf("operation %d is not in the table: %w", c.Op, ErrUnsupported)
	}
	r := &table[c.Op]
	if c.Accum && !r.Accum {
		return fmt.Errorf("%s: cannot accumulate into its result: %w", r.Name, ErrUnsupported)
	}
	for i := range c.Src {
		if err := inBounds(r.Name, "operand", i, &c.Src[i]); err != nil {
			return err
		}
	}
	for i := range c.Dst {
		d := &c.Dst[i]
		if err := inBounds(r.Name, "result", i, d); err != nil {
			return err
		}
		if d.Buf == nil || r.InPlace {
			continue
		}
		for j := range c.Src {
			if c.Src[j].Buf == d.Buf {
				return fmt.Errorf("%s: result %d shares its buffer with operand %d: %w", r.Name, i, j, ErrShape)
			}
		}
	}
	if err := r.Check(c); err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	return nil
}

func inBounds(op, kind string, i int, t *Tensor) error {
	if t.Buf == nil {
		return nil
	}
	size := int64(t.DType.Size())
	if size == 0 || t.Off < 0 || t.Off%size != 0 || slices.Min(t.Shape[:]) < 0 || (t.Rank > 0 && t.Shape[0] > 1 && int(t.Stride) < t.Inner()) {
		return fmt.Errorf("%s: %s %d: broken view %v at byte %d, stride %d: %w", op, kind, i, t.Spec, t.Off, t.Stride, ErrShape)
	}
	if end := t.Off + t.Extent(); end > t.Buf.Len() {
		return fmt.Errorf("%s: %s %d: %v ends at byte %d of a buffer of %d: %w", op, kind, i, t.Spec, end, t.Buf.Len(), ErrShape)
	}
	return nil
}

// Tolerances of spec 6.5: start values, tightened by measurement, never widened.
func tolElementwise(*Call) Tol { return Tol{Abs: 2e-6, Rel: 2e-6} }
func tolSoftmax(*Call) Tol     { return Tol{Abs: 1e-6, Rel: 1e-6} }
func tolExact(*Call) Tol       { return Tol{} }

// tolSum is the bound of a sum over k terms of unit size.
func tolSum(k int) Tol { return Tol{Abs: 1e-6 * math.Sqrt(float64(max(k, 1))), Rel: 2e-6} }
