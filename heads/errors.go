package heads

import (
	"errors"
	"fmt"
)

// The typed errors of spec section 10.
var (
	// ErrDimMismatch: a head's input_dim is not the width of the hidden states.
	ErrDimMismatch = errors.New("dimension mismatch")
	// ErrInputFormat: an input that the head cannot take.
	ErrInputFormat = errors.New("wrong input format")
)

// CheckWidth says whether a head fits hidden states of the given width: to be
// asked when it is put behind an encoder. The error wraps ErrDimMismatch.
func CheckWidth(h Head, hiddenSize int) error {
	if h.InputDim() != hiddenSize {
		return fmt.Errorf("head %q: %w", h.Config().Name, dimMismatch(h.InputDim(), hiddenSize))
	}
	return nil
}

func dimMismatch(inputDim, hiddenSize int) error {
	return fmt.Errorf("input_dim %d does not match hidden size %d; create the head with input_dim=%d: %w", inputDim, hiddenSize, hiddenSize, ErrDimMismatch)
}

func errNoVectors(head string, in Input) error {
	what := in.Hidden.Spec.String()
	if in.Layout != nil {
		what = "packed rows " + what
	}
	return fmt.Errorf("head %q has use_pooling false and reads one vector a sequence: hidden states are %s, want rank 2 [B,D]; pool them first, or create the head with use_pooling true: %w", head, what, ErrInputFormat)
}

func errNoPooledInput(head string) error {
	return fmt.Errorf("head %q reads the pooled vector (input pooled): pass pooler_output, or hidden states of rank 2: %w", head, ErrInputFormat)
}
