//go:build cpuref || !cgo || !(linux || darwin || windows) || !(amd64 || arm64)

package gpu

import (
	"context"
	"fmt"
)

// openDriver answers that this build has no driver.
func openDriver(context.Context) (driver, error) {
	return nil, fmt.Errorf("built without a webgpu driver (it needs cgo on linux, darwin or windows, amd64 or arm64, and no tag cpuref): %w", ErrNoDevice)
}
