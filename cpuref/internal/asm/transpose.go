package main

import "fmt"

const transposeDecl = "func gemmTransposeAVX2(dst []float32, ldd int, src []float32, lds, rows, cols int)"

// transposeFile writes gemmTranspose for rows and cols that are multiples of 8, at least 8.
func transposeFile() string {
	t := assemblyFile()
	fmt.Fprintf(t, "\n// %s\nTEXT ·gemmTransposeAVX2(SB), NOSPLIT, $0-80\n", transposeDecl)
	t.op("MOVQ", "dst_base+0(FP)", "DI")
	t.op("MOVQ", "ldd+24(FP)", "R8")
	t.op("MOVQ", "src_base+32(FP)", "SI")
	t.op("MOVQ", "lds+56(FP)", "R9")
	t.op("MOVQ", "rows+64(FP)", "CX")
	t.op("SHLQ", "$2", "R8")
	t.op("SHLQ", "$2", "R9")

	t.label("rows")
	t.op("MOVQ", "cols+72(FP)", "DX")
	t.op("MOVQ", "SI", "R10")
	t.op("MOVQ", "DI", "R11")
	t.label("cols")
	t.op("MOVQ", "R10", "R12")
	t.op("MOVQ", "R11", "R13")
	for i := range 4 { // rows i and i+4 side by side
		t.op("VMOVUPS", "(R12)", fmt.Sprint("X", i))
		t.op("VMOVUPS", "16(R12)", fmt.Sprint("X", 4+i))
		t.op("ADDQ", "R9", "R12")
	}
	for i := range 4 {
		t.op("VINSERTF128", "$1", "(R12)", fmt.Sprint("Y", i), fmt.Sprint("Y", i))
		t.op("VINSERTF128", "$1", "16(R12)", fmt.Sprint("Y", 4+i), fmt.Sprint("Y", 4+i))
		t.op("ADDQ", "R9", "R12")
	}
	for h := 0; h < 8; h += 4 { // columns h to h+3: a 4x4 transpose in each half
		y := func(i int) string { return fmt.Sprint("Y", i) }
		t.op("VUNPCKLPS", y(h+1), y(h), y(8))
		t.op("VUNPCKHPS", y(h+1), y(h), y(9))
		t.op("VUNPCKLPS", y(h+3), y(h+2), y(10))
		t.op("VUNPCKHPS", y(h+3), y(h+2), y(11))
		t.op("VUNPCKLPD", y(10), y(8), y(12))
		t.op("VUNPCKHPD", y(10), y(8), y(13))
		t.op("VUNPCKLPD", y(11), y(9), y(14))
		t.op("VUNPCKHPD", y(11), y(9), y(15))
		for i := range 4 {
			t.op("VMOVUPS", y(12+i), "(R13)")
			t.op("ADDQ", "R8", "R13")
		}
	}
	t.op("ADDQ", "$32", "R10")
	t.op("LEAQ", "(R11)(R8*8)", "R11")
	t.op("SUBQ", "$8", "DX")
	t.op("JG", "cols")
	t.op("LEAQ", "(SI)(R9*8)", "SI")
	t.op("ADDQ", "$32", "DI")
	t.op("SUBQ", "$8", "CX")
	t.op("JG", "rows")
	t.op("VZEROUPPER")
	t.op("RET")
	return t.String()
}
