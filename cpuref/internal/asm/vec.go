package main

import (
	"fmt"
	"math"
)

// vec writes the loops over rows of one instruction set. All work on chunks of
// 16 floats, one register of AVX-512 or two of AVX2, and add up in the same
// order, so that both sets give the same bits.
type vec struct {
	isa
	*text
	consts []float32
	fn     string
}

const chunk = 16

// parts is the number of registers that hold a chunk.
func (v *vec) parts() int { return chunk / v.lanes }

// reg is part p of value i; there are six values.
func (v *vec) r(i, p int) string { return fmt.Sprint(v.reg, i*v.parts()+p) }

// fixed is one of four registers for operands that stay the same.
func (v *vec) fixed(i int) string { return fmt.Sprint(v.reg, 6*v.parts()+i) }

// c is the memory of a constant, 16 times in a row.
func (v *vec) c(x float64) string {
	f := float32(x)
	for i, old := range v.consts {
		if math.Float32bits(old) == math.Float32bits(f) {
			return v.constant(i)
		}
	}
	v.consts = append(v.consts, f)
	return v.constant(len(v.consts) - 1)
}

func (v *vec) constant(i int) string { return fmt.Sprintf("vecConst%s<>+%d(SB)", v.name, 64*i) }

// each writes one instruction for every part. An operand is a value (int) or a string.
func (v *vec) each(name string, operands ...any) {
	for p := range v.parts() {
		args := make([]any, len(operands))
		for i, o := range operands {
			if n, ok := o.(int); ok {
				o = v.r(n, p)
			}
			args[i] = o
		}
		v.op(name, args...)
	}
}

func (v *vec) load(address string, value int) {
	for p := range v.parts() {
		v.op("VMOVUPS", fmt.Sprintf("%d(%s)", p*v.lanes*4, address), v.r(value, p))
	}
}

// with writes an instruction whose first operand is the chunk at an address.
func (v *vec) with(name, address string, a, b int) {
	for p := range v.parts() {
		v.op(name, fmt.Sprintf("%d(%s)", p*v.lanes*4, address), v.r(a, p), v.r(b, p))
	}
}

func (v *vec) store(value int, address string) {
	for p := range v.parts() {
		v.op("VMOVUPS", v.r(value, p), fmt.Sprintf("%d(%s)", p*v.lanes*4, address))
	}
}

func (v *vec) begin(name, signature string, frame int) {
	v.fn = "vec" + name + v.name
	fmt.Fprintf(v.text, "\n// func %s%s\nTEXT ·%s(SB), NOSPLIT, $0-%d\n", v.fn, signature, v.fn, frame)
}

// loop runs body for each chunk of a slice whose length is in CX, then ends with
// end. The registers in next go on by a chunk.
func (v *vec) loop(next []string, body, end func()) {
	v.op("SHRQ", "$4", "CX")
	v.op("JZ", "done")
	v.label("loop")
	body()
	for _, r := range next {
		v.op("ADDQ", "$64", r)
	}
	v.op("DECQ", "CX")
	v.op("JNZ", "loop")
	v.label("done")
	end()
	v.op("VZEROUPPER")
	v.op("RET")
}

// reduce folds value i to its first lane: halves are added, or compared, until
// one is left.
func (v *vec) reduce(name string, i int, result string) {
	y, x := fmt.Sprint("Y", i*v.parts()), fmt.Sprint("X", i*v.parts())
	if v.parts() == 1 {
		v.op("VEXTRACTF64X4", "$1", v.r(i, 0), "Y1")
		v.op(name, "Y1", y, y)
	} else {
		v.op(name, v.r(i, 1), v.r(i, 0), v.r(i, 0))
	}
	v.op("VEXTRACTF128", "$1", y, "X1")
	v.op(name, "X1", x, x)
	v.op("VPERMILPS", "$0x4E", x, "X1")
	v.op(name, "X1", x, x)
	v.op("VPERMILPS", "$0xB1", x, "X1")
	v.op(name, "X1", x, x)
	v.op("VMOVSS", x, result)
}

