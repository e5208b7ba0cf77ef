package cpuref

import "golang.org/x/sys/cpu"

//go:generate go run ./internal/asm

// cpuPaths is the table of paths, the fastest first.
func cpuPaths() []cpuPath {
	x := &cpu.X86
	avx2 := x.HasAVX2 && x.HasFMA
	avx512 := avx2 && x.HasAVX512F && x.HasAVX512VL && x.HasAVX512DQ && x.HasAVX512BW
	return []cpuPath{
		{name: "avx512", usable: avx512, mr: 14, nr: 32, tiles: gemmTilesAVX512, transpose: gemmTransposeAVX2},
		{name: "avx2", usable: avx2, mr: 6, nr: 16, tiles: gemmTilesAVX2, transpose: gemmTransposeAVX2},
		cpuGeneric(),
	}
}
