package main

import "math"

// The derivatives of the activations. x is clamped to where they have reached
// their limits, so that no product overflows. Value 0 is x, the result value 2.

// relu' is 1 where x > 0, abs' the sign of x.
func (v *vec) reluSlope() (setup, each func()) {
	return func() { v.op("VMOVUPS", v.c(0), v.fixed(1)) }, func() { v.oneUnless(notGreater, 2) }
}

func (v *vec) absSlope() (setup, each func()) {
	return func() { v.op("VMOVUPS", v.c(0), v.fixed(1)) }, func() {
		v.oneUnless(notGreater, 2)
		v.oneUnless(notLess, 3)
		v.each("VSUBPS", 3, 2, 2)
	}
}

// Predicates of VCMPPS, both true for NaN.
const (
	notLess    = "$5"
	notGreater = "$10"
)

// oneUnless sets value to to 1, or 0 where value 0 compares to zero as predicate says.
func (v *vec) oneUnless(predicate string, to int) {
	v.compare(predicate, 0, 5)
	v.each("VMOVUPS", v.c(1), to)
	v.flush(to, 5)
}

// gelu' is Phi(x) + x phi(x).
func (v *vec) geluSlope() (setup, each func()) {
	return func() { v.edges(20, -20) }, func() {
		v.bounds(erfMost, -erfMost)
		v.clampEdges(0)
		v.each("VMULPS", v.c(1/math.Sqrt2), 0, 1)
		v.below(1, 5)
		v.clamp(1)
		v.ratio(1, 3, 2, 4, erfNum, erfDen)
		v.each("VMOVUPS", v.c(0.5), 1)
		v.each("VFMADD213PS", 1, 1, 2)
		v.flush(2, 5)
		v.each("VMULPS", 0, 0, 1)
		v.each("VMULPS", v.c(-0.5), 1, 1)
		v.bounds(expMost, expLeast)
		v.below(1, 5)
		v.exp(1, 3, 4)
		v.flush(4, 5)
		v.each("VMULPS", v.c(1/math.Sqrt(2*math.Pi)), 4, 4)
		v.each("VFMADD231PS", 0, 4, 2)
	}
}

// geluTanh' is (1 + t)/2 + x/2 (1 - t^2) u', u = sqrt(2/pi) (x + 0.044715 x^3),
// t = tanh u.
func (v *vec) geluTanhSlope() (setup, each func()) {
	return func() { v.edges(100, -100) }, func() {
		scale := math.Sqrt(2 / math.Pi)
		v.clampEdges(0)
		v.each("VMULPS", 0, 0, 1)
		v.horner(1, 5, scale, 3*0.044715*scale) // u'
		v.horner(1, 2, scale, 0.044715*scale)
		v.each("VMULPS", 0, 2, 1)
		v.tanhParts(1, 2, 3, 4)
		v.each("VMULPS", 0, 5, 5)
		v.each("VFMADD213PS", 2, 5, 3) // t + x u' (1 - t^2)
		v.each("VADDPS", v.c(1), 3, 3)
		v.each("VMULPS", v.c(0.5), 3, 2)
	}
}

// tanhParts sets value t to tanh z and value s to 1 - tanh^2 z and spoils z and n:
// with e = e^(-2|z|) they are (1 - e)/(1 + e) with the sign of z and 4e/(1 + e)^2.
func (v *vec) tanhParts(z, t, s, n int) {
	v.each("VANDPS", v.c(math.Copysign(0, -1)), z, s) // the sign
	v.each("VXORPS", s, z, z)
	v.each("VMULPS", v.c(-2), z, z)
	v.exp(z, n, t) // not flushed: that needs a value more, and 1e-37 is as good as zero
	v.each("VADDPS", v.c(1), t, z)
	v.each("VMOVUPS", v.c(1), n)
	v.each("VSUBPS", t, n, n)
	v.each("VDIVPS", z, n, n)
	v.each("VDIVPS", z, t, t)
	v.each("VDIVPS", z, t, z)
	v.each("VXORPS", s, n, t)
	v.each("VMULPS", v.c(4), z, s)
}

// tanh' is 1 - tanh^2 x.
func (v *vec) tanhSlope() (setup, each func()) {
	return func() { v.edges(20, -20) }, func() {
		v.clampEdges(0)
		v.tanhParts(0, 1, 2, 3)
	}
}

// silu' is g + x g (1 - g), g = 1/(1 + e), 1 - g = e g, e = e^-x.
func (v *vec) siluSlope() (setup, each func()) {
	return func() { v.edges(80, -80) }, func() {
		v.clampEdges(0)
		v.each("VXORPS", v.c(math.Copysign(0, -1)), 0, 1)
		v.exp(1, 3, 2)
		v.each("VADDPS", v.c(1), 2, 4)
		v.each("VMOVUPS", v.c(1), 1)
		v.each("VDIVPS", 4, 1, 1)
		v.each("VMULPS", 1, 2, 2)
		v.each("VMULPS", 0, 2, 2)
		v.each("VFMADD213PS", 1, 1, 2)
	}
}

// sigmoid' is e/(1 + e)^2, e = e^-|x|.
func (v *vec) sigmoidSlope() (setup, each func()) {
	return func() { v.edges(80, -80) }, func() {
		v.clampEdges(0)
		v.each("VORPS", v.c(math.Copysign(0, -1)), 0, 0)
		v.exp(0, 1, 2)
		v.each("VADDPS", v.c(1), 2, 0)
		v.each("VDIVPS", 0, 2, 2)
		v.each("VDIVPS", 0, 2, 2)
	}
}

// mish' is n/(n + 2) + 4 x e (e + 1)/(n + 2)^2, e = e^x, n = e (e + 2).
func (v *vec) mishSlope() (setup, each func()) {
	return func() { v.edges(20, -80) }, func() {
		v.clampEdges(0)
		v.each("VMOVAPS", 0, 1)
		v.exp(1, 3, 2)
		v.each("VADDPS", v.c(2), 2, 1)
		v.each("VMULPS", 2, 1, 1)      // n
		v.each("VADDPS", v.c(2), 1, 3) // n + 2
		v.each("VADDPS", v.c(1), 2, 4) // e + 1
		v.each("VMULPS", 4, 2, 2)      // e (e + 1)
		v.each("VMULPS", v.c(4), 2, 2)
		v.each("VMULPS", 0, 2, 2)
		v.each("VDIVPS", 3, 2, 2)
		v.each("VADDPS", 1, 2, 2)
		v.each("VDIVPS", 3, 2, 2)
	}
}

// edges and clampEdges bound x by fixed registers 2 and 3; edges sets the bounds
// of exp too.
func (v *vec) edges(hi, lo float64) {
	v.bounds(expMost, expLeast)
	v.op("VMOVUPS", v.c(hi), v.fixed(2))
	v.op("VMOVUPS", v.c(lo), v.fixed(3))
}

func (v *vec) clampEdges(i int) {
	v.each("VMINPS", i, v.fixed(2), i)
	v.each("VMAXPS", i, v.fixed(3), i)
}
