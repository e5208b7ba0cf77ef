package tensor

import "fmt"

// IgnoreIndex is the target that a loss leaves out, in Hugging Face's data and PyTorch.
const IgnoreIndex = -100

func crossEntropyRows() rows {
	return rows{
		OpCrossEntropy: {Name: "cross_entropy", Check: checkCrossEntropy, Reads: 1<<0 | 1<<1 | 1<<2 | 1<<9, Grad: gradCrossEntropy,
			Aux: func(c *Call, a *[MaxDst]Spec) {
				if Reduction(c.Attr.Mode) == ReduceMean {
					a[1] = Of(F32, 1)
				}
			},
			Tol: func(c *Call) Tol { return tolSum(max(c.Src[0].Dim(0), c.Src[0].Dim(1))) }},
		OpCrossEntropyBackward: {Name: "cross_entropy_backward", Check: checkCrossEntropyBackward, Accum: true,
			Tol: func(c *Call) Tol { return tolSum(c.Src[0].Dim(1)) }},
	}
}

// CrossEntropyOptions are the choices of a cross entropy. The zero value takes class
// 0 for the ignored one: start from MeanCrossEntropy.
type CrossEntropyOptions struct {
	Ignore    int32   // target of a row that does not count
	Smoothing float32 // label smoothing, 0 up to below 1
	Reduction Reduction
}

// MeanCrossEntropy is the mean over the rows whose target is not IgnoreIndex.
var MeanCrossEntropy = CrossEntropyOptions{Ignore: IgnoreIndex, Reduction: ReduceMean}

// CrossEntropy is the negative log-likelihood of a target class for each row,
// as PyTorch computes it (torch.nn.functional.cross_entropy): with p = softmax(z),
// smoothing e and class weights w, of which the default is all ones,
//
//	l = (1-e) w[t] (-log p[t]) + e/C sum over c of w[c] (-log p[c])
//
// and ReduceMean divides the sum by the sum of w[t]; it is 0, and so is the
// gradient, where no row counts. A row whose target is Ignore or lies outside [0,C)
// does not count: l = 0 (CheckLabels finds wrong labels before they are uploaded).
// logits [R,C]; target I32 [R]; weight [C] or absent; result [R], or [1] of a sum
// or mean. Gradient to the logits alone.
func CrossEntropy(s Stream, logits, target, weight Tensor, o CrossEntropyOptions) (Tensor, error) {
	if err := wantF32("logits", &logits, 2, 2); err != nil {
		return Tensor{}, fmt.Errorf("cross_entropy: %w", err)
	}
	n := 1
	if o.Reduction == ReduceNone {
		n = logits.Dim(0)
	}
	return run1(s, Of(F32, n), Call{Op: OpCrossEntropy, Src: src(logits, target, weight),
		Attr: Attr{Index: o.Ignore, Rate: o.Smoothing, Mode: uint8(o.Reduction)}})
}

// CheckLabels finds the first label that is neither in [0,classes) nor ignore, and
// names its position.
func CheckLabels(labels []int32, classes int, ignore int32) error {
	for i, v := range labels {
		if v != ignore && (v < 0 || int64(v) >= int64(classes)) {
			return fmt.Errorf("labels: label %d is %d, want 0 to %d, or %d to leave it out: %w", i, v, classes-1, ignore, ErrShape)
		}
	}
	return nil
}

// checkTargets: logits [R,C], target I32 [R], weight? [C], and the attributes.
func checkTargets(c *Call) error {
	z := &c.Src[0]
	if err := wantF32("logits", z, 2, 2); err != nil {
		return err
	}
	if r := Reduction(c.Attr.Mode); r > ReduceMean {
		return fmt.Errorf("%s: %w", r, ErrUnsupported)
	}
	if !(c.Attr.Rate >= 0 && c.Attr.Rate < 1) {
		return fmt.Errorf("label smoothing %v, want 0 up to below 1: %w", c.Attr.Rate, ErrShape)
	}
	return all(wantSpec("target", &c.Src[1], I32, z.Dim(0)),
		optional(&c.Src[2], func() error { return wantSpec("weight", &c.Src[2], F32, z.Dim(1)) }))
}

// lossLen is the number of losses that a reduction leaves of n.
func lossLen(c *Call, n int) int {
	if Reduction(c.Attr.Mode) == ReduceNone {
		return n
	}
	return 1
}

// checkCrossEntropy: logits, target, weight? -> loss, total? [1]: of a mean, its divisor.
func checkCrossEntropy(c *Call) error {
	if err := checkTargets(c); err != nil {
		return err
	}
	dst := 1
	if Reduction(c.Attr.Mode) == ReduceMean {
		dst = 2
	}
	return all(only(c, dst, 3), wantSpec("loss", &c.Dst[0], F32, lossLen(c, c.Src[0].Dim(0))),
		optional(&c.Dst[1], func() error { return wantSpec("total", &c.Dst[1], F32, 1) }))
}

// checkCrossEntropyBackward: logits, target, weight?, dLoss, of a mean total -> dLogits.
func checkCrossEntropyBackward(c *Call) error {
	if err := checkTargets(c); err != nil {
		return err
	}
	if Reduction(c.Attr.Mode) == ReduceMean {
		if err := wantSpec("total", &c.Src[4], F32, 1); err != nil {
			return err
		}
	} else if err := only(c, MaxDst, 4); err != nil {
		return err
	}
	return all(only(c, 1, 5), wantSpec("dLoss", &c.Src[3], F32, lossLen(c, c.Src[0].Dim(0))), wantSame("dLogits", &c.Dst[0], &c.Src[0]))
}

func gradCrossEntropy(g Grads, c *Call) error {
	dy, dx, ok, err := poolGrads(g, c)
	if err != nil || !ok {
		return err
	}
	return Exec(g, Call{Op: OpCrossEntropyBackward, Dst: dst(dx), Src: src(c.Src[0], c.Src[1], c.Src[2], dy, c.Dst[1]), Attr: c.Attr, Accum: true})
}
