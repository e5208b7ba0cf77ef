package main

import (
	"fmt"
	"math"
	"strings"
)

// vecFunctions are the loops, in the order of the files. signature and frame are
// those of their declarations; slices hold whole chunks.
var vecFunctions = []struct {
	name, signature string
	frame           int
	write           func(v *vec)
}{
	{"Max", "(x []float32) float32", 28, (*vec).max},
	{"Dot", "(x, y []float32) float32", 52, (*vec).dot},
	{"ExpSum", "(dst, x []float32, scale, shift float32) float32", 60, (*vec).expSum},
	{"Scale", "(dst, x []float32, f float32)", 52, (*vec).scale},
	{"AddScaled", "(dst, x []float32, f float32)", 52, (*vec).addScaled},
	{"Add", "(dst, a, b []float32)", 72, func(v *vec) { v.binary("VADDPS") }},
	{"Mul", "(dst, a, b []float32)", 72, func(v *vec) { v.binary("VMULPS") }},
	{"Sum", "(x []float32) float64", 32, func(v *vec) { v.moment(false) }},
	{"Squares", "(x []float32, mean float64) float64", 40, func(v *vec) { v.moment(true) }},
	{"Normalize", "(dst, x, weight, bias []float32, mean, rstd float64)", 112, (*vec).normalize},
	{"Gelu", "(dst, x []float32)", 48, func(v *vec) { v.unary(v.gelu) }},
	{"GeluTanh", "(dst, x []float32)", 48, func(v *vec) { v.unary(v.geluTanh) }},
	{"Silu", "(dst, x []float32)", 48, func(v *vec) { v.unary(v.silu) }},
	{"Tanh", "(dst, x []float32)", 48, func(v *vec) { v.unary(v.tanh) }},
	{"Sigmoid", "(dst, x []float32)", 48, func(v *vec) { v.unary(v.sigmoid) }},
	{"Mish", "(dst, x []float32)", 48, func(v *vec) { v.unary(v.mish) }},
	{"Relu", "(dst, x []float32)", 48, func(v *vec) { v.unary(v.relu) }},
	{"Abs", "(dst, x []float32)", 48, func(v *vec) { v.unary(v.abs) }},
	{"ReluSlope", "(dst, x []float32)", 48, func(v *vec) { v.unary(v.reluSlope) }},
	{"AbsSlope", "(dst, x []float32)", 48, func(v *vec) { v.unary(v.absSlope) }},
	{"GeluSlope", "(dst, x []float32)", 48, func(v *vec) { v.unary(v.geluSlope) }},
	{"GeluTanhSlope", "(dst, x []float32)", 48, func(v *vec) { v.unary(v.geluTanhSlope) }},
	{"SiluSlope", "(dst, x []float32)", 48, func(v *vec) { v.unary(v.siluSlope) }},
	{"TanhSlope", "(dst, x []float32)", 48, func(v *vec) { v.unary(v.tanhSlope) }},
	{"SigmoidSlope", "(dst, x []float32)", 48, func(v *vec) { v.unary(v.sigmoidSlope) }},
	{"MishSlope", "(dst, x []float32)", 48, func(v *vec) { v.unary(v.mishSlope) }},
}

func vecFile(s isa) string {
	v := &vec{isa: s, text: assemblyFile()}
	for _, f := range vecFunctions {
		v.begin(f.name, f.signature, f.frame)
		f.write(v)
	}
	v.WriteByte('\n')
	for i, c := range v.consts {
		for lane := range chunk {
			fmt.Fprintf(v.text, "DATA %s/4, $%#08x\n", strings.Replace(v.constant(i), fmt.Sprintf("+%d(", 64*i), fmt.Sprintf("+%d(", 64*i+4*lane), 1), math.Float32bits(c))
		}
	}
	fmt.Fprintf(v.text, "GLOBL vecConst%s<>(SB), RODATA|NOPTR, $%d\n", v.name, 64*len(v.consts))
	return v.String()
}

func vecDeclarations(sets ...isa) string {
	var t strings.Builder
	t.WriteString(header + "package cpuref\n")
	for _, s := range sets {
		for _, f := range vecFunctions {
			fmt.Fprintf(&t, "\n//go:noescape\nfunc vec%s%s%s\n", f.name, s.name, f.signature)
		}
	}
	return t.String()
}

