package testutil

// FiniteDifference is the derivative of f by x[i], by central differences of
// fourth order at two distances (h and 2h): with f exact to f32 and of unit size
// it is good to about 1e-5. f reads x. The steps that x really makes in f32 are used.
func FiniteDifference(f func() (float64, error), x []float32, i int) (float64, error) {
	const h = 1.0 / 32
	at := x[i]
	defer func() { x[i] = at }()
	slope := func(h float32) (float64, error) {
		x[i] = at + h
		step := float64(x[i])
		hi, err := f()
		if err != nil {
			return 0, err
		}
		x[i] = at - h
		step -= float64(x[i])
		lo, err := f()
		return (hi - lo) / step, err
	}
	near, err := slope(h)
	if err != nil {
		return 0, err
	}
	far, err := slope(2 * h)
	return (4*near - far) / 3, err
}
