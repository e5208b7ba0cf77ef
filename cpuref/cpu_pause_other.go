//go:build !amd64

package cpuref

// cpuPause tells the processor that this is a spin loop.
func cpuPause() {}
