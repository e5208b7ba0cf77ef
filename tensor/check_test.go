package tensor_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/tensor"
)

// mem is a buffer of which only the size matters.
type mem struct{ n int64 }

func (m *mem) Len() int64 { return m.n }

// alone is a dense tensor in a buffer of its own, with room to spare.
func alone(d tensor.DType, shape ...int) tensor.Tensor {
	sp := tensor.Of(d, shape...)
	return tensor.View(&mem{sp.Bytes() + 1<<16}, sp)
}

func f32(shape ...int) tensor.Tensor { return alone(tensor.F32, shape...) }
func i32(shape ...int) tensor.Tensor { return alone(tensor.I32, shape...) }

// uploaded is a layout as it is after Upload.
func uploaded(lens ...int) *tensor.Layout {
	l := tensor.NewLayout(lens...)
	l.Dev = i32(2*l.Batch() + 2*l.Rows())
	return l
}

// form is a good call of an operation, and what may be left out of it.
type form struct {
	op                   tensor.Op
	src, dst             []tensor.Tensor
	optionalS, optionalD string // the digits of operands and results that may be absent
	rows, keys           *tensor.Layout
	attr                 tensor.Attr
}

func (f form) call() *tensor.Call {
	c := &tensor.Call{Op: f.op, Rows: f.rows, Keys: f.keys, Attr: f.attr}
	copy(c.Src[:], f.src)
	copy(c.Dst[:], f.dst)
	return c
}

