package cpuref

import (
	"fmt"
	"os"
	"runtime"
	"testing"
)

// gemmBenchShapes are products of BERT-base and MiniLM: M x N x K.
var gemmBenchShapes = [][3]int{
	{1024, 768, 768}, {1024, 3072, 768}, {1024, 768, 3072}, {512, 512, 512}, {1024, 1024, 1024},
	{128, 768, 768}, {128, 384, 384}, {128, 1536, 384}, {16, 768, 3072}, {16, 3072, 768}, {1, 768, 768}, {1, 3072, 768},
}

// BenchmarkGemm reports GFLOP/s. CEPHALO_CPU and CEPHALO_THREADS narrow what runs.
func BenchmarkGemm(b *testing.B) {
	for _, path := range cpuPaths() {
		if !path.usable || os.Getenv("CEPHALO_CPU") != "" && os.Getenv("CEPHALO_CPU") != path.name {
			continue
		}
		for threads := 1; threads <= runtime.NumCPU(); threads *= 2 {
			if want := os.Getenv("CEPHALO_THREADS"); want != "" && want != fmt.Sprint(threads) {
				continue
			}
			p := newCPUPool(threads, &path)
			for _, s := range gemmBenchShapes {
				m, n, k := s[0], s[1], s[2]
				b.Run(fmt.Sprintf("path=%s/threads=%d/%dx%dx%d", path.name, threads, m, n, k), func(b *testing.B) {
					a, c := gemmNormal(1, m*k), make([]float32, m*n)
					packed := gemmPack(p, gemmNormal(2, k*n), k, n, n, false)
					gemm(p, m, a, k, packed, c, n, nil)
					for b.Loop() {
						gemm(p, m, a, k, packed, c, n, nil)
					}
					b.ReportMetric(2*float64(m)*float64(n)*float64(k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
			}
			p.close()
		}
	}
}
