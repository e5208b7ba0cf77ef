package tensor_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/cpuref"
	"github.com/cephalo-ml/cephalo/gpu"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/kernels"
	"github.com/cephalo-ml/cephalo/tensor"
)

// The proof that inference, training and sharing fit one contract: a block of
// attention over views of a fused projection and two linear layers with a fused
// GELU, trained on every backend with memory that is NaN before and after use.

const (
	trainHidden, trainInner, trainHeads = 8, 16, 2
	trainRate                           = 0.1 // dropout
)

var trainLens = []int{3, 5}

// params are the parameters of the block, by name, in the order of paramNames.
type params map[string]tensor.Tensor

var paramNames = []string{"norm1.weight", "norm1.bias", "qkv.weight", "qkv.bias", "out.weight", "out.bias", "norm2.weight", "up.weight", "up.bias", "down.weight"}

func trainValues() map[string]input {
	c, f := trainHidden, trainInner
	v := map[string]input{
		"norm1.weight": normal(11, c), "norm1.bias": normal(12, c), "qkv.weight": normal(13, 3*c, c), "qkv.bias": normal(14, 3*c),
		"out.weight": normal(15, c, c), "out.bias": normal(16, c), "norm2.weight": normal(17, c),
		"up.weight": normal(18, f, c), "up.bias": normal(19, f), "down.weight": normal(20, c, f), // GPT-2's layout: [in, out] is [f, c]
	}
	down := v["down.weight"]
	down.shape = []int{f, c}
	v["down.weight"] = down
	for name, in := range v {
		for i := range in.data {
			in.data[i] *= 0.3
			if name == "norm1.weight" || name == "norm2.weight" {
				in.data[i]++
			}
		}
	}
	return v
}

// block frees each temporary as soon as it has no further use of it.
func block(s *tensor.Scope, x tensor.Tensor, p params, l *tensor.Layout) (tensor.Tensor, error) {
	c := trainHidden
	n, err := tensor.LayerNorm(s, x, p["norm1.weight"], p["norm1.bias"], tensor.Tensor{}, 1e-5)
	if err != nil {
		return x, err
	}
	qkv, err := tensor.Linear(s, n, p["qkv.weight"], p["qkv.bias"], tensor.Tensor{}, tensor.ActNone, false)
	if err != nil {
		return x, err
	}
	tensor.FreeAll(s, n)
	var part [3]tensor.Tensor
	for i := range part {
		if part[i], err = qkv.Columns(i*c, (i+1)*c); err != nil {
			return x, err
		}
		if part[i], err = part[i].Reshape(x.Dim(0), trainHeads, c/trainHeads); err != nil {
			return x, err
		}
	}
	o := tensor.NoWindow
	if s.Train {
		o.Rate, o.Seed = trainRate, s.NextSeed()
	}
	att, err := tensor.Attention(s, part[0], part[1], part[2], l, l, o)
	if err != nil {
		return x, err
	}
	tensor.FreeAll(s, qkv)
	flat, err := att.Reshape(x.Dim(0), c)
	if err != nil {
		return x, err
	}
	y, err := tensor.Linear(s, flat, p["out.weight"], p["out.bias"], tensor.Tensor{}, tensor.ActNone, false)
	if err != nil {
		return x, err
	}
	tensor.FreeAll(s, att)
	if s.Train {
		d, err := tensor.Dropout(s, y, trainRate, s.NextSeed())
		if err != nil {
			return x, err
		}
		tensor.FreeAll(s, y)
		y = d
	}
	n, h, err := tensor.RMSNormAdd(s, y, p["norm2.weight"], x, 1e-5)
	if err != nil {
		return x, err
	}
	tensor.FreeAll(s, y)
	up, err := tensor.Linear(s, n, p["up.weight"], p["up.bias"], tensor.Tensor{}, tensor.ActGelu, false)
	if err != nil {
		return x, err
	}
	tensor.FreeAll(s, n)
	down, err := tensor.Linear(s, up, p["down.weight"], tensor.Tensor{}, h, tensor.ActNone, true)
	tensor.FreeAll(s, up, h)
	return down, err
}