// forms has a good call of every operation with all its operands.
func forms() []form {
	ts := func(t ...tensor.Tensor) []tensor.Tensor { return t }
	x := func() tensor.Tensor { return f32(6, 4) }
	l := uploaded(4, 2)
	eps := tensor.Attr{Eps: 1e-5}
	q, kv := func() tensor.Tensor { return f32(6, 4, 8) }, func() tensor.Tensor { return f32(6, 2, 8) }
	window := tensor.Attr{Left: -1, Right: -1, Scale: 1}
	fs := []form{
		{op: tensor.OpLinear, src: ts(x(), f32(3, 4), f32(3), f32(6, 3)), dst: ts(f32(6, 3), f32(6, 3)), optionalS: "23", optionalD: "1"},
		{op: tensor.OpMatMul, src: ts(f32(2, 6, 4), f32(2, 4, 3)), dst: ts(f32(2, 6, 3))},
		{op: tensor.OpEmbedding, src: ts(i32(6), f32(9, 4), x()), dst: ts(x()), optionalS: "2"},
		{op: tensor.OpEmbeddingBackward, src: ts(i32(6), x()), dst: ts(f32(9, 4))},
		{op: tensor.OpLayerNorm, src: ts(x(), f32(4), f32(4), x()), dst: ts(x(), x(), f32(6, 2)), optionalS: "12", optionalD: "12", attr: eps},
		{op: tensor.OpRMSNorm, src: ts(x(), f32(4), tensor.Tensor{}, x()), dst: ts(x(), x(), f32(6, 2)), optionalS: "1", optionalD: "12", attr: eps},
		{op: tensor.OpLayerNormBackward, src: ts(x(), x(), f32(4), f32(6, 2)), dst: ts(x()), optionalS: "2"},
		{op: tensor.OpRMSNormBackward, src: ts(x(), x(), f32(4), f32(6, 2)), dst: ts(x()), optionalS: "2"},
		{op: tensor.OpNormWeightBackward, src: ts(x(), x(), f32(6, 2)), dst: ts(f32(4), f32(4)), optionalD: "01"},
		{op: tensor.OpRope, src: ts(q()), dst: ts(q()), rows: l, attr: tensor.Attr{Theta: 1e4, Rotary: 8}},
		{op: tensor.OpAttention, src: ts(q(), kv(), kv()), dst: ts(q(), f32(6, 4)), optionalD: "1", rows: l, keys: l, attr: window},
		{op: tensor.OpAttentionBackward, src: ts(q(), kv(), kv(), q(), q(), f32(6, 4)), dst: ts(q(), kv(), kv()), optionalD: "012", rows: l, keys: l, attr: window},
		{op: tensor.OpActivationBackward, src: ts(x(), x()), dst: ts(x()), attr: tensor.Attr{Act: tensor.ActGelu}},
		{op: tensor.OpGated, src: ts(x(), x()), dst: ts(x())},
		{op: tensor.OpGatedBackward, src: ts(x(), x(), x()), dst: ts(x(), x()), optionalD: "01"},
		{op: tensor.OpPoolCLS, src: ts(x()), dst: ts(f32(2, 4)), rows: l},
		{op: tensor.OpPoolLast, src: ts(x()), dst: ts(f32(2, 4)), rows: l},
		{op: tensor.OpPoolMean, src: ts(x()), dst: ts(f32(2, 4)), rows: l},
		{op: tensor.OpPoolMax, src: ts(x()), dst: ts(f32(2, 4), i32(2, 4)), optionalD: "1", rows: l},
		{op: tensor.OpPoolAttention, src: ts(x(), f32(1, 4), f32(1)), dst: ts(f32(2, 4), f32(6)), optionalD: "1", rows: l},
		{op: tensor.OpPoolBackward, src: ts(f32(2, 4)), dst: ts(x()), rows: l},
		{op: tensor.OpPoolMaxBackward, src: ts(f32(2, 4), i32(2, 4)), dst: ts(x()), rows: l},
		{op: tensor.OpPoolAttentionBackward, src: ts(x(), f32(1, 4), f32(1), f32(6), f32(2, 4)), dst: ts(x(), f32(1, 4), f32(1)), optionalD: "012", rows: l},
		{op: tensor.OpArgmax, src: ts(x()), dst: ts(i32(6))},
		{op: tensor.OpAdd, src: ts(x(), x()), dst: ts(x())},
		{op: tensor.OpMul, src: ts(x(), x()), dst: ts(x())},
		{op: tensor.OpGatherRows, src: ts(x(), i32(5)), dst: ts(f32(5, 4))},
		{op: tensor.OpScatterRows, src: ts(x(), i32(6)), dst: ts(f32(9, 4))},
		{op: tensor.OpWriteRows, src: ts(x(), i32(6)), dst: ts(f32(9, 4))},
		{op: tensor.OpConcat, src: ts(x(), f32(6, 2)), dst: ts(f32(6, 6))},
		{op: tensor.OpMaxCols, src: ts(x()), dst: ts(f32(6, 1), i32(6)), optionalD: "1"},
		{op: tensor.OpMaxColsBackward, src: ts(f32(6, 1), i32(6)), dst: ts(x())},
		{op: tensor.OpConvRows, src: ts(x(), f32(5, 4, 3), f32(5)), dst: ts(f32(6, 5)), optionalS: "2", rows: l},
		{op: tensor.OpConvRowsBackward, src: ts(x(), f32(5, 4, 3), f32(6, 5)), dst: ts(x(), f32(5, 4, 3), f32(5)), optionalD: "012", rows: l},
		{op: tensor.OpSumRows, src: ts(x()), dst: ts(f32(4))},
		{op: tensor.OpSumCols, src: ts(x()), dst: ts(f32(6, 1))},
	}
	for _, op := range []tensor.Op{tensor.OpSoftmax, tensor.OpLogSoftmax, tensor.OpL2Normalize, tensor.OpScale, tensor.OpLog, tensor.OpSqrt, tensor.OpReciprocal, tensor.OpDropout,
		tensor.OpGelu, tensor.OpGeluTanh, tensor.OpSilu, tensor.OpRelu, tensor.OpTanh, tensor.OpSigmoid, tensor.OpMish, tensor.OpAbs} {
		fs = append(fs, form{op: op, src: ts(x()), dst: ts(x())})
	}
	for _, op := range []tensor.Op{tensor.OpSoftmaxBackward, tensor.OpLogSoftmaxBackward, tensor.OpL2NormalizeBackward} {
		fs = append(fs, form{op: op, src: ts(x(), x()), dst: ts(x())})
	}
	return append(fs, formsOfLosses()...)
}

