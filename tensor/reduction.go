package tensor

import "fmt"

// Reduction is what a loss gives of its rows or elements.
type Reduction uint8

// The reductions.
const (
	ReduceNone Reduction = iota // each by itself
	ReduceSum
	ReduceMean // 0 of nothing
)

var reductionNames = [...]string{"none", "sum", "mean"}

func (r Reduction) String() string {
	if int(r) < len(reductionNames) {
		return reductionNames[r]
	}
	return fmt.Sprintf("Reduction(%d)", r)
}

// Reduce is the sum or the mean of all elements. It is composed of other
// operations. x of any shape; result [1], for ReduceNone a copy of x.
func Reduce(s Stream, x Tensor, r Reduction) (Tensor, error) {
	switch r {
	case ReduceNone:
		return Scale(s, x, 1, 0)
	case ReduceSum:
		return sumAll(s, x)
	case ReduceMean:
		sum, err := sumAll(s, x)
		if err != nil {
			return Tensor{}, err
		}
		defer s.Free(sum.Buf)
		return Scale(s, sum, 1/float32(max(x.Elems(), 1)), 0)
	}
	return Tensor{}, fmt.Errorf("%s: %w", r, ErrUnsupported)
}

// sumAll is the sum of all elements, [1].
func sumAll(s Stream, x Tensor) (Tensor, error) {
	if x.Rank <= 1 {
		if x.Rank == 0 {
			x.Rank, x.Shape[0], x.Stride = 1, 1, 1
		}
		return SumCols(s, x)
	}
	row, err := SumRows(s, x)
	if err != nil {
		return Tensor{}, err
	}
	defer s.Free(row.Buf)
	return SumCols(s, row)
}

// MSE is the squared difference (x - t)^2, element by element, or its sum or mean
// over all elements. It is composed of other operations. x and t of one shape; result
// of that shape, or [1].
func MSE(s Stream, x, t Tensor, r Reduction) (Tensor, error) {
	if err := wantSame("target", &t, &x); err != nil {
		return Tensor{}, fmt.Errorf("mse: %w", err)
	}
	d, err := AddScaled(s, x, t, -1)
	if err != nil {
		return Tensor{}, err
	}
	defer s.Free(d.Buf)
	y, err := Mul(s, d, d)
	if err != nil || r == ReduceNone {
		return y, err
	}
	defer s.Free(y.Buf)
	return Reduce(s, y, r)
}

// MaskedMean is sum(x m) / max(sum(m), 1), with m of zeros and ones the mean over the
// elements that m keeps, and 0 where it keeps none. It is composed of other
// operations. x and m of one shape, x finite; result [1]. Gradient to x; m is data.
func MaskedMean(s Stream, x, m Tensor) (Tensor, error) {
	if err := wantSame("mask", &m, &x); err != nil {
		return Tensor{}, fmt.Errorf("masked mean: %w", err)
	}
	kept, err := Mul(s, x, m)
	if err != nil {
		return Tensor{}, err
	}
	defer s.Free(kept.Buf)
	sum, err := sumAll(s, kept)
	if err != nil {
		return Tensor{}, err
	}
	defer s.Free(sum.Buf)
	part, err := oneOver(s, m)
	if err != nil {
		return Tensor{}, err
	}
	defer s.Free(part.Buf)
	return Mul(s, sum, part)
}

// oneOver is 1 / max(sum(m), 1), [1]. The maximum is 1 + relu(sum - 1).
func oneOver(s Stream, m Tensor) (Tensor, error) {
	y, err := sumAll(s, m)
	for _, f := range [...]func(Tensor) (Tensor, error){
		func(x Tensor) (Tensor, error) { return Scale(s, x, 1, -1) },
		func(x Tensor) (Tensor, error) { return Activation(s, x, ActRelu) },
		func(x Tensor) (Tensor, error) { return Scale(s, x, 1, 1) },
		func(x Tensor) (Tensor, error) { return Reciprocal(s, x) },
	} {
		if err != nil {
			return Tensor{}, err
		}
		x := y
		y, err = f(x)
		s.Free(x.Buf)
	}
	return y, err
}
