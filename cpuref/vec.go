package cpuref

import (
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

// vecSet says which form of the loops over rows a backend uses. Each loop has a
// form in plain Go and, on amd64, one for AVX2 and one for AVX-512 with the same
// bits as each other. Those take whole chunks of 16 floats; the methods here
// deal with what is left, so that an element has the same bits wherever it lies.
type vecSet uint8

const (
	vecGeneric vecSet = iota
	vecAVX2
	vecAVX512
)

const vecChunk = 16

func vecOf(p *cpuPath) vecSet {
	switch p.name {
	case "avx2":
		return vecAVX2
	case "avx512":
		return vecAVX512
	}
	return vecGeneric
}

// split is the number of elements in whole chunks; all are left to plain Go if
// the set is generic.
func (s vecSet) split(n int) int {
	if s == vecGeneric {
		return 0
	}
	return n &^ (vecChunk - 1)
}

// max is the largest element of x, -Inf if there is none. NaN may be passed over.
func (s vecSet) max(x []float32) float32 {
	largest := float32(math.Inf(-1))
	n := s.split(len(x))
	if n > 0 {
		largest = s.maxChunks(x[:n])
	}
	for _, v := range x[n:] {
		if v > largest {
			largest = v
		}
	}
	return largest
}

// dot is the inner product of x and y.
func (s vecSet) dot(x, y []float32) (sum float32) {
	n := s.split(len(x))
	if n > 0 {
		sum = s.dotChunks(x[:n], y[:n])
	}
	for i := n; i < len(x); i++ {
		sum += float32(x[i] * y[i])
	}
	return sum
}

// expSum sets dst to e^(scale x - shift) and gives the sum of dst, added up in
// float64 from blocks.
func (s vecSet) expSum(dst, x []float32, scale, shift float32) (sum float64) {
	if s == vecGeneric {
		for i, v := range x {
			dst[i] = exp32(float32(scale*v) - shift)
			sum += float64(dst[i])
		}
		return sum
	}
	const block = 512
	n := s.split(len(x))
	for i := 0; i < n; i += block {
		end := min(i+block, n)
		sum += float64(s.expSumChunks(dst[i:end], x[i:end], scale, shift))
	}
	if n < len(x) {
		var last [vecChunk]float32
		setAll(last[:], float32(math.Inf(-1)))
		copy(last[:], x[n:])
		sum += float64(s.expSumChunks(last[:], last[:], scale, shift))
		copy(dst[n:], last[:])
	}
	return sum
}

// scale sets dst to f x.
func (s vecSet) scale(dst, x []float32, f float32) {
	n := s.split(len(x))
	if n > 0 {
		s.scaleChunks(dst[:n], x[:n], f)
	}
	for i, v := range x[n:] {
		dst[n+i] = v * f
	}
}

// addScaled adds f x to dst.
func (s vecSet) addScaled(dst, x []float32, f float32) {
	n := s.split(len(x))
	if n > 0 {
		s.addScaledChunks(dst[:n], x[:n], f)
	}
	for i, v := range x[n:] {
		dst[n+i] += float32(v * f)
	}
}

// add sets dst to a + b, mul to a b.
func (s vecSet) add(dst, a, b []float32) {
	n := s.split(len(a))
	if n > 0 {
		s.addChunks(dst[:n], a[:n], b[:n])
	}
	for i := n; i < len(a); i++ {
		dst[i] = a[i] + b[i]
	}
}

func (s vecSet) mul(dst, a, b []float32) {
	n := s.split(len(a))
	if n > 0 {
		s.mulChunks(dst[:n], a[:n], b[:n])
	}
	for i := n; i < len(a); i++ {
		dst[i] = a[i] * b[i]
	}
}

// sum is the sum of x, squares that of (x - mean)^2.
func (s vecSet) sum(x []float32) float64 {
	n, sum := s.split(len(x)), 0.0
	if n > 0 {
		sum = s.sumChunks(x[:n])
	}
	for _, v := range x[n:] {
		sum += float64(v)
	}
	return sum
}

func (s vecSet) squares(x []float32, mean float64) float64 {
	n, sum := s.split(len(x)), 0.0
	if n > 0 {
		sum = s.squaresChunks(x[:n], mean)
	}
	for _, v := range x[n:] {
		d := float64(v) - mean
		sum += float64(d * d)
	}
	return sum
}

// normalize sets dst to (x - mean) rstd, times weight and plus bias where they
// are not nil.
func (s vecSet) normalize(dst, x, weight, bias []float32, mean, rstd float64) {
	n := s.split(len(x))
	if n > 0 {
		s.normalizeChunks(dst[:n], x[:n], weight, bias, mean, rstd)
	}
	for i := n; i < len(x); i++ {
		y := float32((float64(x[i]) - mean) * rstd)
		if weight != nil {
			y = float32(y * weight[i])
		}
		if bias != nil {
			y += bias[i]
		}
		dst[i] = y
	}
}

// activate sets dst to act(x).
func (s vecSet) activate(act tensor.Act, dst, x []float32) {
	switch {
	case act == tensor.ActNone:
		copy(dst, x)
	case s == vecGeneric:
		for i, v := range x {
			dst[i] = activate32(act, v)
		}
	default:
		n := s.split(len(x))
		s.activateChunks(act, dst[:n], x[:n])
		if n < len(x) {
			var last [vecChunk]float32
			copy(last[:], x[n:])
			s.activateChunks(act, last[:], last[:])
			copy(dst[n:], last[:])
		}
	}
}

// slope sets dst to act'(x).
func (s vecSet) slope(act tensor.Act, dst, x []float32) {
	if s == vecGeneric || act == tensor.ActNone {
		for i, v := range x {
			dst[i] = float32(slope(act, float64(v)))
		}
		return
	}
	n := s.split(len(x))
	s.slopeChunks(act, dst[:n], x[:n])
	if n < len(x) {
		var last [vecChunk]float32
		copy(last[:], x[n:])
		s.slopeChunks(act, last[:], last[:])
		copy(dst[n:], last[:])
	}
}