func TestEveryOperationHasAForm(t *testing.T) {
	seen := map[tensor.Op]bool{}
	for _, f := range forms() {
		seen[f.op] = true
		assert.NoError(t, tensor.CheckCall(f.call()), "%s", f.op)
	}
	for _, op := range tensor.Ops() {
		assert.True(t, seen[op], "operation %s has no form", op)
	}
}

// refused checks that a call is an error of a kind that names its operation.
func refused(t *testing.T, c *tensor.Call, kind error, text string) {
	t.Helper()
	err := tensor.CheckCall(c)
	if !assert.ErrorIs(t, err, kind, "%s: %s", c.Op, text) {
		return
	}
	assert.True(t, strings.HasPrefix(err.Error(), c.Op.String()+": "), "%q starts with the operation %s", err, c.Op)
	assert.Contains(t, err.Error(), text, "%s", c.Op)
}

// Whatever operand or result of whatever operation is wrong, in whatever way, the call is refused.
func TestWrongOperandsAreRefused(t *testing.T) {
	for _, f := range forms() {
		t.Run(f.op.String(), func(t *testing.T) {
			for i := range f.src {
				if f.src[i].Present() {
					f.wrong(t, strings.ContainsRune(f.optionalS, rune('0'+i)), func(c *tensor.Call) *tensor.Tensor { return &c.Src[i] })
				}
			}
			for i := range f.dst {
				f.wrong(t, strings.ContainsRune(f.optionalD, rune('0'+i)), func(c *tensor.Call) *tensor.Tensor { return &c.Dst[i] })
			}
			if f.op != tensor.OpConcat {
				c := f.call()
				c.Src[len(f.src)] = f32(1)
				refused(t, c, tensor.ErrShape, "is not one of its")
			}
			if len(f.dst) < tensor.MaxDst {
				c := f.call()
				c.Dst[len(f.dst)] = f32(1)
				refused(t, c, tensor.ErrShape, "")
			}
		})
	}
}

// anyWidth are the operations whose wide operand may have any number of columns.
var anyWidth = map[tensor.Op]bool{tensor.OpArgmax: true, tensor.OpSumCols: true, tensor.OpMaxCols: true, tensor.OpMaxColsBackward: true}

// wrong tries what can be wrong with one operand.
func (f form) wrong(t *testing.T, optional bool, at func(*tensor.Call) *tensor.Tensor) {
	t.Helper()
	try := func(kind error, text string, change func(x *tensor.Tensor)) {
		t.Helper()
		c := f.call()
		change(at(c))
		refused(t, c, kind, text)
	}
	good := *at(f.call())
	if optional {
		c := f.call()
		*at(c) = tensor.Tensor{}
		assert.NoError(t, tensor.CheckCall(c), "%s without an optional operand", f.op)
	} else if f.op != tensor.OpConcat && !(f.op == tensor.OpRMSNorm || f.op == tensor.OpLayerNorm) {
		try(tensor.ErrShape, "is absent", func(x *tensor.Tensor) { *x = tensor.Tensor{} })
	}
	other := tensor.I32
	if good.DType == tensor.I32 {
		other = tensor.F32
	}
	try(tensor.ErrDType, "want", func(x *tensor.Tensor) { x.DType = other })
	try(tensor.ErrDType, "want", func(x *tensor.Tensor) { x.DType = tensor.F16 })
	last := good.Rank - 1
	if !anyWidth[f.op] {
		try(tensor.ErrShape, "", func(x *tensor.Tensor) {
			x.Shape[last] += 3
			x.Stride = int32(x.Inner())
		})
	}
	if good.Rank < tensor.MaxRank && f.op != tensor.OpMatMul {
		try(tensor.ErrShape, "want", func(x *tensor.Tensor) {
			x.Shape[x.Rank] = 2
			x.Rank++
			x.Stride = int32(x.Inner())
		})
	}
	try(tensor.ErrShape, "ends at byte", func(x *tensor.Tensor) { x.Buf = &mem{good.Extent() - 1} })
	try(tensor.ErrShape, "ends at byte", func(x *tensor.Tensor) { x.Off = x.Buf.Len() })
	try(tensor.ErrShape, "broken view", func(x *tensor.Tensor) { x.Off = -4 })
	try(tensor.ErrShape, "broken view", func(x *tensor.Tensor) { x.Off = 2 })
	if good.Rank > 0 && good.Shape[0] > 1 {
		try(tensor.ErrShape, "broken view", func(x *tensor.Tensor) { x.Stride = int32(x.Inner()) - 1 })
	}
}

