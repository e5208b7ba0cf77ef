package cpuref

import (
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

func init() {
	impl[tensor.OpCrossEntropy] = func(s *stream, c *tensor.Call) error { return crossEntropyBy(s, c, sumExp) }
	impl[tensor.OpCrossEntropyBackward] = crossEntropyBackward
}

// targets are the operands that both directions of a cross entropy read.
type targets struct {
	z      rows[float32] // [R,C]
	t      rows[int32]   // [R] as one row
	weight []float32     // [C], nil: ones
	at     tensor.Attr
}

func (v *view) targets(c *tensor.Call) targets {
	return targets{v.in(&c.Src[0]), v.ints(&c.Src[1]), v.vector(&c.Src[2]), c.Attr}
}

// of is the target of row r; false where the row does not count.
func (g *targets) of(r int) (int, bool) {
	t := int(g.t.row(0)[r])
	return t, t >= 0 && t < g.z.cols && t != int(g.at.Index)
}

func (g *targets) weightOf(c int) float64 {
	if g.weight == nil {
		return 1
	}
	return float64(g.weight[c])
}

func (g *targets) reduction() tensor.Reduction { return tensor.Reduction(g.at.Mode) }

// weights is the sum of the weights of all classes.
func (g *targets) weights() (sum float64) {
	for c := range g.z.cols {
		sum += g.weightOf(c)
	}
	return sum
}

// loss is the loss of row r, that counts with target t.
func (g *targets) loss(r, t int, sumExp func([]float32) (largest, sum float64)) float64 {
	z := g.z.row(r)
	largest, sum := sumExp(z)
	logSum := math.Log(sum)
	e := float64(g.at.Rate)
	l := (1 - e) * g.weightOf(t) * (largest - float64(z[t]) + logSum)
	if e != 0 {
		all := 0.0
		for c, v := range z {
			all += g.weightOf(c) * (largest - float64(v) + logSum)
		}
		l += e / float64(len(z)) * all
	}
	return l
}

// crossEntropyBy: logits [R,C], target I32 [R], weight? [C] -> loss [R] or [1], of a
// mean total? [1]. sumExp is the way to the sum of a row's exponentials.
func crossEntropyBy(s *stream, c *tensor.Call, sumExp func([]float32) (largest, sum float64)) error {
	v := view{s: s}
	g, y, total := v.targets(c), v.out(&c.Dst[0]), v.out(&c.Dst[1])
	if v.err != nil {
		return v.err
	}
	loss := make([]float64, g.z.n)
	s.each(g.z.n, 8*g.z.cols, func(r int) {
		if t, counts := g.of(r); counts {
			loss[r] = g.loss(r, t, sumExp)
		}
	})
	g.reduce(loss, y.row(0), total)
	return nil
}

// reduce makes the result of the losses of the rows.
func (g *targets) reduce(loss []float64, y []float32, total rows[float32]) {
	if g.reduction() == tensor.ReduceNone {
		for r, l := range loss {
			y[r] = float32(l)
		}
		return
	}
	sum, divisor := 0.0, 0.0
	for r, l := range loss {
		if t, counts := g.of(r); counts {
			sum += l
			divisor += g.weightOf(t)
		}
	}
	if total.n > 0 {
		total.row(0)[0] = float32(divisor)
	}
	if g.reduction() == tensor.ReduceMean {
		sum /= divisor
		if divisor == 0 {
			sum = 0
		}
	}
	y[0] = float32(sum)
}

// crossEntropyBackward: logits [R,C], target I32 [R], weight? [C], dLoss [R] or [1],
// of a mean total [1] -> dLogits [R,C]: with p the softmax of z and W the sum of all
// weights, dz[c] = d ((1-e) w[t] (p[c] - [c = t]) + e/C (W p[c] - w[c])).
func crossEntropyBackward(s *stream, c *tensor.Call) error {
	v := view{s: s}
	g, dy, total, dz := v.targets(c), v.in(&c.Src[3]), v.vector(&c.Src[4]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	all := g.weights()
	s.each(dz.n, 8*dz.cols, func(r int) {
		t, counts := g.of(r)
		to := dz.row(r)
		if !counts {
			if !c.Accum {
				clear(to)
			}
			return
		}
		z := g.z.row(r)
		largest, sum := sumExp(z)
		hard, even := g.shares(r, t, dy, total)
		for i, v := range z {
			p := math.Exp(float64(v)-largest) / sum
			d := (hard + even*all) * p
			if i == t {
				d -= hard
			}
			put(&to[i], d-even*g.weightOf(i), c.Accum)
		}
	})
	return nil
}

// shares are d (1-e) w[t] and d e/C of row r, d being the gradient of its loss.
func (g *targets) shares(r, t int, dy rows[float32], total []float32) (hard, even float64) {
	d, e := 0.0, float64(g.at.Rate)
	switch g.reduction() {
	case tensor.ReduceNone:
		d = float64(dy.row(0)[r])
	case tensor.ReduceSum:
		d = float64(dy.row(0)[0])
	default:
		if total[0] != 0 {
			d = float64(dy.row(0)[0]) / float64(total[0])
		}
	}
	return d * (1 - e) * g.weightOf(t), d * e / float64(g.z.cols)
}
