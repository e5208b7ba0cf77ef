package gpu

import (
	"fmt"
)

// Kind is how a kernel uses a storage binding.
type Kind uint8

// The kinds of storage bindings.
const (
	ReadOnly  Kind = iota // var<storage, read>
	ReadWrite             // var<storage, read_write>
)

// KernelSpec describes a kernel. Its bindings are in group 0, storage first, in
// the order of Bindings; the parameters are a uniform at @binding(len(Bindings)).
type KernelSpec struct {
	Name           string // spells op and variant; a device has one kernel of a name
	WGSL           string
	Entry          string // entry point; empty: main
	Bindings       []Kind
	ParamBytes     int    // a multiple of 16; 0: no parameters
	Workgroup      [3]int // as in the source's @workgroup_size
	WorkgroupBytes int    // workgroup memory that the source declares
}

// Pipeline is a compiled kernel.
type Pipeline struct {
	d    *Device
	spec KernelSpec
	k    kernel
}

// Name is the name of the kernel.
func (p *Pipeline) Name() string { return p.spec.Name }

// Pipeline compiles the kernel of spec, once a name. The limits of the device
// are checked here, since not every driver does.
func (d *Device) Pipeline(spec KernelSpec) (*Pipeline, error) {
	if spec.Entry == "" {
		spec.Entry = "main"
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.pipelines[spec.Name]; p != nil {
		if p.spec.WGSL != spec.WGSL || p.spec.Entry != spec.Entry {
			return nil, fmt.Errorf("pipeline %s: a kernel of this name with another source exists", spec.Name)
		}
		if err := d.ready(); err != nil {
			return nil, fmt.Errorf("pipeline %s: %w", spec.Name, err)
		}
		return p, nil
	}
	if err := d.ready(); err != nil {
		return nil, fmt.Errorf("pipeline %s: %w", spec.Name, err)
	}
	if err := spec.check(&d.can); err != nil {
		return nil, fmt.Errorf("pipeline %s: %w", spec.Name, err)
	}
	spec.Bindings = append([]Kind(nil), spec.Bindings...)
	k, err := d.hw.compile(&spec)
	if err != nil {
		return nil, fmt.Errorf("pipeline %s: %w", spec.Name, d.check(err))
	}
	p := &Pipeline{d: d, spec: spec, k: k}
	d.pipelines[spec.Name] = p
	d.stats.Pipelines++
	return p, nil
}

func (s *KernelSpec) check(can *Caps) error {
	if s.Name == "" {
		return fmt.Errorf("no name, want one that spells op and variant")
	}
	if len(s.Bindings) == 0 || len(s.Bindings) > can.StorageBuffers {
		return fmt.Errorf("%d storage bindings, want 1 to %d, the device's limit", len(s.Bindings), can.StorageBuffers)
	}
	for i, k := range s.Bindings {
		if k > ReadWrite {
			return fmt.Errorf("binding %d is of kind %d, want read-only or read-write", i, k)
		}
	}
	if s.ParamBytes < 0 || s.ParamBytes%16 != 0 || s.ParamBytes > can.ParamBytes {
		return fmt.Errorf("%d bytes of parameters, want a multiple of 16 up to %d", s.ParamBytes, can.ParamBytes)
	}
	invocations := 1
	for axis, n := range s.Workgroup {
		if n < 1 || n > can.WorkgroupSize[axis] {
			return fmt.Errorf("workgroup %v, want 1 to %v, the device's limit", s.Workgroup, can.WorkgroupSize)
		}
		invocations *= n
	}
	if invocations > can.Invocations {
		return fmt.Errorf("workgroup %v of %d invocations, want up to %d, the device's limit", s.Workgroup, invocations, can.Invocations)
	}
	if s.WorkgroupBytes < 0 || s.WorkgroupBytes > can.WorkgroupBytes {
		return fmt.Errorf("%d bytes of workgroup memory, want up to %d, the device's limit", s.WorkgroupBytes, can.WorkgroupBytes)
	}
	return nil
}
