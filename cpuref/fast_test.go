package cpuref

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/tensor"
)

// place makes a tensor of random values, dense or with an offset and a gap after
// each row.
func place(t testing.TB, s *stream, seed uint64, gaps bool, shape ...int) tensor.Tensor {
	sp := tensor.Of(tensor.F32, shape...)
	off, stride := 0, sp.Inner()
	if gaps {
		off, stride = 3, stride+5
	}
	rows := 1
	if len(shape) > 0 {
		rows = shape[0]
	}
	r := rand.New(rand.NewPCG(seed, 99))
	v := make([]float32, off+rows*stride)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	x, err := tensor.Upload(s, v, len(v))
	require.NoError(t, err)
	x.Off, x.Stride, x.Spec = int64(4*off), int32(stride), sp
	return x
}

func download(t testing.TB, s *stream, x tensor.Tensor) []float32 {
	v, err := tensor.Download(context.Background(), s, x)
	require.NoError(t, err)
	return v
}

// agree runs a call on a backend of plain implementations and on others, and
// holds each result to the row's tolerance. build makes the operands on a stream.
func agree(t *testing.T, name string, build func(s *stream) tensor.Call) {
	t.Helper()
	run := func(opt Options, path string) [][]float32 {
		t.Setenv("CEPHALO_CPU", path)
		b := newBackend(t, opt)
		s := begin(t, b)
		c := build(s)
		require.NoError(t, tensor.Exec(s, c), name)
		var out [][]float32
		for _, d := range c.Dst {
			if d.Present() {
				out = append(out, download(t, s, d))
			}
		}
		return out
	}
	s := begin(t, newBackend(t, Options{}))
	c := build(s)
	tol := tensor.RowOf(c.Op).Tol(&c)
	want := run(Options{Reference: true, Threads: 1}, "generic")
	for _, p := range cpuPaths() {
		if !p.usable {
			continue
		}
		var first [][]float32
		for _, threads := range []int{1, 3} {
			got := run(Options{Threads: threads}, p.name)
			for i := range want {
				for j, w := range want[i] {
					g := got[i][j]
					if e := math.Abs(float64(g) - float64(w)); g != w && !(e <= tol.Abs+tol.Rel*math.Abs(float64(w))) {
						t.Fatalf("%s on %s: result %d element %d: got %g, want %g", name, p.name, i, j, g, w)
					}
				}
			}
			if first == nil {
				first = got
			}
			require.Equal(t, first, got, "%s on %s: %d threads", name, p.name, threads)
		}
	}
}

func TestFastLinear(t *testing.T) {
	for _, k := range []int{0, 1, 33, 300} {
		for flags := range 8 {
			gaps, transW, act := flags&1 != 0, flags&2 != 0, tensor.Act(flags)
			agree(t, fmt.Sprint(k, flags), func(s *stream) tensor.Call {
				w := place(t, s, 2, gaps, 37, k)
				if transW {
					w = place(t, s, 2, gaps, k, 37)
				}
				c := tensor.Call{Op: tensor.OpLinear, Dst: [4]tensor.Tensor{place(t, s, 5, gaps, 19, 37)},
					Src: [8]tensor.Tensor{place(t, s, 1, gaps, 19, k), w}, Attr: tensor.Attr{Act: act, TransW: transW}}
				if flags&4 != 0 {
					c.Src[2], c.Src[3] = place(t, s, 3, gaps, 37), place(t, s, 4, gaps, 19, 37)
					c.Dst[1] = place(t, s, 6, gaps, 19, 37)
				}
				return c
			})
		}
	}
}

