package heads

import (
	"errors"
	"fmt"

	"github.com/cephalo-ml/cephalo/nn"
)

// ErrSize: a size beyond what any head takes. The error names the field, its value and
// what is allowed, and comes before memory is taken.
var ErrSize = errors.New("size out of bounds")

// The bounds of what a head is asked for, far from every published model: a size
// beyond them is a slip, or a file that means harm.
const (
	maxClasses    = 1 << 20
	maxVocabulary = 1 << 24
	maxWidth      = 1 << 15 // of hidden states: four times its square are nn.MaxElems
	maxCount      = 1 << 24 // of what is no axis of a parameter by itself
)

// bound is a field with the most that it may be.
type bound struct {
	field      string
	value, max int
}

// inBounds names the first field that is below 0 or above its bound.
func inBounds(fields ...bound) error {
	for _, f := range fields {
		if f.value < 0 {
			return fmt.Errorf("%s is %d, want more than 0: %w", f.field, f.value, ErrSize)
		}
		if f.value > f.max {
			return fmt.Errorf("%s is %d, want at most %d: %w", f.field, f.value, f.max, ErrSize)
		}
	}
	return nil
}

// checkLayers refuses sizes that are in bounds each by itself and make a layer that
// is not.
func checkLayers(cfg TaskConfig, o Options, inputDim int) error {
	w := max(width(cfg, o, inputDim), inputDim)
	expansion := 0
	if o.UseFFN {
		expansion = o.FFNExpansion
	}
	for _, f := range []struct {
		field string
		value int
		each  int64 // parameters of one
	}{
		{"num_classes", cfg.NumClasses, int64(w)},
		{"vocabulary_size", cfg.VocabularySize, int64(w)},
		{"ffn_expansion_factor", expansion, 2 * int64(w) * int64(w)},
	} {
		if most := nn.MaxElems / f.each; int64(f.value) > most {
			return fmt.Errorf("%s is %d, want at most %d at the width %d: %w", f.field, f.value, most, w, ErrSize)
		}
	}
	return nil
}
