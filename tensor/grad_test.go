package tensor_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/tensor"
)

// input is an operand of which the gradient is tested.
type input struct {
	shape []int
	data  []float32
}

func normal(seed uint64, shape ...int) input {
	r := rand.New(rand.NewPCG(seed, 1))
	in := input{shape, make([]float32, tensor.Of(tensor.F32, shape...).Elems())}
	for i := range in.data {
		in.data[i] = float32(r.NormFloat64())
	}
	return in
}

// apart are values of both signs, each at least 0.25 from zero and from every
// other: no finite difference crosses a kink of relu, |x| or a maximum.
func apart(seed uint64, shape ...int) input {
	in := normal(seed, shape...)
	for i, p := range rand.New(rand.NewPCG(seed, 2)).Perm(len(in.data)) {
		in.data[i] = 0.25*float32(p-len(in.data)/2) + 0.125
		if in.data[i] > 0 {
			in.data[i] += 0.125
		} else {
			in.data[i] -= 0.125
		}
	}
	return in
}

// positive are values from 2 on, where powers and logarithms bend little.
func positive(seed uint64, shape ...int) input {
	in := normal(seed, shape...)
	for i, v := range in.data {
		in.data[i] = 2 + float32(math.Abs(float64(v)))
	}
	return in
}

// forward records a function of inputs; its results have gradients by chance numbers.
type forward func(s tensor.Stream, in []tensor.Tensor) ([]tensor.Tensor, error)

// one is a function with one result.
func one(f func(s tensor.Stream, in []tensor.Tensor) (tensor.Tensor, error)) forward {
	return func(s tensor.Stream, in []tensor.Tensor) ([]tensor.Tensor, error) {
		y, err := f(s, in)
		return []tensor.Tensor{y}, err
	}
}

// onRows is a function that also takes a layout.
func onRows(lens []int, f func(s tensor.Stream, in []tensor.Tensor, l *tensor.Layout) (tensor.Tensor, error)) forward {
	return one(func(s tensor.Stream, in []tensor.Tensor) (tensor.Tensor, error) {
		l := tensor.NewLayout(lens...)
		if err := l.Upload(s); err != nil {
			return tensor.Tensor{}, err
		}
		return f(s, in, l)
	})
}

type gradCase struct {
	name string
	in   []input
	f    forward
}

// Every gradient rule agrees with finite differences of its own operation.
func TestGradients(t *testing.T) {
	b := cpuBackend(t)
	ran := map[tensor.Op]bool{}
	for _, c := range slices.Concat(gradCases(), gradCasesOfSequences(), gradCasesOfLosses()) {
		t.Run(c.name, func(t *testing.T) { checkGradient(t, b, c, ran) })
	}
	for _, op := range tensor.Ops() {
		if tensor.RowOf(op).Grad != nil {
			assert.True(t, ran[op], "the gradient rule of %s is not tested", op)
		}
	}
}

// noting is a stream that notes the operations that run.
type noting struct {
	tensor.Stream
	ran map[tensor.Op]bool
}

func (n noting) Run(c *tensor.Call) error {
	n.ran[c.Op] = true
	return n.Stream.Run(c)
}

func checkGradient(t *testing.T, b tensor.Backend, c gradCase, ran map[tensor.Op]bool) {
	tape := testutil.NewTape(testutil.Poison(stream(t, b)))
	in := upload(t, tape, c.in)
	for _, x := range in {
		tape.Watch(x.Buf)
	}
	ys, err := c.f(noting{tape, ran}, in)
	require.NoError(t, err)
	var seeds []testutil.Seed
	var weights [][]float32
	for i, y := range ys {
		w := normal(uint64(100+i), y.Dims()...)
		dy, err := tensor.Upload(tape, w.data, w.shape...)
		require.NoError(t, err)
		weights, seeds = append(weights, w.data), append(seeds, testutil.Seed{Y: y, DY: dy})
	}
	tensor.FreeAll(tape, append(ys, in...)...) // a rule may read what its row names, and no more
	require.NoError(t, tape.Backward(seeds...))
	loss := func() (float64, error) { return weighted(b, c, weights) }
	for i, x := range c.in {
		dx, ok := tape.Grad(in[i])
		require.True(t, ok, "no gradient of operand %d", i)
		got, err := tensor.Download(context.Background(), tape, dx)
		require.NoError(t, err)
		for e := range x.data {
			want, err := testutil.FiniteDifference(loss, x.data, e)
			require.NoError(t, err)
			if diff := math.Abs(float64(got[e]) - want); !(diff <= 5e-5*max(1, math.Abs(want))) {
				assert.Failf(t, "gradient", "operand %d element %d: got %v, finite difference %v", i, e, got[e], want)
			}
		}
	}
}