func (v *vec) max() {
	v.op("MOVQ", "x_base+0(FP)", "SI")
	v.op("MOVQ", "x_len+8(FP)", "CX")
	v.each("VMOVUPS", v.c(math.Inf(-1)), 5)
	v.loop([]string{"SI"}, func() { v.with("VMAXPS", "SI", 5, 5) }, func() { v.reduce("VMAXPS", 5, "ret+24(FP)") })
}

func (v *vec) dot() {
	v.op("MOVQ", "x_base+0(FP)", "SI")
	v.op("MOVQ", "x_len+8(FP)", "CX")
	v.op("MOVQ", "y_base+24(FP)", "DX")
	v.each("VMOVUPS", v.c(0), 5)
	v.loop([]string{"SI", "DX"}, func() {
		v.load("SI", 0)
		v.with("VFMADD231PS", "DX", 0, 5)
	}, func() { v.reduce("VADDPS", 5, "ret+48(FP)") })
}

// expSum: dst = e^(scale x - shift), the result is the sum of dst. What is below
// expLeast, -Inf above all, gives zero.
func (v *vec) expSum() {
	v.op("MOVQ", "dst_base+0(FP)", "DI")
	v.op("MOVQ", "x_base+24(FP)", "SI")
	v.op("MOVQ", "x_len+32(FP)", "CX")
	v.bounds(expMost, expLeast)
	v.op("VBROADCASTSS", "scale+48(FP)", v.fixed(2))
	v.op("VBROADCASTSS", "shift+52(FP)", v.fixed(3))
	v.each("VMOVUPS", v.c(0), 5)
	v.loop([]string{"SI", "DI"}, func() {
		v.load("SI", 0)
		v.each("VFMSUB213PS", v.fixed(3), v.fixed(2), 0)
		v.below(0, 3)
		v.exp(0, 1, 2)
		v.flush(2, 3)
		v.each("VADDPS", 2, 5, 5)
		v.store(2, "DI")
	}, func() { v.reduce("VADDPS", 5, "ret+56(FP)") })
}

func (v *vec) scale() {
	v.op("MOVQ", "dst_base+0(FP)", "DI")
	v.op("MOVQ", "x_base+24(FP)", "SI")
	v.op("MOVQ", "x_len+32(FP)", "CX")
	v.op("VBROADCASTSS", "f+48(FP)", v.fixed(0))
	v.loop([]string{"SI", "DI"}, func() {
		v.load("SI", 0)
		v.each("VMULPS", v.fixed(0), 0, 0)
		v.store(0, "DI")
	}, func() {})
}

// addScaled: dst += f x, the product rounded, as plain Go does it.
func (v *vec) addScaled() {
	v.op("MOVQ", "dst_base+0(FP)", "DI")
	v.op("MOVQ", "x_base+24(FP)", "SI")
	v.op("MOVQ", "x_len+32(FP)", "CX")
	v.op("VBROADCASTSS", "f+48(FP)", v.fixed(0))
	v.loop([]string{"SI", "DI"}, func() {
		v.load("SI", 0)
		v.each("VMULPS", v.fixed(0), 0, 0)
		v.with("VADDPS", "DI", 0, 0)
		v.store(0, "DI")
	}, func() {})
}

func (v *vec) binary(name string) {
	v.op("MOVQ", "dst_base+0(FP)", "DI")
	v.op("MOVQ", "a_base+24(FP)", "SI")
	v.op("MOVQ", "a_len+32(FP)", "CX")
	v.op("MOVQ", "b_base+48(FP)", "DX")
	v.loop([]string{"SI", "DX", "DI"}, func() {
		v.load("SI", 0)
		v.with(name, "DX", 0, 0)
		v.store(0, "DI")
	}, func() {})
}

// doubles writes code for each register of doubles that a chunk fills: it is
// loaded to its own register from address.
func (v *vec) doubles(address string, body func(i int, reg string)) {
	lanes := v.lanes / 2
	for i := range chunk / lanes {
		reg := fmt.Sprint(v.reg, i)
		v.op("VCVTPS2PD", fmt.Sprintf("%d(%s)", i*lanes*4, address), reg)
		body(i, reg)
	}
}

