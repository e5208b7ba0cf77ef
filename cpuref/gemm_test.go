package cpuref

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// gemmEach runs a test for every path that this processor runs and several numbers of threads.
func gemmEach(t *testing.T, fn func(t *testing.T, p *cpuPool)) {
	for _, path := range cpuPaths() {
		if !path.usable {
			continue
		}
		for _, threads := range []int{1, 2, 3} {
			t.Run(fmt.Sprintf("%s/%d", path.name, threads), func(t *testing.T) {
				p := newCPUPool(threads, &path)
				defer p.close()
				fn(t, p)
			})
		}
	}
}

func gemmNormal(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 7))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// gemmWant is the plain product in float64: a is [m,k], b is [k,n] or with trans [n,k].
func gemmWant(m, n, k int, a []float32, lda int, b []float32, ldb int, trans bool) []float64 {
	if trans {
		turned := make([]float32, k*n)
		for i := range turned {
			turned[i] = b[i%n*ldb+i/n]
		}
		b, ldb = turned, n
	}
	c := make([]float64, m*n)
	for r := range m {
		row := c[r*n:][:n]
		for i, x := range a[r*lda:][:k] {
			for j := range row {
				y := b[i*ldb+j]
				row[j] += float64(x) * float64(y)
			}
		}
	}
	return c
}

// gemmClose holds got [m,n], rows ldc apart, to want with the contract's bound for a sum of k products of
// unit normal operands.
func gemmClose(t *testing.T, m, n, k int, got []float32, ldc int, want []float64) {
	t.Helper()
	abs, worst, at := 1e-6*math.Sqrt(float64(max(k, 1))), 0.0, 0
	for r := range m {
		for j := range n {
			e := math.Abs(float64(got[r*ldc+j])-want[r*n+j]) / (abs + 2e-6*math.Abs(want[r*n+j]))
			if !(e <= worst) {
				worst, at = e, r*n+j
			}
		}
	}
	if !(worst <= 1) {
		t.Fatalf("m %d n %d k %d: row %d column %d got %g, want %g, %.2f of the tolerance",
			m, n, k, at/n, at%n, got[at/n*ldc+at%n], want[at], worst)
	}
}

const gemmGuard = -12345

// gemmRun multiplies with rows of C ldc apart in guarded memory and checks the guards and the inputs.
func gemmRun(t *testing.T, p *cpuPool, m, n, k, lda, ldb, ldc int, trans bool) {
	t.Helper()
	brows, bcols := k, n
	if trans {
		brows, bcols = n, k
	}
	a, b := gemmNormal(1, m*lda), gemmNormal(2, brows*ldb)
	a0, b0 := slices.Clone(a), slices.Clone(b)
	c := make([]float32, m*ldc+64)
	for i := range c {
		c[i] = gemmGuard
	}
	packed := gemmPack(p, b[:max(0, (brows-1)*ldb+bcols)], k, n, ldb, trans)
	gemm(p, m, a[:max(0, (m-1)*lda+k)], lda, packed, c[:max(0, (m-1)*ldc+n)], ldc, nil)
	gemmClose(t, m, n, k, c, ldc, gemmWant(m, n, k, a, lda, b, ldb, trans))
	for i, v := range c {
		if (i >= m*ldc || i%ldc >= n) && v != gemmGuard {
			t.Fatalf("m %d n %d k %d: element %d after row %d was written", m, n, k, i, i/ldc)
		}
	}
	require.Equal(t, a0, a)
	require.Equal(t, b0, b)

	back := make([]float32, brows*bcols)
	packed.unpack(back, bcols, trans)
	for r := range min(brows, brows*bcols) {
		require.Equal(t, b[r*ldb:r*ldb+bcols], back[r*bcols:(r+1)*bcols])
	}
}

