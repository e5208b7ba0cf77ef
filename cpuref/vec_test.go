package cpuref

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/tensor"
)

// vecSets are the sets that this processor runs.
func vecSets() (sets []vecSet) {
	for _, p := range cpuPaths() {
		if p.usable {
			sets = append(sets, vecOf(&p))
		}
	}
	return sets
}

func vecEach(t *testing.T, fn func(t *testing.T, s vecSet)) {
	for _, s := range vecSets() {
		t.Run(fmt.Sprint(s), func(t *testing.T) { fn(t, s) })
	}
}

func vecRandom(n int, scale float64) []float32 {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64() * scale)
	}
	return x
}

func within(t *testing.T, name string, got float32, want, tol float64) {
	t.Helper()
	if !(math.Abs(float64(got)-want) <= tol) {
		t.Fatalf("%s: got %g, want %g, tolerance %g", name, got, want, tol)
	}
}

// Errors stay below 1e-6 of max(1, |result|) over the whole line, and the ends hold.
func TestVecActivations(t *testing.T) {
	var x []float32
	for v := -110.0; v < 110; v += 0.00371 {
		x = append(x, float32(v))
	}
	for e := -40.0; e < 6; e += 0.01 {
		x = append(x, float32(math.Pow(10, e)), -float32(math.Pow(10, e)))
	}
	x = append(x, 0, 1, -1, 20.625, -13.24, 50, 1000, -1000, 200, -200, 1e30, -1e30, math.MaxFloat32, -math.MaxFloat32)
	vecEach(t, func(t *testing.T, s vecSet) {
		for act := tensor.ActNone; act < tensor.NumActs; act++ {
			y, worst := make([]float32, len(x)), 0.0
			s.activate(act, y, x)
			for i, v := range x {
				want := activate(act, float64(v))
				e := math.Abs(float64(y[i])-want) / max(1, math.Abs(want))
				if !(e <= 1e-6) {
					t.Fatalf("%s(%g) got %g, want %g", act, v, y[i], want)
				}
				worst = max(worst, e)
			}
			t.Logf("%s: worst error %.2g", act, worst)
			worst = 0
			s.slope(act, y, x)
			for i, v := range x {
				want := slope(act, float64(v))
				e := math.Abs(float64(y[i]) - want)
				if !(e <= 1e-6) {
					t.Fatalf("%s'(%g) got %g, want %g", act, v, y[i], want)
				}
				worst = max(worst, e)
			}
			t.Logf("%s': worst error %.2g", act, worst)
			for _, fn := range []func(tensor.Act, []float32, []float32){s.activate, s.slope} {
				nan := []float32{float32(math.NaN())}
				fn(act, nan, nan)
				kinked := act == tensor.ActNone || act == tensor.ActRelu || act == tensor.ActAbs // their slopes are constants
				require.True(t, kinked || math.IsNaN(float64(nan[0])), "%s(NaN)", act)
			}
		}
	})
}

// An element has the same bits in a chunk and in what is left of a row, and both
// instruction sets agree.
func TestVecSameBitsEverywhere(t *testing.T) {
	x, w, b := vecRandom(67, 3), vecRandom(68, 1), vecRandom(69, 1)
	type results struct {
		rows [][]float32
		sums []float64
	}
	var first *results
	for _, s := range vecSets() {
		var r results
		for n := 1; n <= len(x); n++ {
			var row []float32
			for act := tensor.ActNone; act < tensor.NumActs; act++ {
				y := make([]float32, n)
				s.slope(act, y, x[:n])
				row = append(row, y...)
				s.activate(act, y, x[:n])
				row = append(row, y...)
				for i := range n {
					one := make([]float32, 1)
					s.activate(act, one, x[i:i+1])
					require.Equal(t, y[i], one[0], "%s of element %d of %d", act, i, n)
				}
			}
			y := make([]float32, n)
			sum := s.expSum(y, x[:n], 0.5, 1.5)
			row = append(row, y...)
			s.normalize(y, x[:n], w, b, 0.25, 1.5)
			row = append(row, y...)
			s.normalize(y, x[:n], nil, nil, 0.25, 1.5)
			row = append(row, y...)
			r.rows = append(r.rows, row)
			r.sums = append(r.sums, sum, float64(s.dot(x[:n], w)), s.sum(x[:n]), s.squares(x[:n], 0.25), float64(s.max(x[:n])))
		}
		if s == vecGeneric {
			continue
		}
		if first == nil {
			first = &r
		}
		require.Equal(t, *first, r)
	}
}