// A weight that is kept packed gives the bits of one that is packed on the way,
// is held once, and comes back for other readers and after a write.
func TestPackedWeights(t *testing.T) {
	ctx := context.Background()
	b := newBackend(t, Options{Threads: 2})
	s := begin(t, b)
	const r, n, k = 9, 40, 70
	x, bias, temp := place(t, s, 1, false, r, k), place(t, s, 2, false, n), place(t, s, 3, false, n, k)
	want, err := tensor.Linear(s, x, temp, bias, tensor.Tensor{}, tensor.ActGelu, false)
	require.NoError(t, err)
	values := download(t, s, temp)

	buf, err := b.Alloc(4 * n * k)
	require.NoError(t, err)
	w := tensor.View(buf, tensor.Of(tensor.F32, n, k))
	require.NoError(t, s.Write(w, tensor.Bytes(values)))
	held := b.Stats().Bytes
	for range 3 {
		got, err := tensor.Linear(s, x, w, bias, tensor.Tensor{}, tensor.ActGelu, false)
		require.NoError(t, err)
		require.Equal(t, download(t, s, want), download(t, s, got))
	}
	raw := buf.(*buffer)
	require.Nil(t, raw.data, "the unpacked form is dropped")
	require.Len(t, raw.packs, 1)
	require.Less(t, b.Stats().Bytes, held+4*n*k/2+8*4*r*n)
	require.Equal(t, values, download(t, s, w), "read back")
	require.Nil(t, raw.data)

	ids := mustUpload(t, s, []int32{3, 1}, 2)
	rows, err := tensor.Embedding(s, ids, w, tensor.Tensor{}, -1)
	require.NoError(t, err)
	require.Equal(t, values[3*k:4*k], download(t, s, rows)[:k])
	require.NotNil(t, raw.data, "another operation reads it: both forms are kept")

	part, err := w.Slice(5, 6)
	require.NoError(t, err)
	require.NoError(t, s.Write(part, tensor.Bytes(make([]float32, k))))
	require.True(t, raw.packs[0].stale)
	allocs := b.Stats().Allocs
	got, err := tensor.Linear(s, x, w, tensor.Tensor{}, tensor.Tensor{}, tensor.ActNone, false)
	require.NoError(t, err)
	require.Zero(t, download(t, s, got)[5])
	require.NotZero(t, download(t, s, got)[6])
	require.LessOrEqual(t, b.Stats().Allocs, allocs+1, "the result alone: the weight is packed again in its old memory")
	b.Release(buf)
	require.NoError(t, s.Read(ctx, nil))
	_, err = tensor.Linear(s, x, w, tensor.Tensor{}, tensor.Tensor{}, tensor.ActNone, false)
	require.ErrorIs(t, err, tensor.ErrClosed)
}

func TestFastMatMul(t *testing.T) {
	for _, lead := range [][]int{{}, {3}, {2, 3}} {
		for flags := range 16 {
			gaps, ta, tb, shared := flags&1 != 0, flags&2 != 0, flags&4 != 0, flags&8 != 0
			for _, k := range []int{0, 21} {
				agree(t, fmt.Sprint(lead, flags, k), func(s *stream) tensor.Call {
					shape := func(m, n int, swap bool) []int {
						if swap {
							m, n = n, m
						}
						return append(append([]int{}, lead...), m, n)
					}
					bs := shape(k, 13, tb)
					if shared {
						bs = bs[len(lead):]
					}
					return tensor.Call{Op: tensor.OpMatMul, Accum: flags%3 == 0,
						Dst:  [4]tensor.Tensor{place(t, s, 1, gaps, shape(17, 13, false)...)},
						Src:  [8]tensor.Tensor{place(t, s, 2, gaps, shape(17, k, ta)...), place(t, s, 3, gaps, bs...)},
						Attr: tensor.Attr{TransA: ta, TransB: tb}}
				})
			}
		}
	}
}

func TestFastRows(t *testing.T) {
	for _, op := range []tensor.Op{tensor.OpSoftmax, tensor.OpLogSoftmax, tensor.OpLayerNorm, tensor.OpRMSNorm, tensor.OpGated,
		tensor.OpGelu, tensor.OpGeluTanh, tensor.OpSilu, tensor.OpRelu, tensor.OpTanh, tensor.OpSigmoid, tensor.OpMish, tensor.OpAbs} {
		for _, cols := range []int{1, 15, 16, 1500} {
			for flags := range 4 {
				gaps, all := flags&1 != 0, flags&2 != 0
				if all && op != tensor.OpLayerNorm && op != tensor.OpRMSNorm {
					continue
				}
				agree(t, fmt.Sprint(op, cols, flags), func(s *stream) tensor.Call {
					x := place(t, s, 1, gaps, 3, 2, cols)
					c := tensor.Call{Op: op, Dst: [4]tensor.Tensor{place(t, s, 2, gaps, 3, 2, cols)}, Src: [8]tensor.Tensor{x}, Attr: tensor.Attr{Eps: 1e-6}}
					switch op {
					case tensor.OpGated:
						c.Src[1], c.Attr.Act = place(t, s, 3, gaps, 3, 2, cols), tensor.Act(cols%9)
					case tensor.OpLayerNorm, tensor.OpRMSNorm:
						if all {
							c.Src[1], c.Src[3] = place(t, s, 3, gaps, cols), place(t, s, 5, gaps, 3, 2, cols)
							c.Dst[1], c.Dst[2] = place(t, s, 6, gaps, 3, 2, cols), place(t, s, 7, gaps, 6, 2)
							if op == tensor.OpLayerNorm {
								c.Src[2] = place(t, s, 4, gaps, cols)
							}
						}
					}
					return c
				})
			}
		}
	}
}

