package kernels

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cephalo-ml/cephalo/tensor"
	"github.com/stretchr/testify/require"
)

// smallLimits makes b take every operand for one past a binding and every grid for
// one past a dimension.
func smallLimits(b *Backend) {
	b.caps.MaxBinding = 128 << 10
	b.caps.GroupsPerDim = 64
}

// rowCase is a call on [1400,33] operands, 184,800 bytes each.
type rowCase struct {
	name string
	call tensor.Call
	dst  []tensor.Spec
	src  []tensor.Spec
	rows bool // with a layout
}

const testRows, testCols = 1400, 33

func rowCases() []rowCase {
	x, row, col, one := tensor.Of(tensor.F32, testRows, testCols), tensor.Of(tensor.F32, testCols), tensor.Of(tensor.F32, testRows, 1), tensor.Of(tensor.F32, 1)
	stats, vec, line := tensor.Of(tensor.F32, testRows, 2), tensor.Of(tensor.F32, testRows), tensor.Of(tensor.F32, 1, testCols)
	pooled, arg := tensor.Of(tensor.F32, 4, testCols), tensor.Of(tensor.I32, 4, testCols)
	specs := func(s ...tensor.Spec) []tensor.Spec { return s }
	gelu := tensor.Attr{Act: tensor.ActGelu}
	eps := tensor.Attr{Eps: 1e-5}
	drop := tensor.Attr{Rate: 0.25, Seed: 0x123456789abcdef0}
	mean := tensor.Attr{Mode: uint8(tensor.PoolMean)}
	var cs []rowCase
	add := func(op tensor.Op, at tensor.Attr, dst, src []tensor.Spec) {
		cs = append(cs, rowCase{name: op.String(), call: tensor.Call{Op: op, Attr: at}, dst: dst, src: src})
	}
	pool := func(op tensor.Op, at tensor.Attr, dst, src []tensor.Spec) {
		add(op, at, dst, src)
		cs[len(cs)-1].rows = true
	}
	for a := tensor.ActNone + 1; a < tensor.NumActs; a++ {
		for _, op := range tensor.Ops() {
			if b, ok := tensor.ActOf(op); ok && a == b {
				add(op, tensor.Attr{}, specs(x), specs(x))
			}
		}
	}
	add(tensor.OpActivationBackward, gelu, specs(x), specs(x, x))
	add(tensor.OpGated, gelu, specs(x), specs(x, x))
	add(tensor.OpGatedBackward, gelu, specs(x, x), specs(x, x, x))
	for _, b := range specs(x, row, col, one) {
		add(tensor.OpAdd, tensor.Attr{Scale: -0.5}, specs(x), specs(x, b))
		add(tensor.OpMul, tensor.Attr{}, specs(x), specs(x, b))
	}
	add(tensor.OpScale, tensor.Attr{Scale: 3, Fill: -1}, specs(x), specs(x))
	add(tensor.OpDropout, drop, specs(x), specs(x))
	for _, op := range []tensor.Op{tensor.OpSoftmax, tensor.OpLogSoftmax} {
		add(op, tensor.Attr{}, specs(x), specs(x))
	}
	for _, op := range []tensor.Op{tensor.OpSoftmaxBackward, tensor.OpLogSoftmaxBackward} {
		add(op, tensor.Attr{}, specs(x), specs(x, x))
	}
	add(tensor.OpLayerNorm, eps, specs(x, x, stats), specs(x, row, row, x))
	add(tensor.OpRMSNorm, eps, specs(x, x, stats), specs(x, row, tensor.Spec{}, x))
	add(tensor.OpLayerNormBackward, eps, specs(x), specs(x, x, row, stats))
	add(tensor.OpRMSNormBackward, eps, specs(x), specs(x, x, row, stats))
	add(tensor.OpNormWeightBackward, eps, specs(row, row), specs(x, x, stats))
	add(tensor.OpArgmax, tensor.Attr{}, specs(tensor.Of(tensor.I32, testRows)), specs(x))
	add(tensor.OpL2Normalize, eps, specs(x), specs(x))
	add(tensor.OpL2NormalizeBackward, eps, specs(x), specs(x, x))
	add(tensor.OpSumRows, tensor.Attr{}, specs(row), specs(x))
	add(tensor.OpSumCols, tensor.Attr{}, specs(col), specs(x))
	for _, op := range []tensor.Op{tensor.OpPoolCLS, tensor.OpPoolLast, tensor.OpPoolMean} {
		pool(op, tensor.Attr{}, specs(pooled), specs(x))
	}
	pool(tensor.OpPoolMax, tensor.Attr{}, specs(pooled, arg), specs(x))
	pool(tensor.OpPoolBackward, mean, specs(x), specs(pooled))
	pool(tensor.OpPoolMaxBackward, tensor.Attr{}, specs(x), specs(pooled, arg))
	pool(tensor.OpPoolAttention, tensor.Attr{}, specs(pooled, vec), specs(x, line, one))
	pool(tensor.OpPoolAttentionBackward, tensor.Attr{}, specs(x, line, one), specs(x, line, one, vec, pooled))
	for _, op := range []tensor.Op{tensor.OpLog, tensor.OpSqrt, tensor.OpReciprocal} {
		add(op, tensor.Attr{}, specs(x), specs(x))
	}
	at := tensor.Of(tensor.I32, testRows)
	add(tensor.OpMaxCols, tensor.Attr{}, specs(col, at), specs(x))
	add(tensor.OpMaxColsBackward, tensor.Attr{}, specs(x), specs(col, at))
	label := tensor.Attr{Index: tensor.IgnoreIndex, Rate: 0.1}
	meanLabel := label
	meanLabel.Mode = uint8(tensor.ReduceMean)
	add(tensor.OpCrossEntropy, label, specs(vec), specs(x, at, row))
	add(tensor.OpCrossEntropy, meanLabel, specs(one, one), specs(x, at, row))
	add(tensor.OpCrossEntropyBackward, label, specs(x), specs(x, at, row, vec))
	add(tensor.OpCrossEntropyBackward, meanLabel, specs(x), specs(x, at, row, one, one))
	add(tensor.OpBCEWithLogits, tensor.Attr{}, specs(x), specs(x, x))
	add(tensor.OpBCEWithLogitsBackward, tensor.Attr{}, specs(x), specs(x, x, x))
	kernel := tensor.Of(tensor.F32, testCols, testCols, 3)
	pool(tensor.OpConvRows, tensor.Attr{}, specs(x), specs(x, kernel, row))
	pool(tensor.OpConvRowsBackward, tensor.Attr{}, specs(x, kernel, row), specs(x, kernel, x))
	return cs
}

