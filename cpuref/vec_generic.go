package cpuref

import (
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

// The functions of the assembly loops in float32, by the same formulas; they
// round each product, so the last bits differ.

// exp32 is e^x, zero below the normal numbers: x = n ln 2 + r with |r| <= ln 2 / 2,
// e^r is a polynomial, 2^n goes into the exponent.
func exp32(x float32) float32 {
	switch {
	case x < -86.6:
		return 0
	case x > 88.3:
		x = 88.3
	case x != x:
		return x
	}
	const high = 0.693145751953125 // the first 16 bits of ln 2: n*high is exact
	n := int32(x*math.Log2E + 0.5)
	if x < 0 {
		n = int32(x*math.Log2E - 0.5)
	}
	r := x - float32(float32(n)*high) - float32(float32(n)*(math.Ln2-high))
	p := float32(0.0013948252936545696)
	p = float32(p*r) + 0.008368612562407788
	p = float32(p*r) + 0.04166624081630621
	p = float32(p*r) + 0.1666652187344374
	p = float32(p*r) + 0.5000000083834354
	p = float32(float32(p*r)*r) + r + 1
	return math.Float32frombits(math.Float32bits(p) + uint32(n)<<23)
}

// erf32 and tanh32 are odd rational functions, good to some units of the last place.
func erf32(z float32) float32 {
	z = clamp32(z, 3.92)
	t := z * z
	p := float32(1.992422105993814e-08)
	p = float32(p*t) - 1.957842864647679e-06
	p = float32(p*t) + 0.00014185217275485842
	p = float32(p*t) + 0.0037016774864488296
	p = float32(p*t) + 0.05057353919372021
	p = float32(p*t) + 0.19992608545661258
	p = float32(p*t) + 1.1283791089488617
	q := float32(0.0009560558249519167)
	q = float32(q*t) + 0.014353340095563431
	q = float32(q*t) + 0.11499906262266904
	q = float32(q*t) + 0.510511534650995
	q = float32(q*t) + 1
	return clamp32(z*p/q, 1)
}

func tanh32(z float32) float32 {
	z = clamp32(z, 9)
	t := z * z
	p := float32(1.335455706965165e-08)
	p = float32(p*t) + 2.0609002067674684e-05
	p = float32(p*t) + 0.003495583039830941
	p = float32(p*t) + 0.13381021283389877
	p = float32(p*t) + 0.9999999794458503
	q := float32(7.776514113624216e-07)
	q = float32(q*t) + 0.00032856266469986597
	q = float32(q*t) + 0.025876962622051528
	q = float32(q*t) + 0.46714336872146683
	q = float32(q*t) + 1
	return clamp32(z*p/q, 1)
}

func clamp32(x, most float32) float32 {
	if x > most {
		return most
	}
	if x < -most {
		return -most
	}
	return x
}

func activate32(act tensor.Act, x float32) float32 {
	switch act {
	case tensor.ActGelu:
		z := x * (1 / math.Sqrt2)
		if z < -3.92 { // zero to 1e-7; 1 + erf32 is not quite
			return 0
		}
		return 0.5 * x * (1 + erf32(z))
	case tensor.ActGeluTanh:
		z := x * (geluTanhScale + float32(geluTanhScale*geluTanhCube*x*x))
		if z < -9 {
			return 0
		}
		return 0.5 * x * (1 + tanh32(z))
	case tensor.ActSilu:
		if x < -86.6 {
			return 0
		}
		return x / (1 + exp32(-x))
	case tensor.ActTanh:
		return tanh32(x)
	case tensor.ActSigmoid:
		return 1 / (1 + exp32(-x))
	case tensor.ActMish: // x n / (n + 2), n = e^x (e^x + 2); from e^40 on it is x
		if x < -86.6 {
			return 0
		}
		e := exp32(min(x, 40))
		n := float32(e * (e + 2))
		return x * (n / (n + 2))
	case tensor.ActRelu:
		if x < 0 { // not max, which is many times slower
			return 0
		}
		return x
	}
	return float32(activate(act, float64(x)))
}
