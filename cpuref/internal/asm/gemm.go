package main

import "fmt"

// isa is what the micro-kernels of one instruction set need to know.
type isa struct {
	name  string // as in the functions' names
	reg   string // prefix of its vector registers
	lanes int    // floats in a register
	mr    int    // most rows of a tile; every tile is two registers wide
}

var (
	avx2   = isa{name: "AVX2", reg: "Y", lanes: 8, mr: 6}
	avx512 = isa{name: "AVX512", reg: "Z", lanes: 16, mr: 14}
)

const (
	sumBlock = 32 // gemmSumBlock of cpuref
	unroll   = 4  // steps of k in the main loop; divides sumBlock

	// B is prefetched this many bytes on, which hides the first reading of a weight that lies in memory:
	// 1.1 to 1.2 times the speed for 16 to 64 rows. With less than prefetchRows there is nothing to hide behind.
	prefetch     = 4096
	prefetchRows = 4
)

// General registers. Rows of A are addressed three to a base: base, base+lda, base+2*lda.
var rowBase = []string{"R8", "R9", "R12", "R13", "AX"}

const (
	regB     = "SI"
	regC     = "DI"
	regLDA   = "R10"
	regLDC   = "R11"
	regLeft  = "CX" // steps left after this block
	regCount = "BX" // steps left in this block
	regAdd   = "DX" // C holds a sum to add to
)

func gemmFile(s isa) string {
	t := assemblyFile()
	for rows := 1; rows <= s.mr; rows++ {
		s.kernel(t, rows)
	}
	return t.String()
}

func (s isa) function(rows int) string { return fmt.Sprintf("gemm%sx%d", s.name, rows) }

// acc is the accumulator of half h of a row; the last four registers hold B and broadcast elements of A.
func (s isa) acc(row, h int) string { return fmt.Sprint(s.reg, 2*row+h) }

func (s isa) spare(i int) string { return fmt.Sprint(s.reg, 2*s.mr+i) }

// rowAddress is the element of A in a row, disp bytes on.
func rowAddress(row, disp int) string {
	index := []string{"", "(" + regLDA + "*1)", "(" + regLDA + "*2)"}[row%3]
	return fmt.Sprintf("%d(%s)%s", disp, rowBase[row/3], index)
}

// kernel writes one micro-kernel; gemmTile in cpuref says what it computes.
func (s isa) kernel(t *text, rows int) {
	bases := (rows + 2) / 3
	fmt.Fprintf(t, "\n// func %s(steps int, a []float32, lda int, b []float32, c []float32, ldc int, add bool)\n", s.function(rows))
	fmt.Fprintf(t, "TEXT ·%s(SB), NOSPLIT, $0-97\n", s.function(rows))
	t.op("MOVQ", "steps+0(FP)", regLeft)
	t.op("MOVQ", "a_base+8(FP)", rowBase[0])
	t.op("MOVQ", "lda+32(FP)", regLDA)
	t.op("MOVQ", "b_base+40(FP)", regB)
	t.op("MOVBLZX", "add+96(FP)", regAdd)
	t.op("SHLQ", "$2", regLDA)
	for i := 1; i < bases; i++ {
		t.op("LEAQ", fmt.Sprintf("(%s)(%s*2)", rowBase[i-1], regLDA), rowBase[i])
		t.op("ADDQ", regLDA, rowBase[i])
	}

	t.label("block")
	for r := range rows {
		for h := range 2 {
			s.zero(t, s.acc(r, h))
		}
	}
	t.op("MOVQ", fmt.Sprintf("$%d", sumBlock), regCount)
	t.op("CMPQ", regLeft, regCount)
	t.op("CMOVQLT", regLeft, regCount)
	t.op("SUBQ", regCount, regLeft)
	t.op("SUBQ", fmt.Sprintf("$%d", unroll), regCount)
	t.op("JLT", "tail")

	t.label("loop")
	for u := range unroll {
		s.step(t, rows, u)
	}
	s.advance(t, bases, unroll)
	t.op("SUBQ", fmt.Sprintf("$%d", unroll), regCount)
	t.op("JGE", "loop")

	t.label("tail")
	t.op("ADDQ", fmt.Sprintf("$%d", unroll), regCount)
	t.op("JZ", "store")

	t.label("single")
	s.step(t, rows, 0)
	s.advance(t, bases, 1)
	t.op("DECQ", regCount)
	t.op("JNZ", "single")

	t.label("store")
	t.op("MOVQ", "c_base+64(FP)", regC)
	t.op("MOVQ", "ldc+88(FP)", regLDC)
	t.op("SHLQ", "$2", regLDC)
	t.op("TESTQ", regAdd, regAdd)
	t.op("JZ", "first")
	s.eachRow(t, rows, func(acc, address string) { t.op("VADDPS", address, acc, acc) })
	t.op("MOVQ", "c_base+64(FP)", regC)
	t.label("first")
	s.eachRow(t, rows, func(acc, address string) { t.op("VMOVUPS", acc, address) })
	t.op("MOVQ", "$1", regAdd)
	t.op("TESTQ", regLeft, regLeft)
	t.op("JNZ", "block")
	t.op("VZEROUPPER")
	t.op("RET")
}