// meanSquare is the mean of (y - target)^2 as a tensor of one element.
func meanSquare(s tensor.Stream, y, target tensor.Tensor) (tensor.Tensor, error) {
	d, err := tensor.AddScaled(s, y, target, -1)
	if err != nil {
		return d, err
	}
	sq, err := tensor.Mul(s, d, d)
	if err != nil {
		return d, err
	}
	rows, err := tensor.SumRows(s, sq)
	if err != nil {
		return d, err
	}
	sum, err := tensor.SumCols(s, rows)
	if err != nil {
		return d, err
	}
	loss, err := tensor.Scale(s, sum, 1/float32(y.Elems()), 0)
	tensor.FreeAll(s, d, sq, rows, sum)
	return loss, err
}

// trainStep is a forward pass through two blocks with the same parameters.
// segments says whether each runs inside Scope.Segment.
func trainStep(s *tensor.Scope, p params, segments bool) (tensor.Tensor, error) {
	rows := 0
	for _, n := range trainLens {
		rows += n
	}
	l := tensor.NewLayout(trainLens...)
	if err := l.Upload(s); err != nil {
		return tensor.Tensor{}, err
	}
	in, want := normal(1, rows, trainHidden), normal(2, rows, trainHidden)
	x, err := tensor.Upload(s, in.data, in.shape...)
	if err != nil {
		return x, err
	}
	target, err := tensor.Upload(s, want.data, want.shape...)
	if err != nil {
		return x, err
	}
	for range 2 {
		f := func(s *tensor.Scope, x tensor.Tensor) (tensor.Tensor, error) { return block(s, x, p, l) }
		var y tensor.Tensor
		if segments {
			y, err = s.Segment(x, f)
		} else {
			y, err = f(s, x)
		}
		if err != nil {
			return x, err
		}
		tensor.FreeAll(s, x)
		x = y
	}
	return meanSquare(s, x, target)
}

// trainer holds the parameters on one backend.
type trainer struct {
	b tensor.Backend
	p params
}

func newTrainer(t testing.TB, b tensor.Backend, values map[string]input) *trainer {
	t.Helper()
	tr := &trainer{b, params{}}
	s := stream(t, b)
	for name, in := range values {
		sp := tensor.Of(tensor.F32, in.shape...)
		buf, err := b.Alloc(sp.Bytes())
		require.NoError(t, err)
		t.Cleanup(func() { b.Release(buf) })
		tr.p[name] = tensor.View(buf, sp)
		require.NoError(t, s.Write(tr.p[name], tensor.Bytes(in.data)))
	}
	flush(t, s)
	return tr
}

// flush waits for what is recorded.
func flush(t testing.TB, s tensor.Stream) {
	t.Helper()
	one, err := tensor.Upload(s, []float32{1}, 1)
	require.NoError(t, err)
	_, err = tensor.Download(context.Background(), s, one)
	require.NoError(t, err)
}

// step gives the loss and every gradient; with a rate above 0 it then moves the parameters.
func (tr *trainer) step(t testing.TB, segments bool, rate float32) (loss float32, grads map[string][]float32, recorded int) {
	t.Helper()
	inner, err := tr.b.Begin()
	require.NoError(t, err)
	tape := testutil.NewTape(testutil.Poison(inner))
	defer tape.Close()
	for _, x := range tr.p {
		tape.Watch(x.Buf)
	}
	y, err := trainStep(&tensor.Scope{Stream: tape, Train: true, Seed: 7}, tr.p, segments)
	require.NoError(t, err)
	recorded = tape.Recorded()
	require.NoError(t, tape.Backward(testutil.Seed{Y: y}))
	read, raw := []tensor.Tensor{y}, [][]byte{make([]byte, 4)}
	for _, name := range paramNames {
		dx, ok := tape.Grad(tr.p[name])
		require.True(t, ok, "no gradient of %s", name)
		read, raw = append(read, dx), append(raw, make([]byte, dx.Bytes()))
		if rate > 0 {
			move := tensor.Call{Op: tensor.OpScale, Attr: tensor.Attr{Scale: -rate}, Accum: true}
			move.Dst[0], move.Src[0] = tr.p[name], dx
			require.NoError(t, tensor.Exec(inner, move))
		}
	}
	require.NoError(t, tape.Read(context.Background(), raw, read...))
	values := make([][]float32, len(raw))
	for i := range raw {
		values[i], err = tensor.Host{Spec: read[i].Spec, Data: raw[i]}.Float32()
		require.NoError(t, err)
	}
	grads = map[string][]float32{}
	for i, name := range paramNames {
		grads[name] = values[i+1]
	}
	assert.EqualValues(t, 1, inner.Stats().Submits, "a training step is one submit")
	return values[0][0], grads, recorded
}