func TestGemmShapes(t *testing.T) {
	gemmEach(t, func(t *testing.T, p *cpuPool) {
		for s := 1; s <= 70; s++ {
			gemmRun(t, p, s, s, s, s, s, s, s%2 == 0)
			gemmRun(t, p, s, 71-s, 2*s-1, 2*s, max(71-s, 2*s), 72-s, s%3 == 0)
		}
		for _, k := range []int{0, 1, 2, 127, 128, 129, 255, 256, 257, 3072} {
			gemmRun(t, p, 7, 33, k, k+3, max(k, 33), 35, k%2 == 0)
		}
		gemmRun(t, p, 0, 5, 5, 5, 5, 5, false)
		gemmRun(t, p, 5, 0, 5, 5, 5, 5, false)
		gemmRun(t, p, 130, 200, 64, 64, 200, 200, false)
		gemmRun(t, p, 1, 1000, 300, 300, 300, 1000, true)
	})
}

// An element's bits depend neither on the rows beside it, nor on threads, nor on where its row lies.
func TestGemmSameBits(t *testing.T) {
	for _, path := range cpuPaths() {
		if !path.usable {
			continue
		}
		t.Run(path.name, func(t *testing.T) {
			const m, n, k = 37, 83, 300
			a, b := gemmNormal(3, m*k), gemmNormal(4, n*k)
			one := newCPUPool(1, &path)
			want := make([]float32, m*n)
			gemm(one, m, a, k, gemmPack(one, b, k, n, k, true), want, n, nil)
			for _, threads := range []int{1, 2, 3} {
				p := newCPUPool(threads, &path)
				defer p.close()
				packed := gemmPack(p, b, k, n, k, true)
				for rows := 1; rows <= m; rows++ {
					got, shifted := make([]float32, rows*n), make([]float32, rows*n+1)
					gemm(p, rows, a[(m-rows)*k:], k, packed, got, n, nil)
					require.Equal(t, want[(m-rows)*n:], got, "last %d rows, %d threads", rows, threads)
					gemm(p, rows, append([]float32{0}, a...)[1:], k, packed, shifted[1:], n, nil)
					require.Equal(t, want[:rows*n], shifted[1:], "first %d rows, %d threads", rows, threads)
				}
				for col := 1; col < n; col += 9 { // a column elsewhere in a narrower B
					got := make([]float32, m*(n-col))
					gemm(p, m, a, k, gemmPack(p, b[col*k:], k, n-col, k, true), got, n-col, nil)
					for r := range m {
						require.Equal(t, want[r*n+col:(r+1)*n], got[r*(n-col):(r+1)*(n-col)])
					}
				}
			}
		})
	}
}

// The paths with fused multiply-adds agree bit for bit: a model gives the same results on each of them.
func TestGemmPathsAgree(t *testing.T) {
	const m, n, k = 29, 70, 777
	a, b := gemmNormal(5, m*k), gemmNormal(6, n*k)
	var want []float32
	for _, path := range cpuPaths() {
		if !path.usable || path.name == "generic" {
			continue
		}
		p, got := newCPUPool(1, &path), make([]float32, m*n)
		gemm(p, m, a, k, gemmPack(p, b, k, n, k, true), got, n, nil)
		if want == nil {
			want = got
		}
		require.Equal(t, want, got, path.name)
	}
}

func TestGemmEpilogue(t *testing.T) {
	gemmEach(t, func(t *testing.T, p *cpuPool) {
		const m, n, k, ld = 41, 75, 33, 80
		a, b := gemmNormal(7, m*k), gemmNormal(8, k*n)
		bias, residual, c := gemmNormal(9, n), gemmNormal(10, m*ld), gemmNormal(11, m*ld)
		pre := make([]float32, m*ld)
		want, wantPre := gemmWant(m, n, k, a, k, b, n, false), make([]float64, m*n)
		for r := range m {
			for j := range n {
				wantPre[r*n+j] = want[r*n+j] + float64(c[r*ld+j]) + float64(bias[j])
				want[r*n+j] = max(0, wantPre[r*n+j]) + float64(residual[r*ld+j])
			}
		}
		relu := func(row []float32) {
			for i, v := range row {
				row[i] = max(0, v)
			}
		}
		gemm(p, m, a, k, gemmPack(p, b, k, n, n, false), c, ld, &gemmEpilogue{
			accum: true, bias: bias, pre: pre, ldp: ld, act: relu, residual: residual, ldr: ld,
		})
		gemmClose(t, m, n, k, c, ld, want)
		gemmClose(t, m, n, k, pre, ld, wantPre)
	})
}