func upload(t testing.TB, s tensor.Stream, ins []input) []tensor.Tensor {
	t.Helper()
	out := make([]tensor.Tensor, len(ins))
	for i, in := range ins {
		x, err := tensor.Upload(s, in.data, in.shape...)
		require.NoError(t, err)
		out[i] = x
	}
	return out
}

// weighted is the sum over all results of weight times element, in float64.
func weighted(b tensor.Backend, c gradCase, weights [][]float32) (float64, error) {
	s, err := b.Begin()
	if err != nil {
		return 0, err
	}
	defer s.Close()
	in := make([]tensor.Tensor, len(c.in))
	for i, x := range c.in {
		if in[i], err = tensor.Upload(s, x.data, x.shape...); err != nil {
			return 0, err
		}
	}
	ys, err := c.f(s, in)
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for i, y := range ys {
		v, err := tensor.Download(context.Background(), s, y)
		if err != nil {
			return 0, err
		}
		for e := range v {
			sum += float64(v[e]) * float64(weights[i][e])
		}
	}
	return sum, nil
}

func gradCases() []gradCase {
	type S = tensor.Stream
	type T = []tensor.Tensor
	none := tensor.Tensor{}
	var cs []gradCase
	add := func(name string, f forward, in ...input) { cs = append(cs, gradCase{name, in, f}) }
	for a := tensor.ActNone; a < tensor.NumActs; a++ {
		f := one(func(s S, in T) (tensor.Tensor, error) { return tensor.Activation(s, in[0], a) })
		add("activation-"+a.String(), f, apart(1, 13))
		add("linear-"+a.String(), one(func(s S, in T) (tensor.Tensor, error) {
			return tensor.Linear(s, in[0], in[1], in[2], in[3], a, a%2 == 1)
		}), kinkless(a, 3, 4), kinkless(a, 4, 4), kinkless(a, 4), normal(5, 3, 4))
		add("gated-"+a.String(), one(func(s S, in T) (tensor.Tensor, error) { // the halves of one projection
			l, err := in[0].Columns(0, 5)
			if err != nil {
				return none, err
			}
			r, err := in[0].Columns(5, 10)
			if err != nil {
				return none, err
			}
			return tensor.Gated(s, l, r, a)
		}), apart(6, 2, 10))
	}
	for i := range 4 {
		ta, tb := i&1 == 1, i&2 == 2
		side := func(swap bool, r, c int) []int {
			if swap {
				return []int{2, c, r}
			}
			return []int{2, r, c}
		}
		add(fmt.Sprintf("matmul-%v-%v", ta, tb), one(func(s S, in T) (tensor.Tensor, error) { return tensor.MatMul(s, in[0], in[1], ta, tb) }),
			normal(1, side(ta, 3, 4)...), normal(2, side(tb, 4, 2)...))
		if !ta {
			add(fmt.Sprintf("matmul-one-b-%v", tb), one(func(s S, in T) (tensor.Tensor, error) { return tensor.MatMul(s, in[0], in[1], ta, tb) }),
				normal(1, 2, 3, 4), normal(2, side(tb, 4, 2)[1:]...))
		}
	}
	for name, shape := range map[string][]int{"same": {3, 4}, "row": {4}, "col": {3, 1}, "one": {}} {
		add("add-"+name, one(func(s S, in T) (tensor.Tensor, error) { return tensor.AddScaled(s, in[0], in[1], -1.5) }), normal(1, 3, 4), normal(2, shape...))
		add("mul-"+name, one(func(s S, in T) (tensor.Tensor, error) { return tensor.Mul(s, in[0], in[1]) }), normal(1, 3, 4), normal(2, shape...))
	}
	// A tensor that two operands share gets both gradients.
	add("add-itself", one(func(s S, in T) (tensor.Tensor, error) { return tensor.Add(s, in[0], in[0]) }), normal(1, 5))
	add("mul-itself", one(func(s S, in T) (tensor.Tensor, error) { return tensor.Mul(s, in[0], in[0]) }), normal(1, 5))
	add("scale", one(func(s S, in T) (tensor.Tensor, error) { return tensor.Scale(s, in[0], -0.3, 2) }), normal(1, 5))
	add("dropout", one(func(s S, in T) (tensor.Tensor, error) { return tensor.Dropout(s, in[0], 0.4, 77) }), normal(1, 30))
	for name, f := range map[string]func(tensor.Stream, tensor.Tensor) (tensor.Tensor, error){"log": tensor.Log, "sqrt": tensor.Sqrt, "reciprocal": tensor.Reciprocal} {
		add(name, one(func(s S, in T) (tensor.Tensor, error) { return f(s, in[0]) }), positive(1, 9))
	}
	add("max_cols", one(func(s S, in T) (tensor.Tensor, error) { return tensor.MaxCols(s, in[0]) }), apart(1, 2, 3, 5))
	add("softmax", one(func(s S, in T) (tensor.Tensor, error) { return tensor.Softmax(s, in[0]) }), normal(1, 3, 5))
	add("log_softmax", one(func(s S, in T) (tensor.Tensor, error) { return tensor.LogSoftmax(s, in[0]) }), normal(1, 3, 5))
	add("l2_normalize", one(func(s S, in T) (tensor.Tensor, error) { return tensor.L2Normalize(s, in[0], 1e-12) }), apart(1, 3, 5))
	add("sum_rows", one(func(s S, in T) (tensor.Tensor, error) { return tensor.SumRows(s, in[0]) }), normal(1, 3, 2, 4))
	add("sum_cols", one(func(s S, in T) (tensor.Tensor, error) { return tensor.SumCols(s, in[0]) }), normal(1, 3, 2, 4))
	add("concat", one(func(s S, in T) (tensor.Tensor, error) { return tensor.Concat(s, in[0], in[1], in[0]) }), normal(1, 3, 2), normal(2, 3, 4))
	add("embedding", one(func(s S, in T) (tensor.Tensor, error) {
		ids, err := tensor.Upload(s, []int32{3, 1, 3, 0}, 4)
		if err != nil {
			return none, err
		}
		return tensor.Embedding(s, ids, in[0], in[1], -1)
	}), normal(1, 5, 3), normal(2, 4, 3))
	for _, scatter := range []bool{false, true} {
		add(fmt.Sprintf("move-rows-scatter-%v", scatter), one(func(s S, in T) (tensor.Tensor, error) {
			v := []int32{2, 0, 2, -1, 9}
			if scatter {
				v = []int32{4, 0, -1, 2}
			}
			idx, err := tensor.Upload(s, v, len(v))
			if err != nil {
				return none, err
			}
			if scatter {
				return tensor.ScatterRows(s, in[0], idx, 6, 0.5)
			}
			return tensor.GatherRows(s, in[0], idx, 0.5)
		}), normal(1, 4, 2, 3))
	}
	return append(cs, gradCasesOfNorms()...)
}

