package benchmark

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/tensor"
)

// Case is one piece of work.
type Case struct {
	Name  string
	FLOPs float64 // multiply and add count two; 0: none that matter
	Bytes float64 // operands and results, each moved once
	Tol   float64 // bound of |got-want|/max(1,|want|) against the reference
	// Prepare puts inputs on a backend and gives the work, which records one run
	// on a stream and gives what it computed.
	Prepare func(ctx context.Context, b tensor.Backend) (run func(s tensor.Stream) (tensor.Tensor, error), release func(), err error)
}

// resident is a long-lived tensor with seeded unit normal values.
func resident(ctx context.Context, b tensor.Backend, seed uint64, shape ...int) (tensor.Tensor, error) {
	sp := tensor.Of(tensor.F32, shape...)
	buf, err := b.Alloc(sp.Bytes())
	if err != nil {
		return tensor.Tensor{}, err
	}
	t := tensor.View(buf, sp)
	r := rand.New(rand.NewPCG(seed, 1))
	v := make([]float32, sp.Elems())
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	s, err := b.Begin()
	if err != nil {
		return t, err
	}
	defer s.Close()
	if err := s.Write(t, tensor.Bytes(v)); err != nil {
		return t, err
	}
	return t, s.Read(ctx, nil)
}

// opCase is an operation on resident operands of the given shapes.
func opCase(name string, flops float64, shapes [][]int, run func(s tensor.Stream, in []tensor.Tensor) (tensor.Tensor, error), out ...int) Case {
	bytes := 4.0
	for _, n := range out {
		bytes *= float64(n)
	}
	k := 1
	for _, sh := range shapes {
		n := 4.0
		for _, d := range sh {
			n *= float64(d)
		}
		bytes += n
		k = max(k, sh[len(sh)-1])
	}
	return Case{Name: name, FLOPs: flops, Bytes: bytes, Tol: 4e-6 * math.Sqrt(float64(k)), Prepare: func(ctx context.Context, b tensor.Backend) (func(tensor.Stream) (tensor.Tensor, error), func(), error) {
		var in []tensor.Tensor
		release := func() {
			for _, t := range in {
				b.Release(t.Buf)
			}
		}
		for i, sh := range shapes {
			t, err := resident(ctx, b, uint64(i), sh...)
			if err != nil {
				release()
				return nil, nil, err
			}
			in = append(in, t)
		}
		return func(s tensor.Stream) (tensor.Tensor, error) { return run(s, in) }, release, nil
	}}
}

// Ops are the operations of a BERT-base layer over rows tokens.
func Ops(rows int) []Case {
	const c, f, heads, dim = 768, 3072, 12, 64
	none := tensor.Tensor{}
	linear := func(n, k int, act tensor.Act) Case {
		name := fmt.Sprintf("linear %dx%dx%d", rows, n, k)
		if act != tensor.ActNone {
			name += " " + act.String()
		}
		return opCase(name, 2*float64(rows)*float64(n)*float64(k), [][]int{{rows, k}, {n, k}, {n}}, func(s tensor.Stream, in []tensor.Tensor) (tensor.Tensor, error) {
			return tensor.Linear(s, in[0], in[1], in[2], none, act, false)
		}, rows, n)
	}
	return []Case{
		linear(c, c, tensor.ActNone),
		linear(3*c, c, tensor.ActNone),
		linear(f, c, tensor.ActGelu),
		linear(c, f, tensor.ActNone),
		opCase(fmt.Sprintf("attention %dx%dx%d", rows, heads, dim), 4*float64(rows)*float64(rows)*heads*dim, [][]int{{rows, heads, dim}, {rows, heads, dim}, {rows, heads, dim}}, func(s tensor.Stream, in []tensor.Tensor) (tensor.Tensor, error) {
			l := tensor.NewLayout(rows)
			if err := l.Upload(s); err != nil {
				return none, err
			}
			return tensor.Attention(s, in[0], in[1], in[2], l, l, tensor.NoWindow)
		}, rows, heads, dim),
		opCase(fmt.Sprintf("layer_norm %dx%d", rows, c), 0, [][]int{{rows, c}, {c}, {c}, {rows, c}}, func(s tensor.Stream, in []tensor.Tensor) (tensor.Tensor, error) {
			return tensor.LayerNorm(s, in[0], in[1], in[2], in[3], 1e-12)
		}, rows, c),
		opCase(fmt.Sprintf("rms_norm %dx%d", rows, c), 0, [][]int{{rows, c}, {c}}, func(s tensor.Stream, in []tensor.Tensor) (tensor.Tensor, error) {
			return tensor.RMSNorm(s, in[0], in[1], none, 1e-6)
		}, rows, c),
		opCase(fmt.Sprintf("gelu %dx%d", rows, f), 0, [][]int{{rows, f}}, func(s tensor.Stream, in []tensor.Tensor) (tensor.Tensor, error) {
			return tensor.Activation(s, in[0], tensor.ActGelu)
		}, rows, f),
		opCase(fmt.Sprintf("softmax %dx%d", rows, rows), 0, [][]int{{rows, rows}}, func(s tensor.Stream, in []tensor.Tensor) (tensor.Tensor, error) {
			return tensor.Softmax(s, in[0])
		}, rows, rows),
		opCase(fmt.Sprintf("add %dx%d", rows, f), 0, [][]int{{rows, f}, {rows, f}}, func(s tensor.Stream, in []tensor.Tensor) (tensor.Tensor, error) {
			return tensor.Add(s, in[0], in[1])
		}, rows, f),
	}
}

// Model is a seeded encoder over batch sequences of seq tokens, ids as the peer
// scripts have them: (i*7919 + 1) mod V.
func Model(name string, m encoders.Model, batch, seq int) Case {
	c := m.Config()
	rows, h, f := float64(batch*seq), float64(c.HiddenSize), float64(c.IntermediateSize)
	perLayer := 2*rows*h*(4*h+2*f) + 4*rows*float64(seq)*h
	return Case{
		Name: fmt.Sprintf("%s %dx%d", name, batch, seq), FLOPs: perLayer * float64(c.NumHiddenLayers), Tol: 5e-5,
		Bytes: 4 * float64(c.NumHiddenLayers) * h * (4*h + 2*f),
		Prepare: func(ctx context.Context, b tensor.Backend) (func(tensor.Stream) (tensor.Tensor, error), func(), error) {
			enc, w, err := encoders.New(ctx, b, m, 1)
			if err != nil {
				return nil, nil, err
			}
			ids := make([][]int32, batch)
			for i := range ids {
				ids[i] = make([]int32, seq)
				for j := range ids[i] {
					ids[i][j] = int32(((i*seq+j)*7919 + 1) % c.VocabSize)
				}
			}
			return func(s tensor.Stream) (tensor.Tensor, error) {
				bt, err := encoders.PackBatch(ids, nil)
				if err != nil {
					return tensor.Tensor{}, err
				}
				out, err := enc.Forward(&tensor.Scope{Stream: s}, bt, encoders.Want{})
				return out.Hidden, err
			}, w.Release, nil
		},
	}
}

// Models are the forward passes of the card: MiniLM-L6 and BERT-base, batch 1 and
// 8, sequence 16 and 128.
func Models() []Case {
	var out []Case
	for _, m := range []struct {
		name string
		cfg  encoders.BERTConfig
	}{{"MiniLM-L6", encoders.MiniLML6}, {"BERT-base", encoders.BERTBase}} {
		for _, batch := range []int{1, 8} {
			for _, seq := range []int{16, 128} {
				out = append(out, Model(m.name, encoders.BERT(m.cfg), batch, seq))
			}
		}
	}
	return out
}