func TestGemmBatch(t *testing.T) {
	gemmEach(t, func(t *testing.T, p *cpuPool) {
		for _, s := range []struct{ batch, m, n, k int }{
			{1, 5, 7, 9}, {13, 17, 33, 20}, {2, 66, 70, 60}, {3, 65, 3, 0}, {1, 1, 1, 1}, {0, 1, 1, 1}, {9, 40, 33, 64},
		} {
			for flags := range 8 {
				a := gemmOperand{ld: s.k + 2, trans: flags&1 != 0}
				b := gemmOperand{ld: s.n + 1, trans: flags&2 != 0}
				accum := flags&4 != 0
				arows, brows := s.m, s.k
				if a.trans {
					a.ld, arows = s.m+2, s.k
				}
				if b.trans {
					b.ld, brows = s.k+1, s.n
				}
				a.step, b.step = arows*a.ld+5, brows*b.ld+3
				a.data, b.data = gemmNormal(12, s.batch*a.step), gemmNormal(13, s.batch*b.step)
				ldc := s.n + 4
				c := gemmNormal(14, s.batch*s.m*ldc)
				start := slices.Clone(c)
				gemmBatch(p, s.batch, s.m, s.n, s.k, a, b, c, ldc, s.m*ldc, accum)
				for i := range s.batch {
					left := make([]float32, s.m*s.k)
					for r := range s.m {
						for j := range s.k {
							if a.trans {
								left[r*s.k+j] = a.data[i*a.step+j*a.ld+r]
							} else {
								left[r*s.k+j] = a.data[i*a.step+r*a.ld+j]
							}
						}
					}
					want := gemmWant(s.m, s.n, s.k, left, s.k, b.data[i*b.step:], b.ld, b.trans)
					off := i * s.m * ldc
					for r := range s.m {
						for j := range ldc {
							switch {
							case j >= s.n:
								require.Equal(t, start[off+r*ldc+j], c[off+r*ldc+j], "guard")
							case accum:
								want[r*s.n+j] += float64(start[off+r*ldc+j])
							}
						}
					}
					gemmClose(t, s.m, s.n, s.k, c[off:], ldc, want)
				}
			}
		}
	})
}

// Entries of a batch, however they are spread over threads, have the bits of gemm.
func TestGemmBatchSameBits(t *testing.T) {
	gemmEach(t, func(t *testing.T, p *cpuPool) {
		const m, n, k = 45, 50, 200
		a, b := gemmNormal(15, m*k), gemmNormal(16, n*k)
		want := make([]float32, m*n)
		gemm(p, m, a, k, gemmPack(p, b, k, n, k, true), want, n, nil)
		for _, batch := range []int{1, 2, 40} {
			got := make([]float32, batch*m*n)
			gemmBatch(p, batch, m, n, k, gemmOperand{data: a, ld: k}, gemmOperand{data: b, ld: k, trans: true}, got, n, m*n, false)
			for i := range batch {
				require.Equal(t, want, got[i*m*n:(i+1)*m*n])
			}
		}
	})
}