func TestFastElementwise(t *testing.T) {
	for _, op := range []tensor.Op{tensor.OpAdd, tensor.OpMul, tensor.OpScale} {
		for flags := range 8 {
			gaps, accum := flags&1 != 0, flags&2 != 0 && op != tensor.OpAdd
			for _, shape := range [][]int{{3, 2, 100}, {100}, {3, 2, 1}, {1}} {
				agree(t, fmt.Sprint(op, flags, shape), func(s *stream) tensor.Call {
					c := tensor.Call{Op: op, Accum: accum, Dst: [4]tensor.Tensor{place(t, s, 1, gaps, 3, 2, 100)},
						Src: [8]tensor.Tensor{place(t, s, 2, gaps, 3, 2, 100)}, Attr: tensor.Attr{Scale: 1 + float32(flags/4)*0.7}}
					if op == tensor.OpScale {
						c.Attr.Fill = 0.3
					} else {
						c.Src[1] = place(t, s, 3, gaps, shape...)
					}
					return c
				})
			}
		}
	}
}

func TestFastActivationBackward(t *testing.T) {
	for act := tensor.ActNone; act < tensor.NumActs; act++ {
		for flags := range 4 {
			gaps, accum := flags&1 != 0, flags&2 != 0
			x := func(s *stream, seed uint64) tensor.Tensor { return place(t, s, seed, gaps, 3, 2, 700) }
			agree(t, fmt.Sprint(act, flags), func(s *stream) tensor.Call {
				return tensor.Call{Op: tensor.OpGatedBackward, Accum: accum, Attr: tensor.Attr{Act: act},
					Dst: [4]tensor.Tensor{x(s, 1), x(s, 2)}, Src: [8]tensor.Tensor{x(s, 3), x(s, 4), x(s, 5)}}
			})
			if act == tensor.ActNone {
				continue
			}
			agree(t, fmt.Sprint(act, flags), func(s *stream) tensor.Call {
				return tensor.Call{Op: tensor.OpActivationBackward, Accum: accum, Attr: tensor.Attr{Act: act},
					Dst: [4]tensor.Tensor{x(s, 1)}, Src: [8]tensor.Tensor{x(s, 3), x(s, 4)}}
			})
		}
	}
}

// gappy is a layout whose rows do not all belong to a sequence.
func gappy(gap int, lens ...int) *tensor.Layout {
	l := &tensor.Layout{}
	for _, n := range lens {
		for range gap {
			l.Pos = append(l.Pos, 0)
		}
		l.Start, l.Len = append(l.Start, int32(len(l.Pos))), append(l.Len, int32(n))
		for i := range n {
			l.Pos = append(l.Pos, int32(i+i/7)) // holes
		}
		l.Cols = max(l.Cols, int32(n+n/7))
	}
	return l
}

func TestFastRope(t *testing.T) {
	for flags := range 8 {
		for _, rotary := range []int{0, 6, 16} {
			agree(t, fmt.Sprint(flags, rotary), func(s *stream) tensor.Call {
				l := gappy(flags%3, 9, 0, 300)
				l.Pos[0] = ropeMost + 1
				require.NoError(t, l.Upload(s))
				return tensor.Call{Op: tensor.OpRope, Accum: flags&4 != 0, Rows: l, Dst: [4]tensor.Tensor{place(t, s, 1, flags&1 != 0, l.Rows(), 2, 16)},
					Src:  [8]tensor.Tensor{place(t, s, 2, flags&1 != 0, l.Rows(), 2, 16)},
					Attr: tensor.Attr{Theta: 10000, Rotary: int32(rotary), Interleaved: flags&1 != 0, Inverse: flags&2 != 0}}
			})
		}
	}
}

type attendCase struct {
	dim, h, kv, gap int
	q, k            []int
	attr            tensor.Attr
	shuffle         bool
}

func attendCases() []attendCase {
	none := tensor.Attr{Scale: 0.3, Left: -1, Right: -1}
	causal, window, left, drop := none, none, none, none
	causal.Causal = true
	window.Left, window.Right = 5, 9
	left.Left, left.Causal = 200, true
	drop.Rate, drop.Seed = 0.3, 77
	return []attendCase{
		{64, 4, 4, 0, []int{5, 128, 1, 37}, []int{5, 128, 1, 37}, none, false},
		{32, 2, 1, 2, []int{20, 0, 3, 5}, []int{20, 4, 0, 257}, none, false},
		{1, 1, 1, 0, []int{3}, []int{3}, none, false},
		{7, 2, 2, 1, []int{140, 16}, []int{300, 15}, causal, false},
		{256, 1, 1, 0, []int{17}, []int{600}, window, false},
		{20, 2, 2, 0, []int{700}, []int{700}, left, false},
		{16, 4, 2, 0, []int{129, 40}, []int{129, 40}, window, false},
		{16, 4, 2, 0, []int{33, 40}, []int{300, 40}, drop, false},
		{16, 1, 1, 0, []int{33, 40}, []int{30, 40}, causal, true},
		{20, 4, 2, 1, []int{1, 2, 3, 1}, []int{300, 2, 40, 0}, causal, false},
		{64, 2, 1, 1, []int{1, 3}, []int{300, 70}, window, false},
		{64, 2, 1, 1, []int{1, 3}, []int{300, 70}, drop, false},
	}
}