// backends runs f on the plain CPU, the fast CPU and the GPU.
func backends(t *testing.T, f func(t *testing.T, b tensor.Backend)) {
	for name, opt := range map[string]cpuref.Options{"cpu-reference": {Reference: true}, "cpu": {}} {
		t.Run(name, func(t *testing.T) {
			b, err := cpuref.New(opt)
			require.NoError(t, err)
			defer b.Close()
			f(t, b)
		})
	}
	t.Run("webgpu", func(t *testing.T) {
		b, err := kernels.New(context.Background(), gpu.Options{AllowSoftware: true})
		if err != nil {
			testutil.NoDevice(t, err)
		}
		defer b.Close()
		f(t, b)
	})
}

func TestTraining(t *testing.T) {
	want := differences(t)
	backends(t, func(t *testing.T, b tensor.Backend) {
		tr := newTrainer(t, b, trainValues())
		loss, grads, plain := tr.step(t, false, 0)
		again, checkpointed, kept := tr.step(t, true, 0)
		assert.Equal(t, loss, again, "a checkpointed step has the same loss")
		assert.Less(t, kept, plain/2, "and keeps less")
		for _, name := range paramNames {
			largest := 0.0
			for _, g := range want[name] {
				largest = max(largest, math.Abs(g))
			}
			for i, g := range want[name] {
				if diff := math.Abs(float64(grads[name][i]) - g); !(diff <= 1e-4*largest) {
					assert.Failf(t, "gradient", "%s[%d]: got %v, finite difference %v", name, i, grads[name][i], g)
				}
			}
			assert.InDeltaSlice(t, grads[name], checkpointed[name], 1e-6*largest, "%s: checkpointed", name)
		}
		first := loss
		for range 40 {
			loss, _, _ = tr.step(t, true, 0.1)
			require.False(t, math.IsNaN(float64(loss)))
		}
		assert.Less(t, loss, first/2, "the loss falls")
	})
}

// differences are the gradients by finite differences on the plain CPU.
func differences(t *testing.T) map[string][]float64 {
	t.Helper()
	b := cpuBackend(t)
	values := trainValues()
	tr := newTrainer(t, b, values)
	out := map[string][]float64{}
	for _, name := range paramNames {
		x, p := values[name].data, tr.p[name]
		loss := func() (float64, error) {
			s, err := b.Begin()
			if err != nil {
				return 0, err
			}
			defer s.Close()
			if err := s.Write(p, tensor.Bytes(x)); err != nil {
				return 0, err
			}
			return lossOf(s, tr.p)
		}
		for i := range x {
			d, err := testutil.FiniteDifference(loss, x, i)
			require.NoError(t, err)
			out[name] = append(out[name], d)
		}
		s := stream(t, b)
		require.NoError(t, s.Write(p, tensor.Bytes(x)))
	}
	return out
}

// lossOf sums the squares in float64, so that the loss is as good as the results.
func lossOf(s tensor.Stream, p params) (float64, error) {
	y, err := trainStep(&tensor.Scope{Stream: s, Train: true, Seed: 7}, p, false)
	if err != nil {
		return 0, err
	}
	v, err := tensor.Download(context.Background(), s, y)
	if err != nil {
		return 0, err
	}
	return float64(v[0]), nil
}
