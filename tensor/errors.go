package tensor

import "errors"

// The sentinels that errors of operations wrap.
var (
	ErrShape       = errors.New("shape mismatch")
	ErrDType       = errors.New("dtype mismatch")
	ErrUnsupported = errors.New("not supported")
	ErrClosed      = errors.New("closed")
)
