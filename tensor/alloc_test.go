package tensor_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/cpuref"
	"github.com/cephalo-ml/cephalo/tensor"
)

// idle is a stream that runs nothing.
type idle struct{ tensor.Stream }

func (idle) Run(*tensor.Call) error { return nil }

// closures is what the CPU may put on the heap for one operation: the loops that
// its threads share. No operand, no list, no result.
const closures = 2

// The contract takes no heap for an operation, and the CPU next to none.
func TestRunAllocatesNothing(t *testing.T) {
	b, err := cpuref.New(cpuref.Options{Threads: 1})
	require.NoError(t, err)
	defer b.Close()
	s := stream(t, b)
	up := func(in input) tensor.Tensor { return upload(t, s, []input{in})[0] }
	l := tensor.NewLayout(10, 6)
	require.NoError(t, l.Upload(s))
	buf, err := b.Alloc(4 * 64 * 64)
	require.NoError(t, err)
	defer b.Release(buf)
	weight := tensor.View(buf, tensor.Of(tensor.F32, 64, 64)) // packed at the first run
	x, y, v := up(normal(1, 16, 64)), up(normal(2, 16, 64)), up(normal(3, 64))
	q, o := up(normal(4, 16, 4, 16)), up(normal(5, 16, 4, 16))
	var nothing tensor.Stream = idle{s}
	for name, c := range map[string]tensor.Call{
		"linear":     {Op: tensor.OpLinear, Src: [8]tensor.Tensor{x, weight, v}, Dst: [4]tensor.Tensor{y}, Attr: tensor.Attr{Act: tensor.ActGelu}},
		"add":        {Op: tensor.OpAdd, Src: [8]tensor.Tensor{x, v}, Dst: [4]tensor.Tensor{y}, Attr: tensor.Attr{Scale: 1}},
		"gelu":       {Op: tensor.OpGelu, Src: [8]tensor.Tensor{x}, Dst: [4]tensor.Tensor{y}},
		"softmax":    {Op: tensor.OpSoftmax, Src: [8]tensor.Tensor{x}, Dst: [4]tensor.Tensor{y}},
		"layer_norm": {Op: tensor.OpLayerNorm, Src: [8]tensor.Tensor{x, v, v}, Dst: [4]tensor.Tensor{y}, Attr: tensor.Attr{Eps: 1e-5}},
		"rms_norm":   {Op: tensor.OpRMSNorm, Src: [8]tensor.Tensor{x, v}, Dst: [4]tensor.Tensor{y}, Attr: tensor.Attr{Eps: 1e-5}},
		"rope":       {Op: tensor.OpRope, Src: [8]tensor.Tensor{q}, Dst: [4]tensor.Tensor{o}, Rows: l, Attr: tensor.Attr{Theta: 1e4, Rotary: 16}},
		"attention":  {Op: tensor.OpAttention, Src: [8]tensor.Tensor{q, q, q}, Dst: [4]tensor.Tensor{o}, Rows: l, Keys: l, Attr: tensor.Attr{Left: -1, Right: -1, Scale: 0.25}},
	} {
		run := func() { require.NoError(t, tensor.Exec(s, c)) }
		run()
		assert.LessOrEqual(t, testing.AllocsPerRun(20, run), float64(closures), "%s on the CPU", name)
		assert.Zero(t, testing.AllocsPerRun(20, func() { _ = tensor.Exec(nothing, c) }), "%s: check and hand over", name)
	}
}
