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

func errNoPooledInput(head string) error {
	return fmt.Errorf("head %q reads the pooled vector (input pooled): pass pooler_output, or hidden states of rank 2: %w", head, ErrInputFormat)
}
