package heads

import "errors"

// The typed errors of spec section 10.
var (
	// ErrDimMismatch: a head's input_dim is not the width of the hidden states.
	ErrDimMismatch = errors.New("dimension mismatch")
	// ErrInputFormat: an input that the head cannot take.
	ErrInputFormat = errors.New("wrong input format")
)