func TestGemmSteadyStateAllocatesNothing(t *testing.T) {
	gemmEach(t, func(t *testing.T, p *cpuPool) {
		const m, n, k = 65, 70, 80
		a, b, c := gemmNormal(17, m*k), gemmNormal(18, n*k), make([]float32, m*n)
		c2 := make([]float32, 2*m*n)
		packed := gemmPack(p, b, k, n, n, false)
		bias := make([]float32, n)
		got := testing.AllocsPerRun(50, func() {
			gemm(p, m, a, k, packed, c, n, &gemmEpilogue{bias: bias})
			gemmBatch(p, 2, m, n, k, gemmOperand{data: a, ld: k}, gemmOperand{data: b, ld: n}, c2, n, m*n, false)
		})
		require.Zero(t, got)
	})
}

func TestGemmTranspose(t *testing.T) {
	for _, path := range cpuPaths() {
		for rows := range 40 {
			for cols := range 40 {
				if !path.usable {
					continue
				}
				ldd, lds := rows+cols%3, cols+rows%3
				src, dst := gemmNormal(21, rows*lds), make([]float32, cols*ldd+1)
				for i := range dst {
					dst[i] = gemmGuard
				}
				gemmTranspose(&path, dst[:max(0, (cols-1)*ldd+rows)], ldd, src[:max(0, (rows-1)*lds+cols)], lds, rows, cols)
				for i, v := range dst {
					want := float32(gemmGuard)
					if i < cols*ldd && i%ldd < rows {
						want = src[i%ldd*lds+i/ldd]
					}
					if v != want {
						t.Fatalf("%s: %dx%d, element %d got %g, want %g", path.name, rows, cols, i, v, want)
					}
				}
			}
		}
	}
}

func TestGemmPanicsOnShortOperands(t *testing.T) {
	path := cpuGeneric()
	p := newCPUPool(1, &path)
	b := gemmPack(p, make([]float32, 6), 2, 3, 3, false)
	require.Panics(t, func() { gemm(p, 2, make([]float32, 3), 2, b, make([]float32, 6), 3, nil) })
	require.Panics(t, func() { gemm(p, 2, make([]float32, 4), 2, b, make([]float32, 5), 3, nil) })
}

// Many streams share one pool: each product has the bits of a quiet run.
func TestGemmConcurrent(t *testing.T) {
	gemmEach(t, func(t *testing.T, p *cpuPool) {
		const m, n, k = 33, 64, 90
		b := gemmNormal(19, n*k)
		packed := gemmPack(p, b, k, n, k, true)
		var wg sync.WaitGroup
		for g := range 16 {
			wg.Go(func() {
				a := gemmNormal(uint64(20+g), m*k)
				want, got := make([]float32, m*n), make([]float32, m*n)
				gemm(p, m, a, k, packed, want, n, nil)
				for range 20 {
					gemm(p, m, a, k, packed, got, n, nil)
					for i := range want {
						if want[i] != got[i] {
							t.Errorf("goroutine %d: element %d got %g, want %g", g, i, got[i], want[i])
							return
						}
					}
				}
			})
		}
		wg.Wait()
	})
}

// Each thread gets several blocks where there are as many tiles, and few rows are split by columns alone.
func TestGemmBlocks(t *testing.T) {
	path := cpuPath{mr: 6, nr: 16}
	for _, threads := range []int{1, 2, 5, 16} {
		for _, n := range []int{1, 16, 17, 384, 768, 3072} {
			for _, k := range []int{0, 1, 384, 3072, 1 << 20} {
				b := &gemmPacked{path: &path, k: k, n: n}
				for _, tiles := range []int{1, 2, 3, 8, 9, 22, 171} {
					rows, cols := gemmBlocks(threads, tiles, b)
					require.True(t, rows >= 1 && rows <= tiles && cols >= 1 && cols <= b.panels())
					items := gemmCeil(tiles, rows) * gemmCeil(b.panels(), cols)
					require.True(t, threads == 1 || items >= threads*gemmItems || rows == 1 && cols == 1, "%d tiles, n %d, k %d, %d threads: %d items", tiles, n, k, threads, items)
					if tiles <= 3 && b.panels() >= threads*gemmItems {
						require.Equal(t, tiles, rows)
					}
				}
			}
		}
	}
}
