package cpuref

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/tensor"
)

// benchCall times one call, its results kept between runs, and reports the
// fastest run beside the mean: other work on the machine only adds.
func benchCall(b *testing.B, threads int, build func(s *stream) tensor.Call) {
	be, err := New(Options{Threads: threads})
	require.NoError(b, err)
	defer be.Close()
	st, err := be.Begin()
	require.NoError(b, err)
	s := st.(*stream)
	c := build(s)
	require.NoError(b, tensor.Exec(s, c))
	best := time.Duration(1 << 62)
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if err := s.Run(&c); err != nil {
			b.Fatal(err)
		}
		best = min(best, time.Since(start))
	}
	b.ReportMetric(float64(best.Microseconds()), "us/best")
}

func BenchmarkAttention(b *testing.B) {
	for _, z := range []struct{ batch, length, heads, dim int }{
		{1, 16, 12, 32}, {1, 128, 12, 32}, {8, 128, 12, 32}, {1, 16, 12, 64}, {1, 128, 12, 64}, {8, 128, 12, 64}, {1, 512, 12, 64}, {1, 4096, 12, 64},
	} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%dx%d/heads%d/dim%d/threads%d", z.batch, z.length, z.heads, z.dim, threads), func(b *testing.B) {
				benchCall(b, threads, func(s *stream) tensor.Call {
					lens := make([]int, z.batch)
					for i := range lens {
						lens[i] = z.length
					}
					l, r := tensor.NewLayout(lens...), z.batch*z.length
					require.NoError(b, l.Upload(s))
					qkv := place(b, s, 1, false, r, 3*z.heads*z.dim)
					c := tensor.Call{Op: tensor.OpAttention, Rows: l, Keys: l, Dst: [4]tensor.Tensor{place(b, s, 2, false, r, z.heads, z.dim)},
						Attr: tensor.Attr{Scale: 0.125, Left: -1, Right: -1}}
					for i := range 3 {
						part, err := qkv.Columns(i*z.heads*z.dim, (i+1)*z.heads*z.dim)
						require.NoError(b, err)
						c.Src[i], err = part.Reshape(r, z.heads, z.dim)
						require.NoError(b, err)
					}
					return c
				})
			})
		}
	}
}

// BenchmarkEncoder is a forward pass of the size of MiniLM-L6 and BERT-base. All
// layers share weights, which flatters the larger one.
func BenchmarkEncoder(b *testing.B) {
	for _, z := range []struct {
		name                 string
		layers, width, heads int
	}{{"minilm", 6, 384, 12}, {"base", 12, 768, 12}} {
		for _, threads := range []int{1, 2} {
			be, err := New(Options{Threads: threads})
			require.NoError(b, err)
			w := newBlock(b, be, z.layers, z.width, z.heads)
			for _, lens := range [][]int{{16}, {128}, {128, 128, 128, 128, 128, 128, 128, 128}} {
				b.Run(fmt.Sprintf("%s/%dx%d/threads%d", z.name, len(lens), lens[0], threads), func(b *testing.B) {
					best := time.Duration(1 << 62)
					b.ReportAllocs()
					for b.Loop() {
						start := time.Now()
						if _, _, err := w.forward(be, lens); err != nil {
							b.Fatal(err)
						}
						best = min(best, time.Since(start))
					}
					b.ReportMetric(float64(best.Microseconds()), "us/best")
				})
			}
			require.NoError(b, be.Close())
		}
	}
}

func BenchmarkRows(b *testing.B) {
	for _, op := range []tensor.Op{tensor.OpLayerNorm, tensor.OpRMSNorm, tensor.OpGelu, tensor.OpSoftmax, tensor.OpGated, tensor.OpAdd, tensor.OpRope} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/1024x768/threads%d", op, threads), func(b *testing.B) {
				benchCall(b, threads, func(s *stream) tensor.Call {
					x := func(seed uint64) tensor.Tensor { return place(b, s, seed, false, 1024, 768) }
					c := tensor.Call{Op: op, Dst: [4]tensor.Tensor{x(1)}, Src: [8]tensor.Tensor{x(2)}, Attr: tensor.Attr{Eps: 1e-5, Scale: 1, Act: tensor.ActGelu}}
					switch op {
					case tensor.OpLayerNorm:
						c.Src[1], c.Src[2], c.Src[3] = place(b, s, 3, false, 768), place(b, s, 4, false, 768), x(5)
					case tensor.OpRMSNorm:
						c.Src[1] = place(b, s, 3, false, 768)
					case tensor.OpGated, tensor.OpAdd:
						c.Src[1] = x(3)
					case tensor.OpRope:
						var err error
						c.Rows, c.Attr.Theta, c.Attr.Rotary = tensor.NewLayout(512, 512), 10000, 64
						c.Src[0], err = c.Src[0].Reshape(1024, 12, 64)
						require.NoError(b, err)
						c.Dst[0], err = c.Dst[0].Reshape(1024, 12, 64)
						require.NoError(b, err)
						require.NoError(b, c.Rows.Upload(s))
					}
					return c
				})
			})
		}
	}
}