// kinkless keeps relu and abs of a linear layer away from zero: positive operands.
func kinkless(a tensor.Act, shape ...int) input {
	in := normal(uint64(a)+50+uint64(len(shape)), shape...)
	if a == tensor.ActRelu || a == tensor.ActAbs {
		for i, v := range in.data {
			in.data[i] = float32(math.Abs(float64(v))) + 0.2
		}
	}
	return in
}

func gradCasesOfNorms() []gradCase {
	type S = tensor.Stream
	type T = []tensor.Tensor
	none := tensor.Tensor{}
	var cs []gradCase
	add := func(name string, f forward, in ...input) { cs = append(cs, gradCase{name, in, f}) }
	pair := func(y, h tensor.Tensor, err error) (T, error) { return T{y, h}, err }
	x, w, b, r := normal(1, 3, 6), normal(2, 6), normal(3, 6), normal(4, 3, 6)
	add("layer_norm", one(func(s S, in T) (tensor.Tensor, error) {
		return tensor.LayerNorm(s, in[0], in[1], in[2], none, 1e-5)
	}), x, w, b)
	add("layer_norm-residual", one(func(s S, in T) (tensor.Tensor, error) {
		return tensor.LayerNorm(s, in[0], in[1], in[2], in[3], 1e-5)
	}), x, w, b, r)
	add("layer_norm-plain", one(func(s S, in T) (tensor.Tensor, error) { return tensor.LayerNorm(s, in[0], none, none, none, 1e-5) }), x)
	add("layer_norm-add", func(s S, in T) (T, error) { return pair(tensor.LayerNormAdd(s, in[0], in[1], in[2], in[3], 1e-5)) }, x, w, b, r)
	add("rms_norm", one(func(s S, in T) (tensor.Tensor, error) { return tensor.RMSNorm(s, in[0], in[1], none, 1e-5) }), x, w)
	add("rms_norm-residual", one(func(s S, in T) (tensor.Tensor, error) { return tensor.RMSNorm(s, in[0], in[1], in[2], 1e-5) }), x, w, r)
	add("rms_norm-add", func(s S, in T) (T, error) { return pair(tensor.RMSNormAdd(s, in[0], in[1], in[2], 1e-5)) }, x, w, r)
	// Only the sum is used: the norm itself has no gradient.
	add("rms_norm-sum-alone", one(func(s S, in T) (tensor.Tensor, error) {
		_, h, err := tensor.RMSNormAdd(s, in[0], none, in[1], 1e-5)
		return h, err
	}), x, r)
	return cs
}