func (s isa) zero(t *text, reg string) {
	if s.reg == "Z" {
		t.op("VPXORD", reg, reg, reg)
	} else {
		t.op("VXORPS", reg, reg, reg)
	}
}

// step multiplies column u of A by row u of the panel.
func (s isa) step(t *text, rows, u int) {
	for h := range 2 {
		t.op("VMOVUPS", fmt.Sprintf("%d(%s)", (2*u+h)*s.lanes*4, regB), s.spare(h))
	}
	for line := 0; rows >= prefetchRows && line < 2*s.lanes*4; line += 64 {
		t.op("PREFETCHT0", fmt.Sprintf("%d(%s)", prefetch+2*u*s.lanes*4+line, regB))
	}
	for r := range rows {
		a := s.spare(2 + r%2)
		t.op("VBROADCASTSS", rowAddress(r, 4*u), a)
		for h := range 2 {
			t.op("VFMADD231PS", s.spare(h), a, s.acc(r, h))
		}
	}
}

// advance moves on by n steps of k.
func (s isa) advance(t *text, bases, n int) {
	for _, base := range rowBase[:bases] {
		t.op("ADDQ", fmt.Sprintf("$%d", 4*n), base)
	}
	t.op("ADDQ", fmt.Sprintf("$%d", n*2*s.lanes*4), regB)
}

// eachRow visits the halves of the rows of C; it moves regC.
func (s isa) eachRow(t *text, rows int, visit func(acc, address string)) {
	for r := range rows {
		for h := range 2 {
			visit(s.acc(r, h), fmt.Sprintf("%d(%s)", h*s.lanes*4, regC))
		}
		if r < rows-1 {
			t.op("ADDQ", regLDC, regC)
		}
	}
}

// gemmDeclarations is the Go side: one declaration a kernel, and the tables of them.
func gemmDeclarations(sets ...isa) string {
	t := new(text)
	t.WriteString(header + "package cpuref\n")
	for _, s := range sets {
		fmt.Fprintf(t, "\nvar gemmTiles%s = []gemmTile{", s.name)
		for r := 1; r <= s.mr; r++ {
			if r > 1 {
				t.WriteString(", ")
			}
			t.WriteString(s.function(r))
		}
		t.WriteString("}\n")
	}
	for _, s := range sets {
		for r := 1; r <= s.mr; r++ {
			fmt.Fprintf(t, "\n//go:noescape\nfunc %s(steps int, a []float32, lda int, b []float32, c []float32, ldc int, add bool)\n", s.function(r))
		}
	}
	fmt.Fprintf(t, "\n//go:noescape\n%s\n", transposeDecl)
	return t.String()
}