// clamp bounds a value by fixed registers 0 (above) and 1 (below); NaN passes.
func (v *vec) clamp(i int) {
	v.each("VMINPS", i, v.fixed(0), i)
	v.each("VMAXPS", i, v.fixed(1), i)
}

func (v *vec) bounds(hi, lo float64) {
	v.op("VMOVUPS", v.c(hi), v.fixed(0))
	v.op("VMOVUPS", v.c(lo), v.fixed(1))
}

// below remembers where value i is less than fixed register 1, in value mask or
// mask register K1; flush then sets value i to zero there.
func (v *vec) below(i, mask int) { v.compare("$1", i, mask) }

// compare remembers where value i compares to fixed register 1 as a predicate says.
func (v *vec) compare(predicate string, i, mask int) {
	if v.parts() == 1 {
		v.op("VCMPPS", predicate, v.fixed(1), v.r(i, 0), "K1")
		return
	}
	v.each("VCMPPS", predicate, v.fixed(1), i, mask)
}

func (v *vec) flush(i, mask int) {
	if v.parts() == 1 {
		v.op("VPXORD", v.r(i, 0), v.r(i, 0), "K1", v.r(i, 0))
		return
	}
	v.each("VANDNPS", i, mask, i)
}

// horner sets value to to the polynomial in value x; the highest power comes last.
func (v *vec) horner(x, to int, coefficients ...float64) {
	last := len(coefficients) - 1
	v.each("VMOVUPS", v.c(coefficients[last]), to)
	for i := last - 1; i >= 0; i-- {
		v.each("VFMADD213PS", v.c(coefficients[i]), x, to)
	}
}

// Bounds of the argument of exp: 2^n stays a normal number.
const (
	expMost  = 88.3
	expLeast = -86.6
)

// exp sets value p to e^x and spoils x and n. x = n ln 2 + r with |r| <= ln 2 / 2;
// e^r is a polynomial (fitted for the least relative error, 3e-9), 2^n is added
// to the exponent.
func (v *vec) exp(x, n, p int) {
	v.clamp(x)
	v.each("VMULPS", v.c(math.Log2E), x, n)
	round := "VROUNDPS"
	if v.parts() == 1 {
		round = "VRNDSCALEPS"
	}
	v.each(round, "$8", n, n)
	const high = 0.693145751953125 // the first 16 bits of ln 2: n*high is exact
	v.each("VFNMADD231PS", v.c(high), n, x)
	v.each("VFNMADD231PS", v.c(math.Ln2-high), n, x)
	v.horner(x, p, 0.5000000083834354, 0.1666652187344374, 0.04166624081630621, 0.008368612562407788, 0.0013948252936545696)
	v.each("VMULPS", x, p, p)
	v.each("VFMADD213PS", x, x, p)
	v.each("VADDPS", v.c(1), p, p)
	v.each("VCVTPS2DQ", n, n)
	v.each("VPSLLD", "$23", n, n)
	v.each("VPADDD", n, p, p)
}

// ratio sets value p to z P(z^2)/Q(z^2) and spoils t and q.
func (v *vec) ratio(z, t, p, q int, num, den []float64) {
	v.each("VMULPS", z, z, t)
	v.horner(t, p, num...)
	v.horner(t, q, den...)
	v.each("VMULPS", z, p, p)
	v.each("VDIVPS", q, p, p)
}

// erf and tanh as odd rational functions, fitted for the least relative error:
// 5e-8 for |z| <= 3.92, 2e-8 for |z| <= 9. Beyond that both are 1 to half an ulp.
var (
	erfNum  = []float64{1.1283791089488617, 0.19992608545661258, 0.05057353919372021, 0.0037016774864488296, 0.00014185217275485842, -1.957842864647679e-06, 1.992422105993814e-08}
	erfDen  = []float64{1, 0.510511534650995, 0.11499906262266904, 0.014353340095563431, 0.0009560558249519167}
	tanhNum = []float64{0.9999999794458503, 0.13381021283389877, 0.003495583039830941, 2.0609002067674684e-05, 1.335455706965165e-08}
	tanhDen = []float64{1, 0.46714336872146683, 0.025876962622051528, 0.00032856266469986597, 7.776514113624216e-07}
)

const (
	erfMost  = 3.92
	tanhMost = 9
)
