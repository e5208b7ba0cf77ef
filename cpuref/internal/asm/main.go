// Command asm writes the assembly of package cpuref: the micro-kernels of gemm and the vector helpers.
// It runs by go generate in cpuref; a test of its own holds the committed files to its output.
package main

import (
	"log"
	"os"
	"path/filepath"
)

// files is what the command writes, by name.
func files() map[string]string {
	return map[string]string{
		"gemm_avx2_amd64.s":      gemmFile(avx2),
		"gemm_avx512_amd64.s":    gemmFile(avx512),
		"gemm_transpose_amd64.s": transposeFile(),
		"gemm_kernel_amd64.go":   gemmDeclarations(avx2, avx512),
		"vec_avx2_amd64.s":       vecFile(avx2),
		"vec_avx512_amd64.s":     vecFile(avx512),
		"vec_kernel_amd64.go":    vecDeclarations(avx2, avx512),
	}
}

func main() {
	log.SetFlags(0)
	dir := "."
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	for name, text := range files() {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