// moment is the sum of x, or of (x - mean)^2, in float64.
func (v *vec) moment(squares bool) {
	v.op("MOVQ", "x_base+0(FP)", "SI")
	v.op("MOVQ", "x_len+8(FP)", "CX")
	n := chunk / (v.lanes / 2) // accumulators
	acc := func(i int) string { return fmt.Sprint(v.reg, n+i) }
	result := "ret+24(FP)"
	if squares {
		result = "ret+32(FP)"
		v.op("VBROADCASTSD", "mean+24(FP)", v.fixed(0))
	}
	for i := range n {
		v.zero(v.text, acc(i))
	}
	v.loop([]string{"SI"}, func() {
		v.doubles("SI", func(i int, reg string) {
			if !squares {
				v.op("VADDPD", reg, acc(i), acc(i))
				return
			}
			v.op("VSUBPD", v.fixed(0), reg, reg)
			v.op("VFMADD231PD", reg, reg, acc(i))
		})
	}, func() {
		for half := n / 2; half > 0; half /= 2 {
			for i := range half {
				v.op("VADDPD", acc(i+half), acc(i), acc(i))
			}
		}
		y, x := fmt.Sprint("Y", n), fmt.Sprint("X", n)
		if v.parts() == 1 {
			v.op("VEXTRACTF64X4", "$1", acc(0), "Y1")
			v.op("VADDPD", "Y1", y, y)
		}
		v.op("VEXTRACTF128", "$1", y, "X1")
		v.op("VADDPD", "X1", x, x)
		v.op("VPERMILPD", "$1", x, "X1")
		v.op("VADDPD", "X1", x, x)
		v.op("VMOVSD", x, result)
	})
}

// normalize: dst = (x - mean) rstd, in float64, then rounded and times weight
// and plus bias where they are there.
func (v *vec) normalize() {
	v.op("MOVQ", "dst_base+0(FP)", "DI")
	v.op("MOVQ", "x_base+24(FP)", "SI")
	v.op("MOVQ", "x_len+32(FP)", "CX")
	v.op("MOVQ", "weight_base+48(FP)", "DX")
	v.op("MOVQ", "bias_base+72(FP)", "BX")
	v.op("VBROADCASTSD", "mean+96(FP)", v.fixed(0))
	v.op("VBROADCASTSD", "rstd+104(FP)", v.fixed(1))
	half := map[string]string{"Z": "Y", "Y": "X"}[v.reg]
	n := chunk / (v.lanes / 2)
	eachPart := func(name, address string) {
		for i := range n {
			reg := fmt.Sprint(half, i)
			v.op(name, fmt.Sprintf("%d(%s)", i*v.lanes*2, address), reg, reg)
		}
	}
	v.loop([]string{"SI", "DI"}, func() {
		v.doubles("SI", func(i int, reg string) {
			v.op("VSUBPD", v.fixed(0), reg, reg)
			v.op("VMULPD", v.fixed(1), reg, reg)
			if v.reg == "Z" {
				v.op("VCVTPD2PS", reg, fmt.Sprint(half, i))
			} else {
				v.op("VCVTPD2PSY", reg, fmt.Sprint(half, i))
			}
		})
		v.op("TESTQ", "DX", "DX")
		v.op("JZ", "unweighted")
		eachPart("VMULPS", "DX")
		v.op("ADDQ", "$64", "DX")
		v.label("unweighted")
		v.op("TESTQ", "BX", "BX")
		v.op("JZ", "unbiased")
		eachPart("VADDPS", "BX")
		v.op("ADDQ", "$64", "BX")
		v.label("unbiased")
		for i := range n {
			v.op("VMOVUPS", fmt.Sprint(half, i), fmt.Sprintf("%d(DI)", i*v.lanes*2))
		}
	}, func() {})
}

// unary writes a loop that turns value 0 into value 2.
func (v *vec) unary(body func() (setup, each func())) {
	setup, each := body()
	v.op("MOVQ", "dst_base+0(FP)", "DI")
	v.op("MOVQ", "x_base+24(FP)", "SI")
	v.op("MOVQ", "x_len+32(FP)", "CX")
	setup()
	v.loop([]string{"SI", "DI"}, func() {
		v.load("SI", 0)
		each()
		v.store(2, "DI")
	}, func() {})
}