func TestLayoutsAreChecked(t *testing.T) {
	for _, f := range forms() {
		if f.rows == nil {
			continue
		}
		c := f.call()
		c.Rows = nil
		refused(t, c, tensor.ErrShape, "layout is absent")
		c.Rows = tensor.NewLayout(4, 2)
		refused(t, c, tensor.ErrShape, "not uploaded")
		c.Rows = uploaded(4, 3)
		refused(t, c, tensor.ErrShape, "layout has 7 rows, want 6")
		if f.keys != nil {
			c = f.call()
			c.Keys = nil
			refused(t, c, tensor.ErrShape, "key layout is absent")
			c.Keys = uploaded(3, 2, 1)
			refused(t, c, tensor.ErrShape, "2 query sequences, 3 key sequences")
		}
	}
}

// A result may not lie in the buffer of an operand: WebGPU forbids it.
func TestOverlapIsRefused(t *testing.T) {
	for _, f := range forms() {
		c := f.call()
		both := &mem{1 << 20}
		c.Src[0].Buf, c.Dst[0].Buf = both, both
		c.Dst[0].Off = 1 << 18
		if tensor.RowOf(f.op).InPlace {
			continue
		}
		refused(t, c, tensor.ErrShape, "shares its buffer with operand 0")
	}
	// Operands may share one, and results too.
	fused := &mem{1 << 20}
	c := forms()[0].call()
	for i := range 4 {
		c.Src[i].Buf = fused
	}
	assert.NoError(t, tensor.CheckCall(c))
}

func TestAccumIsForRowsThatAllowIt(t *testing.T) {
	for _, f := range forms() {
		c := f.call()
		c.Accum = true
		if tensor.RowOf(f.op).Accum {
			assert.NoError(t, tensor.CheckCall(c), "%s", f.op)
			continue
		}
		refused(t, c, tensor.ErrUnsupported, "cannot accumulate")
	}
}

func TestUnknownOperations(t *testing.T) {
	for _, op := range []tensor.Op{tensor.OpNone, tensor.NumOps, 60000} {
		assert.ErrorIs(t, tensor.CheckCall(&tensor.Call{Op: op}), tensor.ErrUnsupported)
		assert.Panics(t, func() { tensor.RowOf(op) })
		assert.NotEmpty(t, op.String())
	}
	names := map[string]bool{}
	for _, op := range tensor.Ops() {
		assert.False(t, names[op.String()], "name %s", op)
		names[op.String()] = true
	}
	assert.Len(t, names, int(tensor.NumOps)-1)
}

// refusal is a change to a good call and the text that says what is wrong with it.
type refusal struct {
	op     tensor.Op
	change func(c *tensor.Call)
	kind   error
	text   string
}

