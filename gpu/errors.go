package gpu

import "errors"

// Errors that callers test for with errors.Is.
var (
	// ErrNoDevice says that there is no adapter to open, or none that may be taken.
	ErrNoDevice = errors.New("no gpu device")
	// ErrDeviceLost says that the device stopped working; every later call on it
	// returns this error too. Open a new one.
	ErrDeviceLost = errors.New("gpu device lost")
	// ErrClosed says that a device, buffer or list was used after it was closed,
	// released or recycled.
	ErrClosed = errors.New("already closed")
)