func gradCasesOfSequences() []gradCase {
	type S = tensor.Stream
	type T = []tensor.Tensor
	type L = *tensor.Layout
	var cs []gradCase
	add := func(name string, f forward, in ...input) { cs = append(cs, gradCase{name, in, f}) }
	for i, at := range []tensor.Attr{{}, {Inverse: true}, {Interleaved: true}, {Rotary: 2}} {
		if at.Rotary == 0 {
			at.Rotary = 4
		}
		add(fmt.Sprintf("rope%d", i), onRows([]int{3, 2}, func(s S, in T, l L) (tensor.Tensor, error) {
			return tensor.Rope(s, in[0], l, 100, int(at.Rotary), at.Interleaved)
		}), normal(1, 5, 2, 5))
	}
	for name, o := range map[string]tensor.AttentionOptions{
		"full": tensor.NoWindow, "causal": {Causal: true, Left: -1, Right: -1}, "window": {Left: 1, Right: 1},
		"dropout": {Left: -1, Right: -1, Rate: 0.3, Seed: 9}, "scale": {Left: -1, Right: -1, Scale: 0.7},
	} {
		add("attention-"+name, onRows([]int{3, 2}, func(s S, in T, l L) (tensor.Tensor, error) {
			return tensor.Attention(s, in[0], in[1], in[2], l, l, o)
		}), normal(1, 5, 4, 3), normal(2, 5, 2, 3), normal(3, 5, 2, 3))
	}
	// Views of one fused projection: the gradient comes back as views of one buffer.
	add("attention-fused", onRows([]int{3, 2}, func(s S, in T, l L) (tensor.Tensor, error) {
		var parts [3]tensor.Tensor
		for i := range parts {
			x, err := in[0].Columns(6*i, 6*i+6)
			if err != nil {
				return x, err
			}
			if parts[i], err = x.Reshape(5, 2, 3); err != nil {
				return x, err
			}
		}
		return tensor.Attention(s, parts[0], parts[1], parts[2], l, l, tensor.NoWindow)
	}), normal(1, 5, 18))
	add("conv_rows", onRows([]int{4, 0, 1}, func(s S, in T, l L) (tensor.Tensor, error) {
		return tensor.ConvRows(s, in[0], in[1], in[2], l)
	}), normal(1, 5, 2), normal(2, 3, 2, 3), normal(3, 3))
	for p := tensor.PoolCLS; p <= tensor.PoolMax; p++ {
		add("pool-"+p.String(), onRows([]int{3, 0, 2}, func(s S, in T, l L) (tensor.Tensor, error) {
			return tensor.Pool(s, in[0], l, p, tensor.Tensor{}, tensor.Tensor{})
		}), apart(1, 5, 3))
	}
	add("pool-attention", onRows([]int{3, 0, 2}, func(s S, in T, l L) (tensor.Tensor, error) {
		return tensor.Pool(s, in[0], l, tensor.PoolAttention, in[1], in[2])
	}), normal(1, 5, 3), normal(2, 1, 3), normal(3, 1))
	return cs
}