// run gives the bits of every result of the case on b.
func (c rowCase) run(t *testing.T, b tensor.Backend, accum bool) [][]byte {
	t.Helper()
	s, err := b.Begin()
	require.NoError(t, err)
	defer s.Close()
	rnd := rand.New(rand.NewPCG(7, 11))
	upload := func(sp tensor.Spec) tensor.Tensor {
		if sp.DType == tensor.NoType {
			return tensor.Tensor{}
		}
		x, err := tensor.NewTemp(s, sp)
		require.NoError(t, err)
		raw := make([]byte, sp.Bytes())
		for i := 0; i < len(raw); i += 4 {
			v := rnd.NormFloat64()
			if sp.Rank == 1 && sp.Dim(0) == testRows {
				v /= testRows // the size of the weights of a softmax
			}
			w := math.Float32bits(float32(v))
			if sp.DType == tensor.I32 {
				w = uint32(rnd.IntN(testRows))
				if c.call.Attr.Index == tensor.IgnoreIndex {
					w %= testCols + 1 // labels, some of them outside
				}
			}
			binary.LittleEndian.PutUint32(raw[i:], w)
		}
		require.NoError(t, s.Write(x, raw))
		return x
	}
	call := c.call
	call.Accum = accum
	for i, sp := range c.src {
		call.Src[i] = upload(sp)
	}
	for i, sp := range c.dst {
		call.Dst[i] = upload(sp)
	}
	if c.rows {
		// The second sequence alone is more than the small limits bind.
		call.Rows = tensor.NewLayout(60, 1300, 0, 40)
		require.NoError(t, call.Rows.Upload(s))
	}
	require.NoError(t, tensor.Exec(s, call))
	out := make([][]byte, len(c.dst))
	for i, sp := range c.dst {
		out[i] = make([]byte, sp.Bytes())
	}
	require.NoError(t, s.Read(context.Background(), out, call.Dst[:len(c.dst)]...))
	return out
}

// sumsWindows says whether the order of a sum depends on where the operands are cut.
func (c rowCase) sumsWindows() bool {
	switch c.call.Op {
	case tensor.OpSumRows, tensor.OpNormWeightBackward, tensor.OpPoolAttentionBackward, tensor.OpConvRowsBackward, tensor.OpCrossEntropy:
		return true
	}
	return false
}

// Operands past a binding are cut and grids past a dimension folded, without a
// trace in the results; only a sum over the rows of several windows may round
// otherwise.
func TestRowsPastLimits(t *testing.T) {
	b := open(t)
	caps := b.caps
	for _, c := range rowCases() {
		for _, accum := range []bool{false, true} {
			if accum && !tensor.RowOf(c.call.Op).Accum {
				continue
			}
			b.caps = caps
			want := c.run(t, b, accum)
			smallLimits(b)
			got := c.run(t, b, accum)
			if !c.sumsWindows() {
				require.Equal(t, want, got, "%s accum=%v", c.name, accum)
				continue
			}
			for i := range got {
				near(t, want[i], got[i], 1e-6*math.Sqrt(testRows), fmt.Sprintf("%s accum=%v result %d", c.name, accum, i))
			}
		}
	}
}

func near(t *testing.T, want, got []byte, tol float64, name string) {
	t.Helper()
	for e := 0; e < len(want); e += 4 {
		w := math.Float32frombits(binary.LittleEndian.Uint32(want[e:]))
		g := math.Float32frombits(binary.LittleEndian.Uint32(got[e:]))
		require.True(t, math.Abs(float64(g-w)) <= tol, "%s element %d is %v, want %v", name, e/4, g, w)
	}
}
