//go:build !linux && !darwin

package safetensors

import "errors"

// exchange swaps what two names stand for in one step, which this system cannot.
func exchange(a, b string) error { return errors.ErrUnsupported }
