package cephalo

import (
	"fmt"
	"math"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
)

// ignoreIndex marks a label that counts in no loss.
const ignoreIndex = -100

// loss computes the loss of the folder's labels from the logits (spec, section 7).
func (v *verifier) loss() error {
	logits, ok := v.got["logits"]
	if !ok || v.io.Dims("labels") == nil {
		return nil
	}
	z, err := logits.Float32()
	if err != nil {
		return err
	}
	labels, err := v.io.Read("labels")
	if err != nil {
		return err
	}
	var loss float64
	switch cfg := v.m.head.Config(); {
	case v.m.kind() == heads.KindTextClassification && (cfg.ProblemType == heads.MultiLabel || cfg.ProblemType == heads.RegressionProblem || cfg.NumClasses == 1):
		loss, err = elementLoss(z, labels, cfg.ProblemType == heads.MultiLabel)
	default:
		loss, err = v.crossEntropy(z, logits.Cols(), labels, cfg.TaskType == heads.TextGenerationTask)
	}
	if err != nil {
		return fmt.Errorf("loss of labels %v: %w", labels.Spec, err)
	}
	v.got["loss"] = tensor.Host{Spec: tensor.Of(tensor.F32), Data: tensor.Bytes([]float32{float32(loss)})}
	return nil
}

// elementLoss is the mean of BCE with logits, or of the squared error.
func elementLoss(z []float32, labels tensor.Host, multi bool) (float64, error) {
	var y []float32
	var err error
	if labels.DType == tensor.I64 {
		ints, e := labels.Int64()
		for _, i := range ints {
			y = append(y, float32(i))
		}
		err = e
	} else {
		y, err = labels.Float32()
	}
	if err != nil {
		return 0, err
	}
	if len(y) != len(z) {
		return 0, fmt.Errorf("%d labels for %d logits", len(y), len(z))
	}
	sum := 0.0
	for i := range z {
		a, b := float64(z[i]), float64(y[i])
		if multi {
			sum += math.Max(a, 0) - a*b + math.Log1p(math.Exp(-math.Abs(a)))
		} else {
			sum += (a - b) * (a - b)
		}
	}
	return sum / float64(max(len(z), 1)), nil
}

// crossEntropy is the mean over labels other than -100; shift compares each
// position with the label of the next one.
func (v *verifier) crossEntropy(z []float32, classes int, labels tensor.Host, shift bool) (float64, error) {
	y, err := labels.Int64()
	if err != nil {
		return 0, err
	}
	if len(y)*classes != len(z) {
		return 0, fmt.Errorf("%d labels for %d rows of logits", len(y), len(z)/max(classes, 1))
	}
	cols := int(v.batch.Layout.Cols)
	sum, n := 0.0, 0
	for i := range y {
		at := i
		if shift {
			if at = i - 1; i%cols == 0 {
				continue
			}
		}
		if y[i] == ignoreIndex {
			continue
		}
		if y[i] < 0 || y[i] >= int64(classes) {
			return 0, fmt.Errorf("label %d at %d, want 0 to %d or %d", y[i], i, classes-1, ignoreIndex)
		}
		row := z[at*classes : (at+1)*classes]
		top := math.Inf(-1)
		for _, x := range row {
			top = math.Max(top, float64(x))
		}
		total := 0.0
		for _, x := range row {
			total += math.Exp(float64(x) - top)
		}
		sum += top + math.Log(total) - float64(row[y[i]])
		n++
	}
	return sum / float64(max(n, 1)), nil
}