// What only one operation can have wrong, with the text that says so.
func TestWhatIsRefused(t *testing.T) {
	byOp := map[tensor.Op]form{}
	for _, f := range forms() {
		byOp[f.op] = f
	}
	for _, c := range append([]refusal{
		{tensor.OpLinear, func(c *tensor.Call) { c.Src[1] = f32(3, 5) }, tensor.ErrShape, "x is F32[6 4], want F32[6 5]"},
		{tensor.OpLinear, func(c *tensor.Call) { c.Attr.TransW = true }, tensor.ErrShape, "x is F32[6 4], want F32[6 3]"},
		{tensor.OpLinear, func(c *tensor.Call) { c.Src[2] = f32(4) }, tensor.ErrShape, "bias is F32[4], want F32[3]"},
		{tensor.OpLinear, func(c *tensor.Call) { c.Src[3] = f32(5, 3) }, tensor.ErrShape, "residual is F32[5 3], want F32[6 3]"},
		{tensor.OpLinear, func(c *tensor.Call) { c.Src[1] = i32(3, 4) }, tensor.ErrDType, "weight is I32, want F32"},
		{tensor.OpMatMul, func(c *tensor.Call) { c.Src[1] = f32(2, 5, 3) }, tensor.ErrShape, "inner sizes 4 and 5 differ"},
		{tensor.OpMatMul, func(c *tensor.Call) { c.Src[1] = f32(3, 4, 3) }, tensor.ErrShape, "leading axes differ"},
		{tensor.OpMatMul, func(c *tensor.Call) { c.Attr.TransB = true }, tensor.ErrShape, "inner sizes 4 and 3 differ"},
		{tensor.OpMatMul, func(c *tensor.Call) { c.Src[0] = f32(4) }, tensor.ErrShape, "a is F32[4], want rank 2 to 4"},
		{tensor.OpMatMul, func(c *tensor.Call) { c.Dst[0] = f32(2, 3, 6) }, tensor.ErrShape, "y is F32[2 3 6], want F32[2 6 3]"},
		{tensor.OpEmbedding, func(c *tensor.Call) { c.Src[0] = f32(6) }, tensor.ErrDType, "ids is F32, want I32"},
		{tensor.OpRMSNorm, func(c *tensor.Call) { c.Src[2] = f32(4) }, tensor.ErrShape, "bias is not one of its operands"},
		{tensor.OpLayerNorm, func(c *tensor.Call) { c.Src[3] = tensor.Tensor{} }, tensor.ErrShape, "a sum is asked for without a residual"},
		{tensor.OpLayerNorm, func(c *tensor.Call) { c.Attr.Eps = -1 }, tensor.ErrShape, "eps is -1, want 0 or more"},
		{tensor.OpLayerNorm, func(c *tensor.Call) { c.Attr.Eps = float32(math.NaN()) }, tensor.ErrShape, "eps is NaN"},
		{tensor.OpRope, func(c *tensor.Call) { c.Attr.Rotary = 7 }, tensor.ErrShape, "rotary dims 7, want an even number up to head dim 8"},
		{tensor.OpRope, func(c *tensor.Call) { c.Attr.Rotary = 10 }, tensor.ErrShape, "rotary dims 10"},
		{tensor.OpRope, func(c *tensor.Call) { c.Attr.Theta = 0 }, tensor.ErrShape, "theta 0, want more than 0"},
		{tensor.OpAttention, func(c *tensor.Call) { c.Src[1], c.Src[2] = f32(6, 3, 8), f32(6, 3, 8) }, tensor.ErrShape, "query heads a multiple of kv heads"},
		{tensor.OpAttention, func(c *tensor.Call) { c.Src[1], c.Src[2] = f32(6, 2, 4), f32(6, 2, 4) }, tensor.ErrShape, "want one head dim"},
		{tensor.OpAttention, func(c *tensor.Call) { c.Src[2] = f32(6, 2, 9) }, tensor.ErrShape, "v is F32[6 2 9], want F32[6 2 8]"},
		{tensor.OpAttention, func(c *tensor.Call) {
			c.Src[0], c.Src[1], c.Src[2], c.Dst[0] = f32(6, 1, 257), f32(6, 1, 257), f32(6, 1, 257), f32(6, 1, 257)
		}, tensor.ErrUnsupported, "head dim 257, want 1 to 256"},
		{tensor.OpAttention, func(c *tensor.Call) { c.Attr.Rate = 1 }, tensor.ErrShape, "dropout rate 1, want 0 up to below 1"},
		{tensor.OpDropout, func(c *tensor.Call) { c.Attr.Rate = -0.1 }, tensor.ErrShape, "rate -0.1, want 0 up to below 1"},
		{tensor.OpDropout, func(c *tensor.Call) { c.Attr.Rate = float32(math.NaN()) }, tensor.ErrShape, "rate NaN"},
		{tensor.OpActivationBackward, func(c *tensor.Call) { c.Attr.Act = tensor.ActNone }, tensor.ErrUnsupported, "activation none"},
		{tensor.OpActivationBackward, func(c *tensor.Call) { c.Attr.Act = 200 }, tensor.ErrUnsupported, "activation Act(200)"},
		{tensor.OpLinear, func(c *tensor.Call) { c.Attr.Act = 200 }, tensor.ErrUnsupported, "activation Act(200)"},
		{tensor.OpGated, func(c *tensor.Call) { c.Attr.Act = 200 }, tensor.ErrUnsupported, "activation Act(200)"},
		{tensor.OpGatedBackward, func(c *tensor.Call) { c.Attr.Act = 200 }, tensor.ErrUnsupported, "activation Act(200)"},
		{tensor.OpPoolBackward, func(c *tensor.Call) { c.Attr.Mode = uint8(tensor.PoolMax) }, tensor.ErrUnsupported, "mode max"},
		{tensor.OpArgmax, func(c *tensor.Call) { c.Src[0] = f32(6, 0) }, tensor.ErrShape, "x is F32[6 0], want at least one column"},
		{tensor.OpMaxCols, func(c *tensor.Call) { c.Src[0] = f32(6, 0) }, tensor.ErrShape, "want at least one column"},
		{tensor.OpMaxCols, func(c *tensor.Call) { c.Dst[0] = f32(6) }, tensor.ErrShape, "y is F32[6], want F32[6 1]"},
		{tensor.OpConvRows, func(c *tensor.Call) { c.Src[1] = f32(5, 4, 2) }, tensor.ErrShape, "want [Cout,4,K] with an odd K"},
		{tensor.OpConvRows, func(c *tensor.Call) { c.Src[1] = f32(5, 3, 3) }, tensor.ErrShape, "want [Cout,4,K]"},
		{tensor.OpAdd, func(c *tensor.Call) { c.Src[1] = f32(6) }, tensor.ErrShape, "b is F32[6], want the shape of a F32[6 4]"},
		{tensor.OpScatterRows, func(c *tensor.Call) { c.Dst[0].Shape[0] = -1 }, tensor.ErrShape, "broken view"},
		{tensor.OpGatherRows, func(c *tensor.Call) { c.Src[1] = f32(5) }, tensor.ErrDType, "idx is F32, want I32"},
		{tensor.OpGatherRows, func(c *tensor.Call) { c.Src[0] = f32(6, 5) }, tensor.ErrShape, "want equal inner axes"},
		{tensor.OpConcat, func(c *tensor.Call) { c.Src[3] = f32(6, 1) }, tensor.ErrShape, "operand 3 after an absent one"},
		{tensor.OpConcat, func(c *tensor.Call) { c.Src[1] = f32(5, 2) }, tensor.ErrShape, "x1 is F32[5 2], want F32[6 2]"},
	}, refusalsOfLosses()...) {
		call := byOp[c.op].call()
		c.change(call)
		refused(t, call, c.kind, c.text)
	}
}

// Shapes without elements are shapes.
func TestEmptyShapesAreAccepted(t *testing.T) {
	c := tensor.Call{Op: tensor.OpLinear}
	c.Src[0], c.Src[1], c.Dst[0] = f32(0, 4), f32(3, 4), f32(0, 3)
	require.NoError(t, tensor.CheckCall(&c))
	c.Src[0], c.Src[1], c.Dst[0] = f32(5, 0), f32(3, 0), f32(5, 3)
	require.NoError(t, tensor.CheckCall(&c))
}
