package cephalo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/cephalo-ml/cephalo/cpuref"
	"github.com/cephalo-ml/cephalo/gpu"
	"github.com/cephalo-ml/cephalo/kernels"
	"github.com/cephalo-ml/cephalo/tensor"
)

// The values of BackendOptions.Name.
const (
	BackendAuto   = "auto"   // WebGPU where an adapter that is no software renderer is found, else the CPU
	BackendCPU    = "cpu"    // pure Go
	BackendWebGPU = "webgpu" // an error where there is no adapter; a software renderer when there is nothing better
)

// BackendOptions choose a backend. The zero value is auto.
type BackendOptions struct {
	Name    string // auto, cpu, webgpu; "" reads CEPHALO_BACKEND, else auto
	Device  string // WebGPU adapter by number or part of its name; "" by preference
	Threads int    // CPU threads; 0 reads CEPHALO_THREADS, else all
	// Log gets one line that says which backend was chosen; nil: none.
	Log func(line string)
}

// OpenBackend chooses and opens a backend, once. A forced backend that is absent
// is an error (gpu.ErrNoDevice), never a fallback. The caller closes it.
func OpenBackend(ctx context.Context, o BackendOptions) (tensor.Backend, error) {
	name := o.Name
	if name == "" {
		name = os.Getenv("CEPHALO_BACKEND")
	}
	if name == "" {
		name = BackendAuto
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
	switch name {
	case BackendCPU:
		return openCPU(o, "")
	case BackendWebGPU:
		b, err := kernels.New(ctx, gpu.Options{Adapter: o.Device, AllowSoftware: true})
		if err != nil {
			return nil, fmt.Errorf("backend webgpu: %w", err)
		}
		o.Log("backend: " + b.Name())
		return b, nil
	case BackendAuto:
		b, err := kernels.New(ctx, gpu.Options{Adapter: o.Device})
		if err == nil {
			o.Log("backend: " + b.Name())
			return b, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if o.Device != "" {
			return nil, fmt.Errorf("device %q: %w", o.Device, err)
		}
		why := ""
		if !errors.Is(err, gpu.ErrNoDevice) {
			why = fmt.Sprintf(" (webgpu: %v)", err)
		}
		return openCPU(o, why)
	}
	return nil, fmt.Errorf("backend %q is unknown, want auto, cpu or webgpu: %w", name, tensor.ErrUnsupported)
}

func openCPU(o BackendOptions, why string) (tensor.Backend, error) {
	threads := o.Threads
	if v := os.Getenv("CEPHALO_THREADS"); threads == 0 && v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("CEPHALO_THREADS is %q, want a number from 1, or 0 for all", v)
		}
		threads = n
	}
	if threads < 0 {
		return nil, fmt.Errorf("threads is %d, want a number from 1, or 0 for all", threads)
	}
	b, err := cpuref.New(cpuref.Options{Threads: threads})
	if err != nil {
		return nil, fmt.Errorf("backend cpu: %w", err)
	}
	o.Log("backend: " + b.Name() + why)
	return b, nil
}