func (a attendCase) build(t testing.TB, s *stream, gaps bool) tensor.Call {
	rows, keys := gappy(a.gap, a.q...), gappy(a.gap, a.k...)
	if a.shuffle { // the keys of the first sequence stand in reverse
		for i := range a.k[0] {
			keys.Pos[i] = int32(a.k[0] - i)
		}
	}
	require.NoError(t, rows.Upload(s))
	require.NoError(t, keys.Upload(s))
	r, k := rows.Rows(), keys.Rows()
	return tensor.Call{Op: tensor.OpAttention, Rows: rows, Keys: keys, Attr: a.attr,
		Dst: [4]tensor.Tensor{place(t, s, 1, gaps, r, a.h, a.dim), place(t, s, 2, gaps, r, a.h)},
		Src: [8]tensor.Tensor{place(t, s, 3, gaps, r, a.h, a.dim), place(t, s, 4, gaps, k, a.kv, a.dim), place(t, s, 5, gaps, k, a.kv, a.dim)}}
}

func TestFastAttention(t *testing.T) {
	for i, a := range attendCases() {
		agree(t, fmt.Sprint(i), func(s *stream) tensor.Call { return a.build(t, s, i%2 == 1) })
	}
}

func TestFastAttentionBackward(t *testing.T) {
	for i, a := range attendCases() {
		for _, accum := range []bool{false, true} {
			agree(t, fmt.Sprint(i, accum), func(s *stream) tensor.Call {
				gaps := i%2 == 1
				c := a.build(t, s, gaps)
				require.NoError(t, attention(s, &c)) // the same out and lse for all
				r, k := c.Rows.Rows(), c.Keys.Rows()
				b := tensor.Call{Op: tensor.OpAttentionBackward, Rows: c.Rows, Keys: c.Keys, Attr: c.Attr, Accum: accum, Src: c.Src,
					Dst: [4]tensor.Tensor{place(t, s, 6, gaps, r, a.h, a.dim), place(t, s, 7, gaps, k, a.kv, a.dim), place(t, s, 8, gaps, k, a.kv, a.dim)}}
				b.Src[3], b.Src[4], b.Src[5] = c.Dst[0], place(t, s, 9, gaps, r, a.h, a.dim), c.Dst[1]
				return b
			})
		}
	}
}

// A sequence has the same bits alone as in a batch, wherever it lies in it.
func TestAttentionOfASequenceAloneHasTheSameBits(t *testing.T) {
	for _, p := range cpuPaths() {
		if !p.usable {
			continue
		}
		t.Setenv("CEPHALO_CPU", p.name)
		for _, a := range attendCases() {
			if a.attr.Rate > 0 { // its mask follows the place in the batch
				continue
			}
			s := begin(t, newBackend(t, Options{}))
			c := a.build(t, s, false)
			require.NoError(t, tensor.Exec(s, c))
			out, h := download(t, s, c.Dst[0]), a.h*a.dim
			for b := range a.q {
				q0, n := sequence(c.Rows, b)
				k0, m := sequence(c.Keys, b)
				one := c
				one.Rows = &tensor.Layout{Start: []int32{0}, Len: []int32{int32(n)}, Pos: c.Rows.Pos[q0 : q0+n], Cols: c.Rows.Cols}
				one.Keys = &tensor.Layout{Start: []int32{0}, Len: []int32{int32(m)}, Pos: c.Keys.Pos[k0 : k0+m], Cols: c.Keys.Cols}
				require.NoError(t, one.Rows.Upload(s))
				require.NoError(t, one.Keys.Upload(s))
				one.Dst = [4]tensor.Tensor{place(t, s, 9, true, n, a.h, a.dim)}
				for i, from := range []int{q0, k0, k0} {
					length := []int{n, m, m}[i]
					x, err := c.Src[i].Slice(from, from+length)
					require.NoError(t, err)
					one.Src[i] = x
				}
				require.NoError(t, tensor.Exec(s, one))
				require.Equal(t, out[q0*h:(q0+n)*h], download(t, s, one.Dst[0]), "%s: sequence %d", p.name, b)
			}
		}
	}
}