// gelu is x/2 (1 + erf(x/sqrt 2)). Left of the bound it is zero, to 1e-7; the
// rational function is not quite -1 there.
func (v *vec) gelu() (setup, each func()) {
	return func() { v.bounds(erfMost, -erfMost); v.op("VMOVUPS", v.c(1), v.fixed(2)) }, func() {
		v.each("VMULPS", v.c(1/math.Sqrt2), 0, 1)
		v.halfOnePlus(erfNum, erfDen)
	}
}

// geluTanh is x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
func (v *vec) geluTanh() (setup, each func()) {
	return func() { v.bounds(tanhMost, -tanhMost); v.op("VMOVUPS", v.c(1), v.fixed(2)) }, func() {
		scale := math.Sqrt(2 / math.Pi)
		v.each("VMULPS", 0, 0, 2)
		v.horner(2, 1, scale, 0.044715*scale)
		v.each("VMULPS", 0, 1, 1)
		v.halfOnePlus(tanhNum, tanhDen)
	}
}

// halfOnePlus sets value 2 to x/2 (1 + f(z)), x value 0, z value 1, f an odd
// rational function, at most fixed register 2; zero where z is below its bound.
func (v *vec) halfOnePlus(num, den []float64) {
	v.below(1, 5)
	v.clamp(1)
	v.ratio(1, 3, 2, 4, num, den)
	v.each("VMINPS", 2, v.fixed(2), 2)
	v.each("VMULPS", v.c(0.5), 0, 0)
	v.each("VFMADD213PS", 0, 0, 2)
	v.flush(2, 5)
}

func (v *vec) tanh() (setup, each func()) {
	return func() {
			v.bounds(tanhMost, -tanhMost)
			v.op("VMOVUPS", v.c(1), v.fixed(2))
			v.op("VMOVUPS", v.c(-1), v.fixed(3))
		}, func() {
			v.clamp(0)
			v.ratio(0, 3, 2, 4, tanhNum, tanhDen)
			v.each("VMINPS", 2, v.fixed(2), 2)
			v.each("VMAXPS", 2, v.fixed(3), 2)
		}
}

// silu is x / (1 + e^-x), zero where e^x is too small for a normal number.
func (v *vec) silu() (setup, each func()) {
	return func() { v.bounds(expMost, expLeast) }, func() {
		v.below(0, 5)
		v.onePlusExpMinus()
		v.each("VDIVPS", 2, 0, 2)
		v.flush(2, 5)
	}
}

func (v *vec) sigmoid() (setup, each func()) {
	return func() {
			v.bounds(expMost, expLeast)
			v.op("VMOVUPS", v.c(1), v.fixed(2))
		}, func() {
			v.onePlusExpMinus()
			v.each("VDIVPS", 2, v.fixed(2), 2)
		}
}

// onePlusExpMinus sets value 2 to 1 + e^-x, x value 0.
func (v *vec) onePlusExpMinus() {
	v.each("VXORPS", v.c(math.Copysign(0, -1)), 0, 1)
	v.exp(1, 3, 2)
	v.each("VADDPS", v.c(1), 2, 2)
}

// mish is x tanh(log(1 + e^x)) = x n / (n + 2) with n = e^x (e^x + 2). From e^40
// on it is x, and zero as silu.
func (v *vec) mish() (setup, each func()) {
	return func() { v.bounds(40, expLeast) }, func() {
		v.below(0, 5)
		v.each("VMOVAPS", 0, 1)
		v.exp(1, 3, 2)
		v.each("VADDPS", v.c(2), 2, 1)
		v.each("VMULPS", 1, 2, 2)
		v.each("VADDPS", v.c(2), 2, 1)
		v.each("VDIVPS", 1, 2, 2)
		v.each("VMULPS", 0, 2, 2)
		v.flush(2, 5)
	}
}

// relu is max(x, 0); NaN passes.
func (v *vec) relu() (setup, each func()) {
	return func() { v.op("VMOVUPS", v.c(0), v.fixed(0)) }, func() { v.each("VMAXPS", 0, v.fixed(0), 2) }
}

func (v *vec) abs() (setup, each func()) {
	return func() { v.op("VMOVUPS", v.c(math.Copysign(0, -1)), v.fixed(0)) }, func() { v.each("VANDNPS", 0, v.fixed(0), 2) }
}