func TestVecSums(t *testing.T) {
	vecEach(t, func(t *testing.T, s vecSet) {
		for _, n := range []int{0, 1, 7, 15, 16, 17, 31, 33, 64, 100, 768, 1000} {
			x, w, b := vecRandom(n, 2), vecRandom(n+1, 1), vecRandom(n+2, 1)
			largest, sum, squares := math.Inf(-1), 0.0, 0.0
			for _, v := range x {
				largest = max(largest, float64(v))
				sum += float64(v)
				squares += (float64(v) - 0.3) * (float64(v) - 0.3)
			}
			require.Equal(t, float32(largest), s.max(x), n)
			require.InDelta(t, sum, s.sum(x), 1e-10, n)
			require.InDelta(t, squares, s.squares(x, 0.3), 1e-9, n)
			product := 0.0
			for i, v := range x {
				product += float64(v) * float64(w[i])
			}
			within(t, "dot", s.dot(x, w), product, 1e-6*math.Sqrt(float64(1+n)))
			y, total := make([]float32, n), 0.0
			got := s.expSum(y, x, 0.7, 1.25)
			for i, v := range x {
				want := math.Exp(float64(float32(0.7))*float64(v) - 1.25)
				within(t, "exp", y[i], want, 3e-7*(1+want))
				total += want
			}
			within(t, "sum of exp", float32(got), total, 3e-7*(1+total))
			s.normalize(y, x, w, b, 0.3, 1.7)
			for i, v := range x {
				within(t, "normalize", y[i], (float64(v)-0.3)*1.7*float64(w[i])+float64(b[i]), 3e-6)
			}
			s.normalize(y, x, w, nil, 0.3, 1.7)
			for i, v := range x {
				within(t, "normalize without bias", y[i], (float64(v)-0.3)*1.7*float64(w[i]), 3e-6)
			}
			before := append([]float32(nil), w...)
			s.add(y, x, w)
			s.mul(w, x, b[:n])
			for i := range x {
				require.Equal(t, x[i]*b[i], w[i])
			}
			s.scale(w, x, 3)
			s.addScaled(y, x, 0.3)
			for i := range x {
				require.Equal(t, x[i]*3, w[i])
				require.Equal(t, float32(x[i]*0.3)+(x[i]+before[i]), y[i])
			}
		}
	})
}

// What is masked is exactly zero, and NaN is not lost.
func TestVecExpEnds(t *testing.T) {
	inf := float32(math.Inf(1))
	vecEach(t, func(t *testing.T, s vecSet) {
		x := []float32{-inf, 0, -100, -1e30, -86, 5, 88}
		x = append(x, x...)
		x = append(x, x...)
		y := make([]float32, len(x))
		s.expSum(y, x, 1, 0)
		for i, v := range x {
			switch {
			case v < -87:
				require.Zero(t, y[i])
			default:
				require.InEpsilon(t, math.Exp(float64(v)), float64(y[i]), 2e-7)
			}
		}
		x[3] = float32(math.NaN())
		require.True(t, math.IsNaN(s.expSum(y, x, 1, 0)))
	})
}

func BenchmarkVec(b *testing.B) {
	x, w := vecRandom(768, 1), vecRandom(769, 1)
	y := make([]float32, len(x))
	for _, s := range vecSets() {
		for act := tensor.ActGelu; act < tensor.NumActs; act++ {
			b.Run(fmt.Sprintf("%d/%s", s, act), func(b *testing.B) {
				b.SetBytes(768)
				for b.Loop() {
					s.activate(act, y, x)
				}
			})
			b.Run(fmt.Sprintf("%d/%s_slope", s, act), func(b *testing.B) {
				b.SetBytes(768)
				for b.Loop() {
					s.slope(act, y, x)
				}
			})
		}
		b.Run(fmt.Sprintf("%d/exp_sum", s), func(b *testing.B) {
			b.SetBytes(768)
			for b.Loop() {
				s.expSum(y, x, 1, 1)
			}
		})
		b.Run(fmt.Sprintf("%d/norm", s), func(b *testing.B) {
			b.SetBytes(768)
			for b.Loop() {
				s.squares(x, s.sum(x))
				s.normalize(y, x, w, w, 1, 1)
			}
		})
	}
}
