package conformance

import (
	"fmt"
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

// difference is how far a result is from what is wanted.
type difference struct {
	index     int // worst element
	got, want float64
	share     float64 // of the tolerance that the worst element uses
	outside   int     // elements past the tolerance
	n         int     // elements compared
}

// compare holds |got-want| <= abs + rel*|want|. Infinities are equal to
// themselves; NaN is equal to nothing.
func compare(got, want []float64, tol tensor.Tol, skip func(i int) bool) difference {
	d := difference{index: -1}
	for i := range want {
		if skip != nil && skip(i) {
			continue
		}
		d.n++
		s := share(got[i], want[i], tol)
		if !(s <= 1) {
			d.outside++
		}
		if d.index < 0 || s > d.share || math.IsNaN(s) {
			d.index, d.got, d.want, d.share = i, got[i], want[i], s
		}
	}
	return d
}

// share is the part of the tolerance that got uses; above 1, or NaN, it is outside.
func share(got, want float64, tol tensor.Tol) float64 {
	switch {
	case got == want:
		return 0
	case math.IsNaN(got), math.IsNaN(want), math.IsInf(got, 0), math.IsInf(want, 0):
		return math.Inf(1)
	}
	return math.Abs(got-want) / (tol.Abs + tol.Rel*math.Abs(want)) // +Inf without a tolerance
}

func (d difference) ok() bool { return d.outside == 0 }

func (d difference) String() string {
	return fmt.Sprintf("%d of %d elements outside, worst at %d: got %v, want %v, %.3g of the tolerance", d.outside, d.n, d.index, d.got, d.want, d.share)
}

// Compare holds got to want, as cases are compared, and says how far off it is.
func Compare(got, want []float32, tol tensor.Tol) (report string, ok bool) {
	if len(got) != len(want) {
		return fmt.Sprintf("got %d elements, want %d", len(got), len(want)), false
	}
	d := compare(widen(got), widen(want), tol, nil)
	return d.String(), d.ok()
}

func widen(v []float32) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x)
	}
	return out
}