func BenchmarkLinear(b *testing.B) {
	for _, z := range [][3]int{{16, 384, 384}, {128, 384, 1536}, {128, 768, 768}, {1024, 768, 3072}} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%dx%dx%d/threads%d", z[0], z[1], z[2], threads), func(b *testing.B) {
				benchCall(b, threads, func(s *stream) tensor.Call {
					buf, err := s.b.Alloc(int64(4 * z[1] * z[2]))
					require.NoError(b, err)
					w := tensor.View(buf, tensor.Of(tensor.F32, z[2], z[1]))
					return tensor.Call{Op: tensor.OpLinear, Dst: [4]tensor.Tensor{place(b, s, 1, false, z[0], z[2])},
						Src:  [8]tensor.Tensor{place(b, s, 2, false, z[0], z[1]), w, place(b, s, 3, false, z[2])},
						Attr: tensor.Attr{Act: tensor.ActGelu}}
				})
			})
		}
	}
}

func BenchmarkBackward(b *testing.B) {
	for _, op := range []tensor.Op{tensor.OpAttentionBackward, tensor.OpActivationBackward, tensor.OpLayerNormBackward, tensor.OpNormWeightBackward,
		tensor.OpSumRows, tensor.OpDropout, tensor.OpEmbeddingBackward, tensor.OpSoftmaxBackward} {
		b.Run(op.String(), func(b *testing.B) {
			benchCall(b, 1, func(s *stream) tensor.Call {
				x := func(seed uint64) tensor.Tensor { return place(b, s, seed, false, 1024, 768) }
				c := tensor.Call{Op: op, Dst: [4]tensor.Tensor{x(1)}, Src: [8]tensor.Tensor{x(2), x(3)},
					Attr: tensor.Attr{Act: tensor.ActGelu, Eps: 1e-5, Rate: 0.1, Index: -1}}
				switch op {
				case tensor.OpLayerNormBackward:
					c.Src[2], c.Src[3] = place(b, s, 4, false, 768), place(b, s, 5, false, 1024, 2)
				case tensor.OpNormWeightBackward:
					c.Src[2] = place(b, s, 4, false, 1024, 2)
					c.Dst = [4]tensor.Tensor{place(b, s, 5, false, 768), place(b, s, 6, false, 768)}
				case tensor.OpSumRows:
					c.Src[1], c.Dst[0] = tensor.Tensor{}, place(b, s, 5, false, 768)
				case tensor.OpDropout:
					c.Src[1] = tensor.Tensor{}
				case tensor.OpEmbeddingBackward:
					ids := make([]int32, 1024)
					for i := range ids {
						ids[i] = int32(i * 7 % 500)
					}
					var err error
					c.Src[0], err = tensor.Upload(s, ids, 1024)
					require.NoError(b, err)
					c.Dst[0] = place(b, s, 5, false, 2000, 768)
				case tensor.OpAttentionBackward:
					l := tensor.NewLayout(128, 128, 128, 128, 128, 128, 128, 128)
					require.NoError(b, l.Upload(s))
					c.Rows, c.Keys, c.Attr = l, l, tensor.Attr{Scale: 0.125, Left: -1, Right: -1}
					for i := range 6 {
						c.Src[i] = place(b, s, uint64(i), false, 1024, 12, 64)
					}
					c.Src[5] = place(b, s, 9, false, 1024, 12)
					for i := range 3 {
						c.Dst[i] = place(b, s, uint64(10+i), false, 1024, 12, 64)
					}
				}
				return c
			})
		})
	}
}
